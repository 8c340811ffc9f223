#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""retakectl photo and rules: contract of docs/cli.md, bad input, equal bytes."""

import os
import shutil
import struct
import subprocess
import sys
import zlib

from harness import ASTRONAUT, CTL, TESTDATA, Skipped, equal, expect, main, read_json, sha256, write

CHECK_KEYS = {"id", "verdict", "value", "unit", "min", "max", "blocking", "advice"}
FILE_KEYS = {"file", "width", "height", "rules", "rules_version", "verdict", "ms", "checks"}
CHECK_IDS = set("""
file.format file.width file.height file.dpi file.depth file.bytes file.quality file.name face.count person.single
geometry.centre geometry.hair-top geometry.eye-line geometry.face-width geometry.head-width geometry.head-height
geometry.eye-distance geometry.head-whole geometry.shoulders-whole
pose.yaw pose.pitch pose.roll pose.shoulders-level eyes.open eyes.gaze eyes.visible eyes.red mouth.closed
expression.neutral ears.visible brows.visible head.cover glasses.glare glasses.tint glasses.frame light.even
light.highlight light.under light.over light.mean light.range colour.natural focus.sharp image.compression
image.resolution background.plain background.shadow background.dark background.clothes authentic.recapture
authentic.retouch identity.match""".split())
VERDICTS = {"pass", "warn", "fail", "confirm", "unknown"}
USAGE = [
    (), ("nonsense",), ("photo",), ("photo", "nonsense"), ("photo", "check"), ("photo", "check", "--nonsense", "a.jpg"),
    ("photo", "make", "a.jpg"), ("photo", "make", "-o", "out.jpg"), ("photo", "matte", "a.jpg"),
    ("photo", "matte", "a.jpg", "b.jpg", "-o", "c.png"), ("photo", "landmarks"), ("photo", "verify", "cert.json"),
    ("photo", "bench"), ("photo", "bench", "--runs", "0", "a.jpg"), ("rules", "show"), ("rules", "lint"),
    ("camera", "grab"), ("camera", "watch", "--seconds", "many"), ("sign-in",), ("orders", "show"), ("retake", "submit"),
    ("retake", "submit", "a.jpg"), ("queue", "rejected", "--reason", "nonsense"), ("sync", "word"), ("--data",),
]


