#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact sheets of before and after for real portraits, to be looked at; see tools/quality.

Each row: the crop of the original, the finished photo, and both along the hair at 200 %.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

FOLDERS = ("london", "canada", "officials", "hivision", "expression", "selfie")
FIXED = 65536
# Left half of the hair, right half, and the neck with both ends of the hair: x, y of 240 x 240 pixels.
PLACES = ((40, 60), (220, 60), (40, 300), (220, 300))
ROWS_A_SHEET = 3


def make_row(ctl, work, path):
    """One portrait; None where no photo can be made of it."""
    name = os.path.join(work, os.path.basename(path).rsplit(".", 1)[0])
    subprocess.run([ctl, "photo", "make", path, "--certificate", name + ".json", "-o", name + ".jpg"],
                   capture_output=True, check=False)
    if not os.path.exists(name + ".jpg"):
        print(f"{os.path.basename(path)}: no photo", file=sys.stderr)
        return None
    with open(name + ".json", encoding="utf-8") as file:
        crop = json.load(file)["recipe"]["crop"]
    after, before = cv2.imread(name + ".jpg"), cv2.imread(path)
    scale = crop["scale"] / FIXED
    move = np.float32([[scale, 0, crop["x"] / FIXED], [0, scale, crop["y"] / FIXED]])
    if scale > 1:
        before = cv2.GaussianBlur(before, (0, 0), .45 * scale)
    before = cv2.warpAffine(before, move, (after.shape[1], after.shape[0]), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    parts = [np.vstack([before, after])]
    for x, y in PLACES:
        parts.append(np.vstack([cv2.resize(image[y:y + 240, x:x + 240], (480, 480), interpolation=cv2.INTER_CUBIC)[:, :]
                                for image in (before, after)] + [np.full((320, 480, 3), 255, np.uint8)]))
    return np.hstack(parts)


def main():
    parser = argparse.ArgumentParser(prog="tools/quality sheets", description=__doc__)
    parser.add_argument("--ctl", required=True, help="the program")
    parser.add_argument("--testdata", default=os.environ.get("RTK_TESTDATA", ""), help="folder of portraits")
    parser.add_argument("--work", required=True, help="folder for the sheets")
    parser.add_argument("--only", default="", help="part of the file's name")
    options = parser.parse_args()
    paths = [os.path.join(options.testdata, folder, name)
             for folder in FOLDERS if os.path.isdir(os.path.join(options.testdata, folder))
             for name in sorted(os.listdir(os.path.join(options.testdata, folder)))
             if name.endswith((".jpg", ".png")) and options.only in name]
    os.makedirs(options.work, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = [row for row in pool.map(lambda path: make_row(options.ctl, options.work, path), paths) if row is not None]
    for start in range(0, len(rows), ROWS_A_SHEET):
        path = os.path.join(options.work, f"sheet-{start // ROWS_A_SHEET + 1:02}.png")
        cv2.imwrite(path, np.vstack(rows[start:start + ROWS_A_SHEET]))
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
