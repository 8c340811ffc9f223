#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules say of pictures that people have labelled, and of faults that were put into good ones; see tools/quality."""

import argparse
import csv
import json
import math
import os
import statistics
import subprocess
import sys

CASE = "/quality/checks"
try:
    import checks_faults
    import cv2
    import numpy as np
except ImportError as missing:
    print(f"ok 1 - {CASE} # SKIP {missing.name} is not installed: tools/setup --test installs it\n1..1")
    sys.exit(0)

GOAL = 0.95
# What the wall, the top or the crop of a studio portrait deserves, and nobody's face.
DESERVED = ("background.", "geometry.", "image.resolution")
# Faults that most of the good portraits have a little of, white tops before a light wall: the value still says.
EVEN_SO = ("wall as clothes",)
# Labels, and the checks of which one must name what they say.
LABELLED = (
    ("nobody, or two", lambda row: row["faces"] in ("0", "2"), ("face.count",)),
    ("not frontal", lambda row: row["frontal"] == "no", ("pose.yaw", "pose.pitch", "pose.roll")),
    ("eyes shut", lambda row: row["eyes_open"] == "no", ("eyes.open",)),
    ("looking aside", lambda row: "aside" in row["note"], ("eyes.gaze", "pose.yaw")),
    ("mouth open or teeth", lambda row: row["faces"] == "1" and row["mouth"] in ("open", "teeth"), ("mouth.closed",)),
    ("background not plain", lambda row: row["plain_background"] == "no", ("background.plain",)),
    ("colour cast", lambda row: "cast" in row["note"], ("colour.natural",)),
    ("something on the head", lambda row: row["headwear"] == "yes" and row["faces"] == "1", ("head.cover", "face.count")),
    ("fringe", lambda row: "fringe" in row["note"], ("brows.visible",)),
    ("photo of a photo", lambda row: row["recaptured"] == "yes", ("authentic.recapture",)),
)
# What is no fault, but must be asked of a person where it is there, and seldom where it is not.
ASKED = (
    ("glasses", lambda row: row["glasses"] == "yes" and row["faces"] == "1", ("glasses.frame",)),
    ("no glasses", lambda row: row["glasses"] == "no" and row["frontal"] == "yes", ("glasses.frame",)),
    ("studio, brows", lambda row: is_studio(row), ("brows.visible",)),
    ("studio, ears", lambda row: is_studio(row), ("ears.visible",)),
)
# The other way round: what people called good must not fail.
GOOD = (
    ("one face", lambda row: row["faces"] == "1" and row["frontal"] == "yes", ("face.count",)),
    ("frontal", lambda row: row["frontal"] == "yes", ("pose.yaw", "pose.pitch", "pose.roll")),
    ("eyes open", lambda row: row["eyes_open"] == "yes", ("eyes.open",)),
    ("mouth closed", lambda row: row["mouth"] == "closed" and row["frontal"] == "yes", ("mouth.closed",)),
    ("plain background", lambda row: row["plain_background"] == "yes", ("background.plain",)),
    ("even light", lambda row: row["even_light"] == "yes", ("light.even",)),
    ("not recaptured", lambda row: row["recaptured"] == "no" and row["plain_background"] == "yes", ("authentic.recapture",)),
)


def wilson(hits, n):
    """The 95 % interval of a share (Wilson 1927)."""
    z = 1.959964
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0., middle - half), min(1., middle + half)


