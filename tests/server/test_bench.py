# SPDX-License-Identifier: GPL-3.0-or-later
"""Every row of tools/bench-server, with one very short run each: that it can be measured, not how much it is."""

import json
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "protocol"))

from tap import Skipped, expect, run  # noqa: E402

BENCH = os.path.join(HERE, "../../tools/bench-server")
NAMES = ("feed", "feed-missed", "feed-changing", "operations", "sockets", "memory", "claims")


def bench(*words):
    return subprocess.run([sys.executable, BENCH, *words], capture_output=True, text=True, check=False)


def measure(*names):
    for program in ("wrk", "/usr/sbin/nginx"):
        if shutil.which(program) is None:
            raise Skipped(f"{program} is not installed")
    done = bench("--short", "--json", *names)
    expect(done.returncode in (0, 1, 2), done.returncode, done.stderr)
    rows = json.loads(done.stdout)
    expect([one for one in rows if "not_measured" in one] == [], rows)
    for one in rows:
        expect(one["value"] > 0 and one["floor"] > 0 and one["ratio"] > 0 and one["limit"] > 0 and one["beside"], one)
    # 1: a limit is not kept, which a very short run may not.
    expect(done.returncode == (0 if all(one["ok"] for one in rows) else 1), done.returncode)
    return [one["name"] for one in rows]


def case_names():
    expect(bench("--list").stdout.split() == list(NAMES))
    wrong = bench("food")
    expect(wrong.returncode == 2 and "food" in wrong.stderr and "feed-missed" in wrong.stderr)


def case_rows():
    found = measure()
    expect(len(found) == 12, found)


def case_one_row():
    found = measure("sockets")
    expect(len(found) == 2 and all("WebSockets" in name for name in found), found)


if __name__ == "__main__":
    sys.exit(run("/server/bench", [("names", case_names), ("rows", case_rows), ("one-row", case_one_row)]))
