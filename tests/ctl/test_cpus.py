# SPDX-License-Identifier: GPL-3.0-or-later
"""The same photo, byte by byte, whatever the processor can do and however many threads there are.

OpenCV chooses its code by OPENCV_CPU_DISABLE; XNNPACK and the C library look at the processor alone,
so another one is emulated: qemu-user (package qemu-user) with a processor of 2008 that has no AVX, and
with one that has fused multiply-add.
"""

import os
import shutil
import subprocess
import sys

from harness import ASTRONAUT, CTL, PATIENCE, TESTDATA, Skipped, equal, expect, main, read_json, sha256

QEMU = "qemu-x86_64"
# What OpenCV may leave out, from the newest on; what it does not know it says, and goes on.
OPENCV_LEVELS = ["AVX512-SKX", "AVX512-SKX,AVX2,FMA3", "AVX512-SKX,AVX2,FMA3,AVX,FP16,POPCNT,SSE4.2,SSE4.1,SSSE3"]


# Of a million.
MOST_TIPPED = 20


def pictures():
    """One before a wall that is not plain, and one before a plain one where there is one."""
    found = [ASTRONAUT]
    portrait = os.path.join(TESTDATA, "london", "043_neutral.jpg")
    if TESTDATA and os.path.exists(portrait):
        found.append(portrait)
    return found


def make(desk, picture, name, before=(), env=None):
    """The photo's hash, and what its certificate says of original, alpha and file."""
    photo, certificate = desk.path(name + ".jpg"), desk.path(name + ".json")
    process = subprocess.Popen([*before, CTL, "photo", "make", picture, "-o", photo, "--certificate", certificate,
                                "--alpha", desk.path(name + ".png")],
                               env=dict(os.environ, **(env or {})), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    desk.processes.append(process)
    return process, photo, certificate


def difference(desk, one, other):
    """How many pixels of two alphas differ, and by how many levels at most."""
    values = []
    for metric in ("AE", "PAE"):
        done = subprocess.run(["compare", "-metric", metric, desk.path(one + ".png"), desk.path(other + ".png"), "null:"],
                              capture_output=True, text=True, check=False)
        values.append(float(done.stderr.split("(")[-1].rstrip(")")))
    return round(values[0]), round(values[1] * 255)


def finish(made):
    process, photo, certificate = made
    expect(process.wait(4 * PATIENCE) in (0, 1), "exit code", process.returncode)
    found = read_json(certificate)
    return {"file": sha256(photo), "recipe": found["recipe"], "sha256": found["sha256"]}


def need_emulator():
    if shutil.which(QEMU) is None:
        raise Skipped("qemu-user is not installed: tools/setup --test installs it")
    libraries = subprocess.run(["ldd", CTL], capture_output=True, text=True, check=False).stdout
    if "libasan" in libraries or "libtsan" in libraries:
        raise Skipped("a program with sanitizers does not run in qemu-user")


def test_opencv_limited(desk):
    for picture in pictures():
        wanted = finish(make(desk, picture, "all"))
        for number, level in enumerate(OPENCV_LEVELS):
            got = finish(make(desk, picture, f"limited-{number}", env={"OPENCV_CPU_DISABLE": level}))
            equal(got, wanted, f"{os.path.basename(picture)} without {level}")


def test_threads(desk):
    folder = desk.path("pictures")
    os.makedirs(folder)
    for number, picture in enumerate(pictures() * 3):
        shutil.copy(picture, os.path.join(folder, f"{number}{os.path.splitext(picture)[1]}"))
    made = {}
    for jobs in (1, 2, 4):
        out = desk.path(f"out-{jobs}")
        os.makedirs(out)
        desk.ctl("photo", "make", "--jobs", str(jobs), folder, "-o", out, code=1)
        made[jobs] = {name: sha256(os.path.join(out, name)) for name in sorted(os.listdir(out))}
    expect(len(made[1]) >= 3, made[1])
    equal(made[2], made[1], "two at once")
    equal(made[4], made[1], "four at once")


def test_processors(desk):
    """Made on a processor without AVX, on one with fused multiply-add and on this one.

    The networks' last bits follow the processor. That may tip the rounding of an alpha here and there
    by one level, never the crop or anything else that was decided.
    """
    need_emulator()
    if shutil.which("compare") is None:
        raise Skipped("ImageMagick is not installed: tools/setup --test installs it")
    for picture in pictures():
        running = {name: make(desk, picture, name, (QEMU, "-cpu", name)) for name in ("Nehalem", "Haswell")}
        wanted = finish(make(desk, picture, "here"))
        for name, one in running.items():
            got, title = finish(one), f"{os.path.basename(picture)} on {name}"
            equal(got["recipe"], wanted["recipe"], title)
            if got["sha256"]["alpha"] == wanted["sha256"]["alpha"]:
                equal(got, wanted, title)
                continue
            differing, peak = difference(desk, name, "here")
            print(f"# {title}: alpha differs by {peak} of 255 in {differing} pixels")
            expect(differing <= MOST_TIPPED and peak <= 1, title, differing, peak)


def test_verified_elsewhere(desk):
    """A photo made here is proved on another processor: file, alpha and recipe give the same bytes."""
    need_emulator()
    finish(make(desk, ASTRONAUT, "one"))
    words = ["photo", "verify", desk.path("one.json"), "--original", ASTRONAUT, "--delivered", desk.path("one.jpg")]
    here = desk.ctl(*words)
    there = subprocess.run([QEMU, "-cpu", "Nehalem", CTL, *words], capture_output=True, text=True, check=False,
                           timeout=4 * PATIENCE)
    equal((there.returncode, there.stdout), (here.code, here.out), "what is said of it")


if __name__ == "__main__":
    sys.exit(main([test_opencv_limited, test_threads, test_processors, test_verified_elsewhere]))
