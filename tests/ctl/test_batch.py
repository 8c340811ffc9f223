#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many files at once: folders, cores, names, the bar, and an end before the end."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys

from harness import ASTRONAUT, CTL, equal, expect, main, read_json, sha256, write
from test_photo import png


def folder_of_pictures(desk, name, count=3):
    """A folder with pictures, a file that is none but is called so, and things to pass over."""
    place = desk.path(name)
    os.mkdir(place)
    for number in range(1, count + 1):
        shutil.copy(desk.made(f"variant-{number}.png"), os.path.join(place, f"p{number}.png"))
    write(os.path.join(place, "notes.txt"), "no picture")
    write(os.path.join(place, ".hidden.jpg"), "no picture")
    os.mkfifo(os.path.join(place, "pipe.jpg"))
    return place


def contents(place):
    return {name: sha256(os.path.join(place, name)) for name in sorted(os.listdir(place))}


def without_time(document):
    return [{key: value for key, value in one.items() if key not in ("ms", "delivered")} for one in document]


def test_jobs_change_nothing(desk):
    """The same bytes and the same order whatever the number of threads."""
    place = folder_of_pictures(desk, "in", 5)
    write(os.path.join(place, "p2-bad.jpg"), "no picture")
    documents, folders, errors = [], [], []
    for jobs in ("1", "2", "4", "0"):
        out = desk.path("out" + jobs)
        os.mkdir(out)
        done = desk.ctl("--json", "photo", "make", "--jobs", jobs, place, "-o", out, "--certificate", out, code=2)
        documents.append(without_time(done.json))
        folders.append(contents(out))
        errors.append(done.err)
    for number in (1, 2, 3):
        equal(documents[number], documents[0], "documents")
        equal(folders[number], folders[0], "files")
        equal(errors[number], errors[0], "what was said")
    equal([os.path.basename(one["file"]) for one in documents[0]],
          ["p1.png", "p2-bad.jpg", "p2.png", "p3.png", "p4.png", "p5.png"])
    equal(sorted(folders[0]), [f"p{n}.{ending}" for n in range(1, 6) for ending in ("cert.json", "jpg")])
    bad = documents[0][1]
    expect(set(bad) == {"file", "error", "advice"} and "JPEG or PNG" in bad["advice"], bad)
    # One line for the file, one for all.
    expect(errors[0].count("\n") == 2 and "p2-bad.jpg" in errors[0] and "1 could not be made" in errors[0], errors[0])


def test_check_folders(desk):
    place = folder_of_pictures(desk, "in", 2)
    os.makedirs(os.path.join(place, "deeper", "still"))
    shutil.copy(ASTRONAUT, os.path.join(place, "deeper", "still", "p.PNG"))
    os.symlink(place, os.path.join(place, "deeper", "back"))
    one = desk.ctl("--json", "photo", "check", place, code=1).json
    equal([os.path.basename(file["file"]) for file in one], ["p1.png", "p2.png"])
    done = desk.ctl("--json", "photo", "check", "--recursive", place, ASTRONAUT, code=1)
    equal([os.path.relpath(file["file"], place) for file in done.json][:3], ["deeper/still/p.PNG", "p1.png", "p2.png"])
    equal(done.json[3]["file"], ASTRONAUT)
    expect("4 with a failed rule" in done.err, done.err)
    text = desk.ctl("photo", "check", "--jobs", "2", place, code=1)
    expect(text.out.index("p1.png: fail") < text.out.index("p2.png: fail"), text.out)
    os.mkdir(desk.path("empty"))
    expect("folder" in desk.refuses("photo", "check", desk.path("empty")), "an empty folder")
    found = desk.ctl("photo", "landmarks", place).json
    equal([(os.path.basename(file["file"]), len(file["faces"])) for file in found], [("p1.png", 1), ("p2.png", 1)])


