#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types the section of docs/server.md that walks an order from beginning to end with curl, and compares what it prints.

Each ```sh block runs in one bash (set -e); a ```text block after it is what it must have printed, to the byte.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

from document import TOP
from server import PATIENCE, PROGRAM, Server
from tap import expect, run

SECTION = "## An order from beginning to end with curl\n"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.M | re.S)
# Every state of the three axes has to be seen on the way.
STATES = {"payment": {"unpaid", "closed", "paid", "refund_due", "refunded", "waived"},
          "submission": {"submitted", "in_review", "approved", "rejected", "superseded"},
          "delivery": {"none", "exported", "received"}, "print": {"none", "requested", "printed", "shipped"}}


def read_steps():
    """(number of the line, commands, what they print or None)"""
    with open(os.path.join(TOP, "docs/server.md"), encoding="utf-8") as file:
        text = file.read()
    begin = text.index(SECTION)
    end = text.find("\n## ", begin + 1)
    section = text[begin:end if end > 0 else len(text)]
    steps = []
    for block in BLOCK.finditer(section):
        line = text.count("\n", 0, begin + block.start()) + 1
        if block.group(1) == "sh":
            steps.append([line, block.group(2), None])
        else:
            expect(steps and steps[-1][2] is None, f"line {line}: a text block without commands before it")
            steps[-1][2] = block.group(2)
    return steps


def make_files(folder):
    """What a phone made."""
    picture = os.path.join(TOP, "tests/fixtures/astronaut.png")
    for name, size in (("original.jpg", "720x960!"), ("finished.jpg", "480x640!")):
        subprocess.run(["convert", picture, "-resize", size, "-strip", os.path.join(folder, name)], check=True)
    with open(os.path.join(folder, "report.json"), "w", encoding="ascii") as file:
        json.dump({"made": "up"}, file)


def write_script(folder, steps):
    """One script of all steps; what each prints goes to a file of its own."""
    lines = ["set -euo pipefail"]
    for number, (line, commands, _) in enumerate(steps):
        lines += [f"exec >out.{number}; echo {line} >at", commands]
    path = os.path.join(folder, "script")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    return path


def run_script(folder, script, environment):
    """Runs it in a process group of its own, of which nothing is left; what it says to stderr is in `errors`."""
    with open(os.path.join(folder, "errors"), "w", encoding="utf-8") as errors:
        process = subprocess.Popen(["bash", script], cwd=folder, env=environment, stderr=errors,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        return process.wait(PATIENCE)
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()


def read(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_walk():
    """Every block does what the text says."""
    steps = read_steps()
    server = Server(staff=())
    folder = server.data + ".walk"
    os.mkdir(folder)
    try:
        make_files(folder)
        environment = {**server.environment, "PATH": os.path.dirname(PROGRAM) + ":" + os.environ["PATH"],
                       "RETAKE_HOLD_SECONDS": "6"}
        code = run_script(folder, write_script(folder, steps), environment)
        expect(code == 0, f"docs/server.md:{read(folder, 'at').strip()}: the commands end with {code}:",
               read(folder, "errors")[-2000:], *[read(folder, f"out.{n}")[-300:] for n in range(len(steps))][-3:],
               read(folder, "log")[-2000:])
        for number, (line, _, wanted) in enumerate(steps):
            got = read(folder, f"out.{number}")
            expect(wanted is None and got == "" or got == wanted, f"docs/server.md:{line} prints {got!r}")
        for secret in ("EXAMPLE0", "3201992", "王小明", "李小红", "1009999", "a password"):
            expect(secret not in read(folder, "log"), "the log of the walk holds a secret")
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)


def test_states():
    """The walk passes every state of every axis: each stands in what it prints."""
    printed = " ".join(wanted or "" for _, _, wanted in read_steps())
    for axis, states in STATES.items():
        missing = {state for state in states if not re.search(rf"\b{state}\b", printed)}
        expect(not missing, f"the walk does not show {axis} {sorted(missing)}")


def main():
    return run("/server/handbook", [("walk", test_walk), ("states", test_states)])


if __name__ == "__main__":
    sys.exit(main())