def png(width, height, depth, colour_type, rows):
    """A PNG file; `rows` are the filtered bytes."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def make_photo(desk, source, name, *words, code=1):
    desk.ctl("photo", "make", *words, source, "-o", desk.path(name), code=code)
    return desk.path(name)


def refused(desk, path, word, out="out.jpg"):
    """No command makes anything of the file: exit code 2, one line, nothing written."""
    before = sorted(os.listdir(desk.folder))
    for words in (("photo", "check", path), ("photo", "landmarks", path), ("photo", "bench", "--runs", "1", path),
                  ("photo", "make", path, "-o", desk.path(out), "--certificate", desk.path("c.json"), "--report",
                   desk.path("r.json")),
                  ("photo", "matte", path, "-o", desk.path("alpha.png"))):
        line = desk.refuses(*words)
        expect(word in line, word, "is not in", line)
        expect(os.path.basename(path) in line, "which file:", line)
    equal(sorted(os.listdir(desk.folder)), before, "the folder")


def test_usage(desk):
    for words in USAGE:
        desk.refuses(*words, data="" if words == ("--data",) else None)
    help_text = desk.ctl("--help").out
    for word in ("photo make", "retake submit", "sync", "rules lint"):
        expect(word in help_text, word)
    expect("Usage" in desk.ctl("photo", "check", "-h").out, "help of a command")
    expect(desk.ctl("--version").out.startswith("retakectl "), "version")


def test_words_are_translated(desk):
    locales = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.lower()
    if "zh_cn.utf8" not in locales.split():
        raise Skipped("the locale zh_CN.UTF-8 is not there")
    line = desk.refuses("photo", "check", desk.path("none.jpg"),
                        env={"LC_ALL": "zh_CN.UTF-8", "LANGUAGE": "zh_CN"})
    expect(any("\u4e00" <= letter <= "\u9fff" for letter in line), line)


def test_rules(desk):
    packs = desk.ctl("--json", "rules", "list").json
    ids = [pack["id"] for pack in packs]
    expect("chsi-diploma" in ids, ids)
    for pack in packs:
        equal(set(pack), {"id", "version", "title"}, "keys")
        shown = desk.ctl("--json", "rules", "show", pack["id"]).json
        expect({rule["id"] for rule in shown["rules"]} <= CHECK_IDS, pack["id"])
        expect(shown["bytes_min"] < shown["bytes_max"] or shown["bytes_max"] == 0, pack["id"])
    shown = desk.ctl("--json", "rules", "show", "chsi-diploma").json
    equal((shown["width"], shown["height"], shown["dpi"], shown["quality_min"]), (480, 640, 300, 60))
    expect("geometry.eye-line" in desk.ctl("rules", "show", "chsi-diploma").out, "text")
    desk.refuses("rules", "show", "nonsense", word="nonsense")


def test_lint(desk):
    source = os.path.join(os.path.dirname(ASTRONAUT), "../../data/rules/chsi-diploma.ini")
    with open(source, encoding="utf-8") as file:
        text = file.read()
    good = write(desk.path("chsi-diploma.ini"), text)
    desk.ctl("rules", "lint", good)
    expect("geometry.eye-line" in text, "a rule of the pack")
    bad = write(good, text.replace("geometry.eye-line", "geometry.eye-lime"))
    done = desk.ctl("rules", "lint", bad, code=1)
    line = 1 + text[:text.index("[check geometry.eye-line]")].count("\n")
    expect(f"line {line}: [check geometry.eye-lime]" in done.err and done.err.count("\n") == 1, done.err)
    # All faults at once: a key that is not known, a zone that holds no head, advice that is missing.
    many = text.replace("warn-min=-8\n", "warn-mim=-8\n").replace("min=200\nmax=300\n", "min=2000\nmax=3000\n")
    many = many.replace("advice=Look into the lens.\n", "")
    done = desk.ctl("rules", "lint", write(good, many), code=1)
    for word in ("warn-mim", "[check geometry.eye-line] min: lies outside the picture", "[check eyes.gaze] advice-high: is missing"):
        lines = [line for line in done.err.splitlines() if word in line]
        expect(lines and ": line " in lines[0], done.err)
    desk.ctl("rules", "lint", write(desk.path("noise.ini"), os.urandom(2000)), code=1)
    desk.refuses("rules", "lint", desk.path("none.ini"))


def test_check(desk):
    done = desk.ctl("--json", "photo", "check", ASTRONAUT, code=1)
    equal(len(done.json), 1)
    one = done.json[0]
    expect(FILE_KEYS <= set(one), set(one))
    equal((one["file"], one["width"], one["height"], one["rules"]), (ASTRONAUT, 512, 512, "chsi-diploma"))
    equal(one["verdict"], "fail")
    expect(one["ms"] > 0, one["ms"])
    for check in one["checks"]:
        expect(CHECK_KEYS <= set(check), check["id"], set(check))
        expect(check["id"] in CHECK_IDS, check["id"])
        expect(check["verdict"] in VERDICTS, check["verdict"])
        equal(set(check["advice"]), {"zh_CN", "en"}, check["id"])
        expect(all(check["advice"].values()), "advice of", check["id"])
    verdicts = {check["id"]: check["verdict"] for check in one["checks"]}
    # She shows her teeth, alone, upright and in focus.
    equal(verdicts["mouth.closed"], "fail")
    for name in ("face.count", "pose.yaw", "eyes.open", "light.under", "geometry.eye-line"):
        equal(verdicts[name], "pass", name)
    expect("mouth.closed" in desk.ctl("photo", "check", ASTRONAUT, code=1).out, "text")
    # A file that cannot be judged does not keep the others from being judged.
    two = desk.ctl("--json", "photo", "check", desk.path("none.jpg"), ASTRONAUT, code=2).json
    equal([("error" in file, "checks" in file) for file in two], [(True, False), (False, True)])


def test_landmarks(desk):
    found = desk.ctl("--json", "photo", "landmarks", ASTRONAUT).json
    equal(set(found), {"faces", "shoulders"}, "keys")
    equal(len(found["faces"]), 1, "faces")
    face = found["faces"][0]
    equal(set(face), {"box", "score", "points", "yaw", "pitch", "roll", "eye_open", "mouth_open", "iris"}, "keys")
    equal((len(face["box"]), len(face["points"]), len(face["eye_open"]), len(face["iris"])), (4, 478, 2, 2))
    equal(len(found["shoulders"]), 2, "shoulders")
    left, top, width, height = face["box"]
    for x, y in face["iris"]:
        expect(left < x < left + width and top < y < top + height, "an iris outside of the face")
    # The golden points of the fixtures are those of another program.
    with open(os.path.join(os.path.dirname(ASTRONAUT), "astronaut-points.txt"), encoding="utf-8") as file:
        golden = [tuple(map(float, line.split()[:2])) for line in file if line[:1].isdigit()]
    equal(len(golden), 478, "golden points")
    off = [abs(x - gx) + abs(y - gy) for (x, y), (gx, gy) in zip(face["points"], golden)]
    expect(sum(off) / len(off) < 1, "mean distance", sum(off) / len(off))


def test_make(desk):
    out = make_photo(desk, ASTRONAUT, "a.jpg", "--certificate", desk.path("a.cert.json"), "--report",
                     desk.path("a.report.json"))
    report = read_json(desk.path("a.report.json"))
    expect(FILE_KEYS | {"overrides", "finished", "delivered_sha256"} <= set(report), set(report))
    equal(report["delivered_sha256"], sha256(out))
    expect(20 * 1024 <= os.path.getsize(out) <= 40 * 1024, "size", os.path.getsize(out))
    failed = {c["id"] for part in (report, report["finished"]) for c in part["checks"]
              if c["verdict"] == "fail" and c["blocking"]}
    expect("mouth.closed" in failed, failed)
    # The same picture gives the same file; accepted by name, it is well.
    overrides = [word for name in sorted(failed) for word in ("--override", f"{name}: asked for by the test")]
    again = make_photo(desk, ASTRONAUT, "b.jpg", *overrides, code=0)
    equal(sha256(again), sha256(out))
    checked = desk.ctl("--json", "photo", "check", "--finished", out, code=1).json[0]
    equal((checked["width"], checked["height"]), (480, 640))
    verdicts = {check["id"]: check["verdict"] for check in checked["checks"]}
    equal({name: verdict for name, verdict in verdicts.items() if name.startswith("file.") and verdict != "pass"}, {})
    equal(verdicts["background.plain"], "pass")


def test_make_options(desk):
    blue = sha256(make_photo(desk, ASTRONAUT, "a.jpg"))
    grey = make_photo(desk, ASTRONAUT, "b.jpg", "--background", "c0c0c0")
    expect(sha256(grey) != blue, "the background makes a difference")
    desk.refuses("photo", "make", "--background", "no-colour", ASTRONAUT, "-o", desk.path("c.jpg"))
    desk.refuses("photo", "make", "--rules", "nonsense", ASTRONAUT, "-o", desk.path("c.jpg"))
    desk.refuses("photo", "make", "--override", "nonsense", ASTRONAUT, "-o", desk.path("c.jpg"))
    expect(not os.path.exists(desk.path("c.jpg")), "nothing was written")
    os.mkdir(desk.path("many"))
    shutil.copy(ASTRONAUT, desk.path("x.png"))
    done = desk.ctl("photo", "make", "--jobs", "2", ASTRONAUT, desk.path("x.png"), desk.path("none.png"), "-o",
                    desk.path("many"), code=2)
    equal(sorted(os.listdir(desk.path("many"))), ["astronaut.jpg", "x.jpg"])
    equal(sha256(desk.path("many", "x.jpg")), blue)
    expect("none.png" in done.err, done.err)


def test_exiftool(desk):
    if shutil.which("exiftool") is None:
        raise Skipped("exiftool is not installed")
    out = make_photo(desk, ASTRONAUT, "a.jpg")
    done = desk.run(["exiftool", "-s3", "-n", "-Validate", out])
    equal(done.out.split(), ["0", "0", "0"], "errors, warnings and minor ones that exiftool sees")
    # The unit 1 of a JFIF header is the inch.
    named = desk.run(["exiftool", "-s3", "-n", "-ImageWidth", "-ImageHeight", "-XResolution", "-YResolution",
                      "-ResolutionUnit", "-FileType", "-JFIFVersion", out]).out.split("\n")[:6]
    equal(named, ["480", "640", "300", "300", "1", "JPEG"], "exiftool")


def test_verify(desk):
    out = make_photo(desk, ASTRONAUT, "a.jpg", "--certificate", desk.path("a.cert.json"))
    cert = desk.path("a.cert.json")
    equal(read_json(cert)["sha256"]["original"], sha256(ASTRONAUT))
    words = ("--json", "photo", "verify", cert, "--original", ASTRONAUT, "--delivered", out)
    equal(desk.ctl(*words).json, {"hashes": True, "signed": False, "proof": "proved", "provenance": "unknown",
                                  "finding": "proved"})
    make_photo(desk, ASTRONAUT, "b.jpg", "--alpha", desk.path("alpha.png"))
    equal(desk.ctl(*words, "--alpha", desk.path("alpha.png")).json["finding"], "proved")
    equal(desk.ctl(*words, "--alpha", ASTRONAUT, code=1).json["finding"], "alpha.other")
    with open(out, "rb") as file:
        data = bytearray(file.read())
    data[-200] ^= 1
    tampered = write(desk.path("t.jpg"), bytes(data))
    done = desk.ctl("photo", "verify", cert, "--original", ASTRONAUT, "--delivered", tampered, code=1)
    expect("t.jpg" in done.err and done.err.count("\n") == 1, done.err)
    done = desk.ctl("photo", "verify", cert, "--original", out, "--delivered", out, code=1)
    expect("a.jpg: The original is another picture" in done.err, done.err)
    done = desk.ctl(*words, "--key", "A" * 43, code=1)
    expect("rovenance unknown" in done.err and done.json["finding"] == "key.unknown", done.err)
    # A certificate that was made to fit another file is found out by making the photo again.
    with open(cert, encoding="utf-8") as file:
        forged = file.read().replace(sha256(out), sha256(tampered))
    done = desk.ctl("--json", "photo", "verify", write(desk.path("f.json"), forged), "--original", ASTRONAUT,
                    "--delivered", tampered, code=None)
    expect(done.code == 2 or done.json["proof"] != "proved", done.out)
    desk.refuses("photo", "verify", write(desk.path("n.json"), "{}"), "--original", ASTRONAUT, "--delivered", out)
    desk.refuses("photo", "verify", desk.path("none.json"), "--original", ASTRONAUT, "--delivered", out)


def test_matte(desk):
    alpha = desk.path("alpha.png")
    desk.ctl("photo", "matte", ASTRONAUT, "-o", alpha)
    with open(alpha, "rb") as file:
        head = file.read(26)
    equal(struct.unpack(">IIBB", head[16:26]), (512, 512, 8, 0), "width, height, depth and grey of the alpha")
    desk.refuses("photo", "matte", desk.made("wall.png"), "-o", desk.path("none.png"))
    expect(not os.path.exists(desk.path("none.png")), "nothing was written")


def test_files_that_are_no_pictures(desk):
    with open(desk.made("large.jpg"), "rb") as file:
        jpeg = file.read()
    with open(ASTRONAUT, "rb") as file:
        portrait = file.read()
    cases = {
        "empty.jpg": b"", "text.jpg": b"a line of text\n" * 100, "noise.png": b"\x89PNG\r\n\x1a\n" + os.urandom(500),
        "cut.jpg": jpeg[:len(jpeg) // 2], "cut-head.jpg": jpeg[:30], "cut.png": portrait[:len(portrait) // 2],
        "deep.png": png(8, 8, 16, 2, (b"\0" + b"\x12\x34" * 24) * 8),
    }
    for name, data in cases.items():
        refused(desk, write(desk.path(name), data), "8-bit JPEG or PNG")
    shutil.copy(desk.made("cmyk.jpg"), desk.path("cmyk.jpg"))
    refused(desk, desk.path("cmyk.jpg"), "CMYK")
    os.mkdir(desk.path("folder.jpg"))
    for words in (("check",), ("landmarks",), ("bench", "--runs", "1"), ("matte", "-o", desk.path("alpha.png")),
                  ("make", "-o", desk.path())):
        line = desk.refuses("photo", *words, desk.path("folder.jpg"), word="folder")
        expect("folder.jpg" in line, line)
    desk.refuses("photo", "make", desk.path("folder.jpg"), "-o", desk.path("out.jpg"), word="is not a folder")
    equal(sorted(os.listdir(desk.path("folder.jpg"))), [], "the folder")
    refused(desk, desk.path("none.jpg"), "none.jpg")


def test_huge(desk):
    refused(desk, write(desk.path("huge.png"), png(30000, 30000, 8, 2, b"\0" * 100)), "100 megapixels")
    with open(desk.made("large.jpg"), "rb") as file:
        jpeg = bytearray(file.read())
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5:at + 9] = struct.pack(">HH", 30000, 30000)
    refused(desk, write(desk.path("huge.jpg"), bytes(jpeg)), "100 megapixels")


def test_nobody(desk):
    wall = desk.made("wall.png")
    one = desk.ctl("--json", "photo", "check", wall, code=1).json[0]
    verdicts = {check["id"]: check["verdict"] for check in one["checks"]}
    equal(verdicts["face.count"], "fail")
    line = desk.refuses("photo", "make", wall, "-o", desk.path("out.jpg"), "--report", desk.path("r.json"))
    expect("face" in line, line)
    desk.refuses("photo", "landmarks", wall)
    equal(sorted(os.listdir(desk.folder)), ["password"], "the folder")


def test_two_people(desk):
    two = desk.made("two.png")
    found = desk.ctl("--json", "photo", "landmarks", two).json
    equal(len(found["faces"]), 2, "faces")
    sizes = [face["box"][2] for face in found["faces"]]
    expect(sizes[0] > sizes[1] and found["faces"][0]["box"][0] < 512, "the largest comes first")
    one = desk.ctl("--json", "photo", "check", two, code=1).json[0]
    count = [check for check in one["checks"] if check["id"] == "face.count"][0]
    equal((count["verdict"], count["value"], count["blocking"]), ("fail", 2, True), "face.count")
    make_photo(desk, two, "out.jpg", code=1)


def test_models(desk):
    models = desk.path("models")
    source = os.environ["RTK_MODELS_DIR"]
    env = {"RTK_MODELS_DIR": models}
    words = ("photo", "make", ASTRONAUT, "-o", desk.path("out.jpg"))
    desk.refuses(*words, env=env, word="missing")
    for name in sorted(os.listdir(source)):
        if not name.endswith(".tflite"):
            continue
        shutil.copytree(source, models)
        os.unlink(os.path.join(models, name))
        desk.refuses(*words, env=env, word="missing")
        with open(os.path.join(source, name), "rb") as file:
            data = file.read()
        for damaged in (b"", data[:len(data) // 2], data[:64] + os.urandom(256) + data[320:], os.urandom(len(data))):
            write(os.path.join(models, name), damaged)
            desk.refuses(*words, env=env, word="model")
        shutil.rmtree(models)
    expect(not os.path.exists(desk.path("out.jpg")), "nothing was written")


def test_where_nothing_can_be_written(desk):
    words = ("photo", "make", ASTRONAUT)
    desk.refuses(*words, "-o", desk.path("none", "out.jpg"))
    os.mkdir(desk.path("locked"))
    os.mkdir(desk.path("is-a-folder.jpg"))
    desk.refuses("photo", "matte", ASTRONAUT, "-o", desk.path("is-a-folder.jpg"))
    desk.refuses(*words, "-o", desk.path("out.jpg"), "--certificate", desk.path("none", "cert.json"))
    expect(not os.path.exists(desk.path("out.jpg")), "the photo comes only with its certificate")
    equal(os.listdir(desk.path("is-a-folder.jpg")), [])
    if os.geteuid() == 0:
        # Rights do not hold for this user, a medium that cannot be written does.
        expect_refusal_on_mount(desk, "ro,size=1m")
    else:
        os.chmod(desk.path("locked"), 0o500)
        desk.refuses(*words, "-o", desk.path("locked", "out.jpg"))


def expect_refusal_on_mount(desk, options, fill=0):
    place = desk.path("mount")
    os.mkdir(place)
    # In a mount namespace of its own: nothing is left behind, whatever happens.
    script = ('mount -t tmpfs -o "$1" tmpfs "$2" 2>/dev/null || exit 77; shift 2; '
              'if [ "$1" -gt 0 ]; then head -c "$1" /dev/zero >"$2/full" 2>/dev/null; fi; place=$2; shift 2; '
              '"$@"; code=$?; ls -A "$place" >&2; exit $code')
    done = desk.run(["unshare", "-m", "bash", "-c", script, "bash", options, place, str(fill), place,
                     CTL, "photo", "make", ASTRONAUT, "-o", os.path.join(place, "out.jpg")])
    if done.code in (77, 1) and "retakectl" not in done.err:
        raise Skipped("a tmpfs cannot be mounted here")
    equal(done.code, 2, done.err)
    lines = done.err.splitlines()
    expect(lines[0].startswith("retakectl"), lines)
    equal([name for name in lines[1:] if name != "full"], [], "what was left behind")
    return lines[0]


def test_full_disk(desk):
    if shutil.which("unshare") is None:
        raise Skipped("unshare is not there")
    line = expect_refusal_on_mount(desk, "size=64k", 60 * 1024)
    expect("full" in line, line)


def test_bench(desk):
    one = desk.ctl("--json", "photo", "bench", "--runs", "3", ASTRONAUT).json
    expect({"width", "height", "runs", "live", "still", "cold_check_ms", "peak_rss_bytes"} <= set(one), set(one))
    expect({"networks_ms", "total_ms", "ratio", "stages"} <= set(one["live"]), set(one["live"]))
    expect({"total_ms", "stages"} <= set(one["still"]), set(one["still"]))
    equal((one["width"], one["height"], one["runs"]), (512, 512, 3))
    expect(abs(one["live"]["ratio"] - one["live"]["total_ms"] / one["live"]["networks_ms"]) < .01, one["live"])
    expect(min(one["live"]["networks_ms"], one["still"]["total_ms"], one["cold_check_ms"]) > 0, one)
    expect(one["peak_rss_bytes"] > 20e6, one["peak_rss_bytes"])
    expect("bare networks" in desk.ctl("photo", "bench", "--runs", "1", ASTRONAUT).out, "table")


def test_london(desk):
    folder = os.path.join(TESTDATA, "london")
    if not TESTDATA or not os.path.isdir(folder):
        raise Skipped("the folder london of RTK_TESTDATA is not there")
    names = sorted(name for name in os.listdir(folder) if name.endswith("_neutral.jpg"))
    expect(len(names) > 5, names)
    os.mkdir(desk.path("out"))
    pictures = [os.path.join(folder, name) for name in names]
    done = desk.ctl("--json", "photo", "make", "--jobs", "2", *pictures, "-o", desk.path("out"), code=None)
    originals = done.json
    expect(done.code in (0, 1), done.code, done.err)
    equal([os.path.basename(one["file"]) for one in originals], names)
    results = desk.ctl("--json", "photo", "check", "--finished", *[desk.path("out", name) for name in names],
                       code=None).json
    for name, before, after in zip(names, originals, results):
        failed = {c["id"] for c in after["checks"] if c["verdict"] == "fail"}
        known = {c["id"] for c in before["checks"] if c["verdict"] == "fail"}
        if failed:
            print(f"# {name}: fails {sorted(failed)}; its original {sorted(known)}")
        expect(failed <= {check for check in known if check.startswith("geometry.")}, name, failed, known)


if __name__ == "__main__":
    sys.exit(main([case for name, case in list(globals().items()) if name.startswith("test_")]))
