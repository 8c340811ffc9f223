#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that need no build: layers, header cycles, sizes, formatting, translations, licences.

Prints TAP, one case a check. The layers are those of docs/architecture.md.
"""

import os
import re
import shutil
import subprocess
import sys

TOP = os.path.realpath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../.."))

# What each folder of src/ may include, directly or through another header, besides itself.
LAYERS = {
    "core": set(),
    "vision": {"core"},
    "capture": {"core"},
    "store": {"core"},
    "net": {"core"},
    "render": {"core"},
    "server": {"core"},
    "session": {"core"},
    "widgets": {"session", "core", "render"},
    "app": {"core", "vision", "capture", "store", "net", "render", "session", "widgets"},
    "ctl": {"core", "vision", "capture", "store", "net", "render", "session"},
}
# Libraries that only one folder may see.
OWNED_HEADERS = {
    r"opencv": {"vision"},
    r"xnnpack": {"vision"},
    r"gst/": {"capture", "app", "ctl"},
    r"sqlite3": {"store", "server"},
    r"libsoup": {"net", "server", "app", "ctl"},
    r"gtk/|adwaita|gdk/": {"widgets", "app"},
    r"cairo": {"render", "widgets"},
    r"zbar": {"capture"},
}
MAX_FILE_LINES = 1000
MAX_FUNCTION_LINES = 80
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)


def files(folder, endings):
    for base, folders, names in os.walk(os.path.join(TOP, folder)):
        folders[:] = sorted(f for f in folders if f not in ("node_modules", "__pycache__"))
        for name in sorted(names):
            if name.endswith(endings):
                yield os.path.relpath(os.path.join(base, name), TOP)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def includes(path):
    return INCLUDE.findall(read(path))


def check_layers():
    wrong = []
    for path in files("src", (".c", ".h", ".cpp")):
        own = path.split("/")[1]
        for header in includes(path):
            folder = header.split("/")[0]
            if folder in LAYERS and folder != own and folder not in LAYERS[own]:
                wrong.append(f"{path} includes {header}")
            if header.endswith("-private.h") and folder in LAYERS and folder != own:
                wrong.append(f"{path} includes the private {header}")
            for pattern, owners in OWNED_HEADERS.items():
                if re.match(pattern, header) and own not in owners:
                    wrong.append(f"{path} includes <{header}>")
    return wrong


def check_cycles():
    graph = {}
    for path in files("src", (".h",)):
        name = path[len("src/"):]
        graph[name] = [h for h in includes(path) if os.path.exists(os.path.join(TOP, "src", h))]
    wrong, done, trail = [], set(), []

    def visit(node):
        if node in trail:
            wrong.append(" -> ".join(trail[trail.index(node):] + [node]))
            return
        if node in done:
            return
        trail.append(node)
        for other in graph.get(node, []):
            visit(other)
        trail.pop()
        done.add(node)

    for node in graph:
        visit(node)
    return wrong


def check_private_headers():
    wrong = []
    for path in files("src", (".h",)):
        if not path.endswith("-private.h"):
            wrong += [f"{path} includes {h}" for h in includes(path) if h.endswith("-private.h")]
    return wrong


# What the pixels of a finished photo go through. A step that could mirror, turn or retouch them would
# have to be included here, or be one of these files: both are seen in review.
FINISHED_PIXELS = {
    "src/vision/rtk-recipe.c": {"rtk-recipe.h", "rtk-compose.h", "rtk-foreground.h", "rtk-resample.h"},
    "src/vision/rtk-compose.c": {"rtk-compose.h"},
    "src/vision/rtk-resample.c": {"rtk-resample.h", "rtk-parallel-private.h"},
    "src/vision/rtk-finish.c": {"rtk-finish.h", "rtk-jpeg.h", "rtk-parallel-private.h"},
    "src/vision/rtk-jpeg.c": {"rtk-jpeg.h"},
}


def check_finished_pixels():
    wrong = []
    for path, allowed in FINISHED_PIXELS.items():
        for target in includes(path):
            if target.startswith("vision/") and target[len("vision/"):] not in allowed:
                wrong.append(f"{path} includes {target}: finished photos are cropped, scaled and composed only")
    maker = read("src/vision/rtk-photo-maker.c")
    sources = re.findall(r"delivered_image\s*=\s*(\w+)", maker)
    if sorted(sources) != ["rtk_codec_decode", "rtk_recipe_render"]:
        wrong.append(f"src/vision/rtk-photo-maker.c: the finished picture comes from {sources}")
    return wrong


def check_sizes():
    wrong = []
    for path in list(files("src", (".c", ".h", ".cpp"))) + list(files("tests", (".c", ".h"))):
        lines = read(path).split("\n")
        if len(lines) > MAX_FILE_LINES:
            wrong.append(f"{path} has {len(lines)} lines, at most {MAX_FILE_LINES} are allowed")
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start is not None:
                before = "\n".join(lines[max(0, start - 6):start - 1])
                if number - start > MAX_FUNCTION_LINES and "_class_init" not in before and "\nmain (" not in before:
                    wrong.append(f"{path}:{start}: a function of {number - start} lines, at most {MAX_FUNCTION_LINES}")
                start = None
    return wrong


def check_licences():
    wrong = []
    for path in list(files("src", (".c", ".h", ".cpp"))) + list(files("tests", (".c", ".h", ".py"))):
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in read(path)[:300]:
            wrong.append(f"{path} has no SPDX line")
    return wrong


def check_potfiles():
    listed = [l for l in read("po/POTFILES.in").split("\n") if l and not l.startswith("#")]
    wrong = [f"{p} is listed twice" for p in sorted(set(listed)) if listed.count(p) > 1]
    wrong += [f"{p} is listed but is not there" for p in listed if not os.path.exists(os.path.join(TOP, p))]
    marked = re.compile(r'\b(?:_|N_|C_|NC_|ngettext)\s*\(\s*"')
    for path in files("src", (".c",)):
        # Comments may speak of _("...") without saying anything to a person.
        text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
        if marked.search(text) and path not in listed:
            wrong.append(f"{path} has strings to translate but is not in po/POTFILES.in")
    for path in files("ui", (".ui",)):
        if 'translatable="yes"' in read(path) and path not in listed:
            wrong.append(f"{path} has strings to translate but is not in po/POTFILES.in")
    return wrong


def check_translations():
    """Every message has a zh-CN translation that is not fuzzy."""
    if shutil.which("msgmerge") is None:
        return ["msgmerge is not installed"]
    listed = [l for l in read("po/POTFILES.in").split("\n") if l and not l.startswith("#")]
    env = dict(os.environ, LC_ALL="C.UTF-8")
    keywords = ["--keyword=_", "--keyword=N_", "--keyword=C_:1c,2", "--keyword=NC_:1c,2", "--keyword=ngettext:1,2"]
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        pot = os.path.join(folder, "retake.pot")
        subprocess.run(["xgettext", "--from-code=UTF-8", "-o", pot, "--add-comments"] + keywords + listed,
                       cwd=TOP, env=env, check=True, stderr=subprocess.DEVNULL)
        merged = os.path.join(folder, "zh_CN.po")
        subprocess.run(["msgmerge", "--quiet", "--no-fuzzy-matching", "-o", merged,
                        os.path.join(TOP, "po/zh_CN.po"), pot], env=env, check=True)
        subprocess.run(["msgfmt", "--check", "-o", os.devnull, merged], env=env, check=True)
        missing = subprocess.run(["msgattrib", "--untranslated", "--no-obsolete", "--no-wrap", merged],
                                 env=env, check=True, capture_output=True, text=True).stdout
        fuzzy = subprocess.run(["msgattrib", "--only-fuzzy", "--no-obsolete", "--no-wrap", merged],
                               env=env, check=True, capture_output=True, text=True).stdout
    wrong = []
    for kind, text in (("untranslated", missing), ("fuzzy", fuzzy)):
        wrong += [f"{kind}: {m}" for m in re.findall(r'^msgid (".+")$', text, re.M)]
    return wrong


def check_lock_files():
    wrong = []
    for path in list(files("subprojects", (".json",))) + list(files("tests", (".json",))):
        if re.search(r'"resolved"\s*:', read(path)):
            wrong.append(f"{path} records download addresses")
    return wrong


def check_format():
    tool = shutil.which("clang-format-14") or shutil.which("clang-format")
    if tool is None:
        return "clang-format 14 is not installed"
    version = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout
    if " 14." not in version:
        return "clang-format 14 is wanted, here is " + version.strip()
    names = list(files("src", (".c", ".h", ".cpp"))) + list(files("tests", (".c", ".h")))
    wrong = []
    for start in range(0, len(names), 40):
        run = subprocess.run([tool, "--dry-run", "-Werror", "--style=file"] + names[start:start + 40],
                             cwd=TOP, capture_output=True, text=True)
        wrong += sorted(set(re.findall(r"^([^:\n]+):\d+:\d+: error", run.stderr, re.M)))
    return [f"{p} is not formatted: run clang-format -i on it" for p in wrong]


CHECKS = [
    ("layers", check_layers),
    ("header-cycles", check_cycles),
    ("private-headers", check_private_headers),
    ("finished-pixels", check_finished_pixels),
    ("sizes", check_sizes),
    ("licences", check_licences),
    ("potfiles", check_potfiles),
    ("translations", check_translations),
    ("lock-files", check_lock_files),
    ("format", check_format),
]


def main():
    print(f"1..{len(CHECKS)}")
    failed = False
    for number, (name, check) in enumerate(CHECKS, 1):
        wrong = check()
        if isinstance(wrong, str):
            print(f"ok {number} /tree/{name} # SKIP {wrong}")
            continue
        for line in wrong:
            print(f"# {line}")
        print(f"{'not ok' if wrong else 'ok'} {number} /tree/{name}")
        failed = failed or bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
