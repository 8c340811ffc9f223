#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scores `retakectl photo matte` on composites whose every alpha is known; see tools/quality."""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

CASE = "/quality/matte"
try:
    import cv2
    import matte_score
    import matte_set
    import numpy as np
except ImportError as missing:
    print(f"ok 1 - {CASE} # SKIP {missing.name} is not installed: tools/setup --test installs it\n1..1")
    sys.exit(0)

JPEG_QUALITY = (95, 0, 90, 0, 92, 0)


def cut_out(ctl, photo, plate, output):
    """One run of the program; `plate` may be None. Where the program fails there is no alpha."""
    done = subprocess.run([ctl, "photo", "matte", *(["--plate", plate] if plate else []), photo, "-o", output],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        return np.zeros((matte_set.HEIGHT, matte_set.WIDTH), np.float32)
    return cv2.imread(output, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255


def measure(ctl, folder, person, wall, seed, options):
    """Makes one composite and scores it, without and with its plate."""
    name = os.path.join(folder, f"{person.name}-{wall}")
    photo, plate, truth = matte_set.compose(person, wall, seed)
    quality = JPEG_QUALITY[seed % len(JPEG_QUALITY)]
    # Half of the photos, with their plates, are JPEG files as cameras make them.
    photo_file, plate_file = (f"{name}{part}.{'jpg' if quality else 'png'}" for part in ("", "-plate"))
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else [cv2.IMWRITE_PNG_COMPRESSION, 1]
    cv2.imwrite(photo_file, photo, flags)
    cv2.imwrite(plate_file, plate, flags)
    cv2.imwrite(f"{name}-truth.png", (truth * 255 + .5).astype("uint8"))
    rows = []
    for use_plate in ((False, True) if options.plate else (False,)):
        alpha = cut_out(ctl, photo_file, plate_file if use_plate else None, f"{name}-alpha{'-plate' * use_plate}.png")
        rows.append({"person": person.name, "wall": wall, "plate": use_plate, **matte_score.score(alpha, truth)})
    if not options.keep:
        for path in (photo_file, plate_file):
            os.remove(path)
    return rows


def mean_of(rows):
    return [statistics.fmean(row[metric] for row in rows) for metric in matte_score.METRICS]


def median_of(rows):
    return [statistics.median(row[metric] for row in rows) for metric in matte_score.METRICS]


def print_line(title, values):
    print(f"{title:36} {values[0]:8.4f} {values[1]:8.4f} {values[2]:8.3f} {values[3]:8.4f}")


def print_table(rows, each):
    for plate in sorted({row["plate"] for row in rows}):
        part = [row for row in rows if row["plate"] == plate]
        print(f"\n{'with a plate' if plate else 'without a plate':36} {'mae':>8} {'band':>8} {'grad':>8} {'halo':>8}")
        for row in part if each else ():
            print_line(f"  {row['person']} {row['wall']}", [row[metric] for metric in matte_score.METRICS])
        for key in ("person", "wall"):
            for value in dict.fromkeys(row[key] for row in part):
                print_line(f"{key} {value}", mean_of([row for row in part if row[key] == value]))
        print_line(f"mean of {len(part)}", mean_of(part))
        print_line("median", median_of(part))


def main():
    parser = argparse.ArgumentParser(prog="tools/quality matte", description=__doc__)
    parser.add_argument("--ctl", required=True, help="the program")
    parser.add_argument("--testdata", default=os.environ.get("RTK_TESTDATA", ""), help="folder with p3m and cutout")
    parser.add_argument("--work", required=True, help="folder for the pictures that are made")
    parser.add_argument("--half", choices=("tuning", "held-out", "both"), default="both")
    parser.add_argument("--every", type=int, default=1, help="only every Nth composite")
    parser.add_argument("--plate", action="store_true", help="also with a picture of the empty wall")
    parser.add_argument("--each", action="store_true", help="also a line for every composite")
    parser.add_argument("--keep", action="store_true", help="keep photos and plates, not only truths and alphas")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--limits", help="MAE,BAND,HALO: fail where a mean is larger (guard against regressions)")
    options = parser.parse_args()
    if not os.path.isdir(os.path.join(options.testdata, "p3m")):
        print(f"ok 1 - {CASE} # SKIP RTK_TESTDATA names no folder with p3m\n1..1")
        return 0
    entries = {"tuning": matte_set.TUNING, "held-out": matte_set.HELD_OUT,
               "both": matte_set.TUNING + matte_set.HELD_OUT}[options.half]
    os.makedirs(options.work, exist_ok=True)
    jobs, number = [], 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry in entries:
            person = None
            first = (matte_set.TUNING + matte_set.HELD_OUT).index(entry) * len(matte_set.WALLS)
            for k, wall in enumerate(matte_set.WALLS):
                number += 1
                if (number - 1) % options.every:
                    continue
                person = person or matte_set.load_person(options.testdata, entry)
                jobs.append(pool.submit(measure, options.ctl, options.work, person, wall, first + k, options))
        rows = [row for job in jobs for row in job.result()]
    if options.limits:
        return check_limits(rows, options.limits.split(","))
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        print_table(rows, options.each)
    return 0


def check_limits(rows, limits):
    """A test's result in TAP: a guard against getting worse, not the goal."""
    mean = dict(zip(matte_score.METRICS, mean_of(rows)))
    worse = [f"mean {metric} is {mean[metric]:.4f}, above {limit}"
             for metric, limit in zip(("mae", "band", "halo"), limits) if mean[metric] > float(limit)]
    print("1..1")
    print(f"{'not ' if worse else ''}ok 1 - {CASE}")
    for line in worse:
        print(f"# {line}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