def ask(ctl, *words):
    done = subprocess.run([ctl, "--json", *words], capture_output=True, text=True, check=False)
    if not done.stdout:
        raise SystemExit(f"quality: {' '.join(words[:2])}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def judge(ctl, files, rules="chsi-diploma"):
    """{file: {check: {...}}} of all files, one program for many of them."""
    reports = {}
    for i in range(0, len(files), 40):
        for report in ask(ctl, "photo", "check", "--rules", rules, *files[i:i + 40]):
            # A file that cannot be judged has no checks, and nothing is named in it.
            reports[report["file"]] = {check["id"]: check for check in report.get("checks", ())}
    return reports


def is_named(report, checks, asked=False):
    said = ("warn", "fail", "confirm") if asked else ("warn", "fail")
    return any(report.get(check, {}).get("verdict") in said for check in checks)


def share_line(name, hits, n, more=""):
    low, high = wilson(hits, n)
    return f"  {name:<26} {hits:>4} of {n:<4} {100 * hits / n:5.1f} %  [{100 * low:.0f} .. {100 * high:.0f}]{more}"


class Run:
    """The lines that are printed, and what falls short."""

    def __init__(self):
        self.short = []

    @staticmethod
    def say(line=""):
        print(f"# {line}", flush=True)

    def demand(self, held, what):
        if not held:
            self.short.append(what)


def load_labels(data):
    with open(os.path.join(data, "labels.csv"), encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if os.path.exists(os.path.join(data, row["file"]))]
    for row in rows:
        row["note"] = row["note"] or ""
        row["path"] = os.path.join(data, row["file"])
    return rows


def labelled(run, rows, reports):
    run.say("Labelled faults: how many are named (a warning or a failure of the check), 95 % Wilson interval")
    for name, wanted, checks in LABELLED:
        mine = [row for row in rows if wanted(row)]
        if not mine:
            continue
        missed = [row["file"] for row in mine if not is_named(reports[row["path"]], checks)]
        asked = sum(is_named(reports[file_path(mine, file)], checks, asked=True) for file in missed)
        more = f"  missed: {', '.join(missed)}" if missed else ""
        more += f" ({asked} of them asked of a person)" if asked else ""
        run.say(share_line(name, len(mine) - len(missed), len(mine), more))
        # Hats in the colours of hair are always a question to a person: being asked is what is promised there.
        short = len(missed) - (asked if "head.cover" in checks else 0)
        if len(mine) >= 5:
            run.demand(len(mine) - short >= GOAL * len(mine), f"{name}: {short} of {len(mine)} not named")
    run.say()
    run.say("Asked of a person, or warned")
    for name, wanted, checks in ASKED:
        mine = [row for row in rows if wanted(row)]
        if mine:
            run.say(share_line(name, sum(is_named(reports[row["path"]], checks, asked=True) for row in mine), len(mine), f"  {checks[0]}"))
    run.say()
    run.say("Labelled as good: how many fail all the same")
    for name, wanted, checks in GOOD:
        mine = [row for row in rows if wanted(row)]
        if not mine:
            continue
        wrong = [row["file"] for row in mine if any(reports[row["path"]].get(check, {}).get("verdict") == "fail" for check in checks)]
        run.say(share_line(name, len(wrong), len(mine), f"  {', '.join(wrong)}" if wrong else ""))
        run.demand(not wrong, f"{name}: {', '.join(wrong)} fail")
    run.say()


def file_path(rows, file):
    return next(row["path"] for row in rows if row["file"] == file)


def is_studio(row):
    return (row["file"].startswith("london/") and "neutral" in row["file"]) or row["file"].startswith("canada/")


def studio(run, rows, reports):
    run.say("Plain, frontal, neutral studio portraits: what fails, and what warns but for wall, top and crop")
    n = 0
    for row in filter(is_studio, rows):
        report = reports[row["path"]]
        fails = [check for check, value in report.items() if value["verdict"] == "fail"]
        undeserved = [check for check in fails if not check.startswith(DESERVED)]
        warns = [check for check, value in report.items() if value["verdict"] == "warn" and not check.startswith(DESERVED)]
        n += not undeserved
        if fails or warns:
            run.say(f"  {row['file']:<26} fails: {', '.join(fails) or '-':<40} warns: {', '.join(warns) or '-'}")
        run.demand(not undeserved, f"{row['file']}: {', '.join(undeserved)} fail")
    total = sum(map(is_studio, rows))
    if total:
        run.say(share_line("nothing undeserved fails", n, total))
    run.say()


def truth(run, rows, ctl):
    """Pupils as people marked them (.tem: count, then the two pupils) against the engine's."""
    gaps, rolls = [], []
    for row in filter(is_studio, rows):
        tem = os.path.splitext(row["path"])[0] + ".tem"
        if not os.path.exists(tem):
            continue
        with open(tem, encoding="ascii") as file:
            marked = np.array([[float(v) for v in line.split()] for line in file.read().splitlines()[1:3]])
        found = np.array(ask(ctl, "photo", "landmarks", row["path"])["faces"][0]["iris"])
        across, mine = marked[1] - marked[0], found[1] - found[0]
        gaps.append(abs(np.hypot(*mine) / np.hypot(*across) - 1))
        rolls.append(abs(math.degrees(math.atan2(mine[1], mine[0]) - math.atan2(across[1], across[0]))))
    if gaps:
        run.say(f"Pupils against {len(gaps)} marked pairs: distance off by {100 * statistics.median(gaps):.2f} % (median), "
                f"{100 * max(gaps):.2f} % at most; roll by {statistics.median(rolls):.2f} (median), {max(rolls):.2f} degrees at most")
        run.demand(max(gaps) <= 0.02, f"pupils: {100 * max(gaps):.2f} % off")
        run.demand(max(rolls) <= 1., f"roll: {max(rolls):.2f} degrees off")
    run.say()


def age_band(age):
    return "age to 24" if age < 25 else "age 25 to 34" if age < 35 else "age from 35"


def margins(run, rows, reports, data):
    """How far inside its limits each group lies: margins say more than rates of so few people."""
    info = os.path.join(data, "london", "info.csv")
    if not os.path.exists(info):
        return
    with open(info, encoding="utf-8") as file:
        people = {row["face_id"]: row for row in csv.DictReader(file)}
    groups = {}
    for row in filter(is_studio, rows):
        person = people.get(os.path.basename(row["file"]).split("_", maxsplit=1)[0])
        if person is None or not row["file"].startswith("london/"):
            continue
        for group in (person["face_gender"], person["face_eth"], age_band(int(person["face_age"])), "all"):
            groups.setdefault(group, []).append(reports[row["path"]])
    if not groups:
        return
    run.say("Margin to the nearest limit, min / median / max of each group (neutral london portraits; < 0 lies outside)")
    checks = [check for check, value in groups["all"][0].items()
              if not check.startswith(("file.", "geometry.", "person.", "face.")) and (value["min"] is not None or value["max"] is not None)]
    for check in checks:
        run.say(f"  {check}")
        for group in sorted(groups, key=lambda name: (name == "all", name)):
            values = [margin for report in groups[group] if (margin := get_margin(report.get(check))) is not None]
            if values:
                run.say(f"    {group:<18} n={len(values):<3} {min(values):8.3f} {statistics.median(values):8.3f} {max(values):8.3f}")
    run.say()


def get_margin(check):
    if check is None or check["value"] is None:
        return None
    below = math.inf if check["min"] is None else check["value"] - check["min"]
    above = math.inf if check["max"] is None else check["max"] - check["value"]
    return min(below, above)


def load_portraits(ctl, rows, work, every):
    """Good pictures to spoil: no larger than a camera's still needs, with points and alpha."""
    portraits = []
    for i, row in enumerate(list(filter(is_studio, rows))[::every]):
        image = cv2.imread(row["path"])
        points = ask(ctl, "photo", "landmarks", row["path"])["faces"][0]
        scale = min(1., 150. / math.dist(*points["iris"]))
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        path = os.path.join(work, f"good-{i}.png")
        alpha = os.path.join(work, f"alpha-{i}.png")
        cv2.imwrite(path, image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        ask_quietly(ctl, "photo", "matte", path, "-o", alpha)
        alpha = cv2.imread(alpha, cv2.IMREAD_GRAYSCALE).astype(np.float32)[..., None] / 255
        portraits.append((path, checks_faults.Portrait(image.astype(np.float32), np.array(points["points"]) * scale,
                                                       np.array(points["iris"]) * scale, alpha, i)))
    return portraits


def ask_quietly(ctl, *words):
    subprocess.run([ctl, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def planted(run, ctl, portraits, work, only_must):
    run.say("Faults put into good portraits (named now and not before; the grade that must be named is marked *)")
    clean = judge(ctl, [path for path, _ in portraits])
    for name, checks, grades, must, make in checks_faults.FAULTS:
        if only_must and must is None:
            continue
        asked = name == "frame"
        line = []
        for k, grade in enumerate(grades):
            if only_must and grade != must:
                continue
            files = {}
            for i, (path, portrait) in enumerate(portraits):
                # A picture that has the fault already shows nothing, nor one in which it cannot be measured.
                already = is_named(clean[path], checks, asked) and name not in EVEN_SO
                if already or clean[path][checks[0]]["verdict"] == "unknown":
                    continue
                file = os.path.join(work, f"fault-{i}.jpg")
                cv2.imwrite(file, np.clip(make(portrait, grade), 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])
                files[file] = i
            if not files:
                continue
            reports = judge(ctl, list(files))
            hits = sum(is_named(report, checks, asked) for report in reports.values())
            low, high = wilson(hits, len(files))
            line.append(f"{'*' if grade == must else ''}{grade}: {hits}/{len(files)} [{100 * low:.0f}..{100 * high:.0f}]")
            if must is not None and grades.index(must) <= k:
                run.demand(hits >= GOAL * len(files), f"{name} {grade}: {hits} of {len(files)} named")
        run.say(f"  {name:<20} {checks[0]:<22} {'  '.join(line) or 'all have it already'}")
    run.say()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ctl", required=True, help="the retakectl to measure")
    parser.add_argument("--work", required=True, help="folder for pictures that are made")
    parser.add_argument("--every", type=int, default=1, help="spoil every Nth studio portrait only")
    parser.add_argument("--brief", action="store_true", help="only the grades of faults that must be named")
    options = parser.parse_args()
    data = os.environ.get("RTK_TESTDATA", "")
    if not os.path.exists(os.path.join(data, "labels.csv")):
        print(f"ok 1 - {CASE} # SKIP the labelled portraits of RTK_TESTDATA (../shared/testdata) are not there\n1..1")
        return 0
    os.makedirs(options.work, exist_ok=True)
    run = Run()
    rows = load_labels(data)
    reports = judge(options.ctl, [row["path"] for row in rows])
    labelled(run, rows, reports)
    studio(run, rows, reports)
    truth(run, rows, options.ctl)
    if not options.brief:
        margins(run, rows, reports, data)
    planted(run, options.ctl, load_portraits(options.ctl, rows, options.work, options.every), options.work, options.brief)
    for what in run.short:
        run.say(f"short of the goal: {what}")
    print(f"{'not ok' if run.short else 'ok'} 1 - {CASE}\n1..1")
    return 1 if run.short else 0


if __name__ == "__main__":
    sys.exit(main())
