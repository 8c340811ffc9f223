#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds up the cases of one or more Meson runs and prints the closing line of tools/test.

  count_tests.py BUILD...   reads BUILD/meson-logs/testlog.json of each

A test program that dies or hangs without a failed case of its own counts as one failure. What was
skipped is named, with its reason. Exit code 1 when anything failed.
"""

import json
import os
import re
import sys

CASE = re.compile(r"^(not )?ok\b(?: \d+)?(?: - | )?([^#\n]*)(?:#\s*(SKIP|TODO)\b\s*(.*))?$", re.M)


def main():
    passed = failed = skipped = 0
    skips, failures = {}, []
    for build in sys.argv[1:]:
        with open(os.path.join(build, "meson-logs", "testlog.json"), encoding="utf-8") as log:
            tests = [json.loads(line) for line in log if line.strip()]
        for test in tests:
            name, result = test["name"].split(" / ")[-1], test["result"]
            bad = 0
            cases = CASE.findall(test.get("stdout") or "")
            for is_bad, case, directive, reason in cases:
                if directive == "SKIP":
                    skipped += 1
                    skips.setdefault(reason.strip() or "no reason given", []).append(case.strip())
                elif is_bad:
                    bad += 1
                    failures.append(f"{os.path.basename(build)}: {case.strip()}")
                else:
                    passed += 1
            if result == "SKIP" and not cases:
                skipped += 1
                skips.setdefault("the whole program", []).append(name)
            elif result not in ("OK", "SKIP", "EXPECTEDFAIL") and bad == 0:
                bad = 1
                failures.append(f"{os.path.basename(build)}: {name} ({result.lower()})")
            elif result == "OK" and not cases:
                passed += 1
            failed += bad
    for reason, cases in sorted(skips.items()):
        print(f"skipped ({reason}): {', '.join(sorted(set(cases)))}")
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