def test_names(desk):
    """Two pictures of one name do not become one file, and no original is written over."""
    places = [folder_of_pictures(desk, name, 1) for name in ("a", "b")]
    shutil.copy(desk.made("variant-2.png"), os.path.join(places[1], "p1.png"))
    shutil.copy(desk.made("variant-3.png"), os.path.join(places[1], "P1-2.png"))
    os.mkdir(desk.path("out"))
    done = desk.ctl("--json", "photo", "make", *places, "-o", desk.path("out"), "--report", desk.path("out"),
                    "--alpha", desk.path("out"), code=1)
    made = {os.path.relpath(one["file"], desk.folder): os.path.basename(one["delivered"]) for one in done.json}
    equal(made, {"a/p1.png": "p1.jpg", "b/P1-2.png": "P1-2.jpg", "b/p1.png": "p1-3.jpg"})
    equal(sorted(os.listdir(desk.path("out"))), sorted(name[:-4] + end for name in made.values()
                                                       for end in (".jpg", ".report.json", ".alpha.png")))
    for one in done.json:
        equal(sha256(one["delivered"]), one["delivered_sha256"], one["file"])
    expect("p1-3.jpg" in done.err and "has that name" in done.err, done.err)

    before = contents_of_pictures(places[0])
    os.symlink(os.path.join(places[0], "p1.png"), desk.path("link.jpg"))
    for words in ((os.path.join(places[0], "p1.png"), "-o", os.path.join(places[0], "p1.png")),
                  (os.path.join(places[0], "p1.png"), "-o", desk.path("link.jpg")),
                  (os.path.join(places[0], "p1.png"), "-o", desk.path("o.jpg"), "--report",
                   os.path.join(places[0], "p1.png")),
                  (os.path.join(places[0], "p1.png"), "-o", desk.path("o.jpg"), "--report", desk.path("o.jpg"))):
        desk.refuses("photo", "make", *words)
    equal(contents_of_pictures(places[0]), before)
    expect(not os.path.exists(desk.path("o.jpg")), "nothing was written")
    # What was made before does not come in again, though it lies below.
    os.mkdir(os.path.join(places[0], "made"))
    for _ in range(2):
        desk.ctl("photo", "make", "--recursive", places[0], "-o", os.path.join(places[0], "made"), code=1)
    equal(os.listdir(os.path.join(places[0], "made")), ["p1.jpg"])
    desk.refuses("photo", "make", places[0], "-o", desk.path("nowhere"), word="not a folder")


def contents_of_pictures(place):
    return {name: sha256(os.path.join(place, name)) for name in os.listdir(place) if name.endswith(".png")}


