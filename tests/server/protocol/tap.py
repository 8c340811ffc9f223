# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases as TAP: an ordered list of (name, function); a case that raises has failed."""

import os
import sys
import time
import traceback


class Skipped(Exception):
    """The case cannot be run here; says why."""


def expect(condition, *about):
    if not condition:
        raise AssertionError(" ".join(map(str, about)) or "not so")


def nothing(wrong):
    """Fails with every line of a list that should be empty."""
    for line in wrong[:40]:
        print(f"# {line}")
    expect(not wrong, f"{len(wrong)} faults")


def run(folder, cases):
    """Prints TAP and returns the exit code. `--verbose` says how long each case took."""
    verbose = "--verbose" in sys.argv
    failed = 0
    print(f"1..{len(cases)}", flush=True)
    for number, (name, case) in enumerate(cases, 1):
        began = time.monotonic()
        verdict, more = "ok", ""
        try:
            case()
        except Skipped as reason:
            more = f" # SKIP {reason}"
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            verdict = "not ok"
            text = traceback.format_exc()
            if isinstance(error, AssertionError) and not verbose:
                where = [f"{os.path.basename(frame.filename)}:{frame.lineno}"
                         for frame in traceback.extract_tb(error.__traceback__)]
                text = f"{error} ({' '.join(where)})"
            for line in text.splitlines():
                print(f"# {line}")
        print(f"{verdict} {number} {folder}/{name}{more}", flush=True)
        if verbose:
            print(f"# {time.monotonic() - began:.2f} s", flush=True)
    return 1 if failed else 0
