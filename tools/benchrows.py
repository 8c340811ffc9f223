# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tables of tools/bench and tools/bench-server share: the optimised build, and rows.

A row is {"name", "value", "unit", "floor", "ratio", "limit", "limit_of", "at_least", "ok"}, perhaps with "beside",
which says what the floor is; or {"name", "not_measured"} with the reason.
"""

import os
import subprocess
import sys

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
BUILD = os.path.join(TOP, "build-bench")


class NotMeasured(Exception):
    """Why a value is missing: one sentence."""


def build(targets):
    """Sets up and builds; says what fails and ends the program."""
    who = os.path.relpath(sys.argv[0], TOP)
    subprocess.run([os.path.join(TOP, "tools/setup")], check=True, stdout=sys.stderr)
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        done = subprocess.run(["meson", "setup", BUILD, TOP, "--buildtype=release"], capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            sys.exit(f"{who}: the build could not be set up:\n{done.stdout[-2000:]}")
    done = subprocess.run(["ninja", "-C", BUILD, *targets], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{who}: the build failed:\n{done.stdout[-4000:]}")


def row(name, value, unit, floor, limit, of_ratio=False, at_least=False, beside=None):
    """One line of the table; a limit holds for the value, or for its ratio to the floor."""
    ratio = value / floor
    judged = ratio if of_ratio else value
    one = {"name": name, "value": round(value, 3), "unit": unit, "floor": round(floor, 3), "ratio": round(ratio, 3),
           "limit": round(limit, 3), "limit_of": "ratio" if of_ratio else "value", "at_least": at_least,
           "ok": judged >= limit if at_least else judged <= limit}
    return one if beside is None else {**one, "beside": beside}


def missing(name, unit, why):
    return {"name": name, "value": None, "unit": unit, "floor": None, "ratio": None, "not_measured": str(why)}


def print_table(rows):
    """One line a row; what floors are stands below, by number."""
    width = max([42, *(len(one["name"]) for one in rows)])
    beside = list(dict.fromkeys(one["beside"] for one in rows if "beside" in one))
    print(f"{'':{width}} {'value':>9} {'floor':>9} {'ratio':>6}  limit")
    for one in rows:
        if "not_measured" in one:
            print(f"{one['name']:{width}} not measured: {one['not_measured']}")
            continue
        limit = f"{one['limit']} x floor" if one["limit_of"] == "ratio" else f"{one['limit']} {one['unit']}"
        if one["at_least"]:
            limit = "at least " + limit
        mark = f" [{beside.index(one['beside']) + 1}]" if "beside" in one else ""
        print(f"{one['name']:{width}} {one['value']:>9.2f} {one['floor']:>9.2f} {one['ratio']:>6.2f}  "
              f"{one['unit']}, {limit}{mark}{'' if one['ok'] else '  NOT KEPT'}")
    for number, text in enumerate(beside, 1):
        print(f"[{number}] the floor is {text}")


def exit_code(rows):
    """0; 1 when a limit is not kept; 2 when nothing could be measured."""
    if all("not_measured" in one for one in rows):
        return 2
    return 0 if all(one.get("ok", True) for one in rows) else 1