def test_interrupt(desk):
    """Ctrl+C: what is there is whole, what was said is true, and the document is one."""
    os.mkdir(desk.path("in"))
    os.mkdir(desk.path("out"))
    for number in range(60):
        os.symlink(ASTRONAUT, desk.path("in", f"{number:02}.png"))
    process = desk.spawn([CTL, "--json", "photo", "make", desk.path("in"), "-o", desk.path("out"), "--certificate",
                          desk.path("out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    desk.until(lambda: os.path.exists(desk.path("out", "01.jpg")), "the second photo")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    equal(process.returncode, 2, "exit code")
    made = json.loads(out)
    expect(1 <= len(made) < 60, len(made))
    lines = err.splitlines()
    expect("stopped" in lines[-1] and str(60 - len(made)) in lines[-1], err)
    names = sorted(os.listdir(desk.path("out")))
    equal(names, sorted(os.path.basename(one["delivered"])[:-4] + end for one in made for end in (".jpg", ".cert.json")))
    for one in made:
        equal(sha256(one["delivered"]), one["delivered_sha256"])
        equal(read_json(one["delivered"][:-4] + ".cert.json")["sha256"]["delivered"], one["delivered_sha256"])


def run_on_terminal(words, env=None):
    """Runs with standard error on a terminal and returns what came there."""
    master, slave = pty.openpty()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=slave, text=True,
                          env={**os.environ, "TERM": "xterm", **(env or {})}) as process:
        os.close(slave)
        seen = b""
        try:
            while part := os.read(master, 4096):
                seen += part
        except OSError:
            pass  # The other side has closed: that is how a terminal says so.
        out = process.stdout.read()
    os.close(master)
    return out, seen.decode()


def test_bar(desk):
    place = folder_of_pictures(desk, "in", 3)
    words = [CTL, "photo", "check", place]
    out, seen = run_on_terminal(words)
    expect("0 / 3" in seen and "3 / 3" in seen and "[###" in seen, seen)
    expect("/ 3" not in out and "\033" not in out, out)
    expect(seen.rstrip().endswith("could not be judged"), seen)
    _, seen = run_on_terminal(words, {"TERM": "dumb"})
    expect("/ 3" not in seen and "\033" not in seen, seen)
    _, seen = run_on_terminal([CTL, "photo", "check", os.path.join(place, "p1.png")])
    equal(seen, "", "a single file")
    expect("/ 3" not in desk.ctl("photo", "check", place, code=1).err, "no terminal")


def peak_mib(words):
    """Runs to the end; its largest memory."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return json.loads(out), usage.ru_maxrss / 1024


def test_large_pictures_share_memory(desk):
    """Pictures of together more than 100 megapixels are worked at one after the other."""
    width, height = 7800, 7700
    os.mkdir(desk.path("in"))
    large = write(desk.path("in", "0.png"), png(width, height, 8, 0, bytes((width + 1) * height)))
    for number in (1, 2):
        os.symlink(large, desk.path("in", f"{number}.png"))
    one, peak = peak_mib([CTL, "--json", "photo", "check", "--jobs", "3", large])
    three, peak_of_three = peak_mib([CTL, "--json", "photo", "check", "--jobs", "3", desk.path("in")])
    print(f"# peak {peak:.0f} MiB for one, {peak_of_three:.0f} MiB for three")
    equal([file["checks"] for file in three], [one[0]["checks"]] * 3)
    expect(peak_of_three < 1.5 * peak, "memory", peak, peak_of_three)


def test_too_large_takes_no_memory(desk):
    """More than 100 megapixels are refused by their header."""
    small = write(desk.path("text.jpg"), b"no picture")
    with open(desk.made("large.jpg"), "rb") as file:
        jpeg = bytearray(file.read())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5:at + 9] = (65500).to_bytes(2, "big") * 2
    cases = [write(desk.path("a.jpg"), bytes(jpeg)), write(desk.path("b.png"), png(10001, 10000, 8, 2, b"\0" * 100)),
             write(desk.path("c.png"), png(0x7fffffff, 0x7fffffff, 8, 6, b"\0" * 100)),
             write(desk.path("d.png"), png(0xffffffff, 1, 8, 2, b"\0" * 100))]
    words = [CTL, "--json", "photo", "check", "--jobs", "1"]
    _, least = peak_mib([*words, small])
    for path in cases:
        document, peak = peak_mib([*words, path])
        print(f"# {os.path.basename(path)}: {document[0]['error']}; {peak:.0f} MiB, {least:.0f} MiB for a line of text")
        expect(peak < least + 20, path, peak, least)


def test_same_bytes_on_lesser_processors(desk):
    """What libraries choose by the processor changes no byte. (XNNPACK cannot be told to choose less.)"""
    features = "SSE4.1,SSE4.2,POPCNT,FP16,AVX,AVX2,FMA3"
    environments = ({}, {"OPENCV_CPU_DISABLE": features}, {"JSIMD_FORCENONE": "1"},
                    {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F,-AVX2_Usable,-FMA_Usable"})
    sums = []
    for env in environments:
        desk.ctl("photo", "make", ASTRONAUT, "-o", desk.path("a.jpg"), "--certificate", desk.path("a.json"), code=1,
                 env=env)
        sums.append((read_json(desk.path("a.json")), sha256(desk.path("a.jpg"))))
    for number in range(1, len(sums)):
        equal(sums[number], sums[0], str(environments[number]))


if __name__ == "__main__":
    sys.exit(main([case for name, case in list(globals().items()) if name.startswith("test_")]))
