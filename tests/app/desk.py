#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives the real program like a person: real keys, and eyes through the accessibility bus.

Starts the demonstration with a picture played as its camera, opens a graduate by code, shoots,
accepts by name what the picture fails in, submits, and asks the server whether it is there.
Prints TAP and leaves screenshots. Run it under tests/support/with-display.
"""
import argparse
import configparser
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

WORDS = {
    "zh_CN": {
        "entry": "采集码、姓名或订单号", "shoot": "拍摄", "agree": "满意，提交", "leave": "离开当前毕业生",
        "accept": "接受不合格项", "submitted": "已提交，请下一位", "scan": "请扫描采集码",
    },
    "en": {
        "entry": "Collection code, name or order number", "shoot": "Shoot", "agree": "Agree and submit",
        "leave": "Leave this graduate", "accept": "Accept in spite of a failing rule",
        "submitted": "Submitted. Next, please.", "scan": "Scan a collection code",
    },
}

# These hold others and need no name of their own.
UNNAMED_ROLES = ("frame", "filler", "panel", "scroll pane", "list", "list item", "label", "unknown")


class Failure(Exception):
    pass


def wait_for(what, function, seconds=60):
    """Asks again until it is there; a tenth of a second between, never a blind wait."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = function()
        if found:
            return found
        time.sleep(0.1)
    raise Failure(f"{what} did not come within {seconds} s")


class Eyes:
    """What a screen reader finds."""

    def __init__(self):
        import gi

        gi.require_version("Atspi", "2.0")
        from gi.repository import Atspi, GLib

        self.atspi, self.error = Atspi, GLib.Error
        Atspi.init()
        # A program under sanitizers answers late, and is not gone for that.
        Atspi.set_timeout(15000, 60000)

    def windows(self):
        desktop = self.atspi.get_desktop(0)
        for i in range(desktop.get_child_count()):
            try:
                application = desktop.get_child_at_index(i)
                if application is None or application.get_name() != "retake":
                    continue
                windows = [application.get_child_at_index(k) for k in range(application.get_child_count())]
            except self.error:
                continue  # One that has ended stays on the list for a while.
            yield from windows

    def walk(self, node, depth=0):
        if node is None or depth > 40:
            return
        yield node
        for i in range(node.get_child_count()):
            yield from self.walk(node.get_child_at_index(i), depth + 1)

    def find(self, name, sensitive=False, roles=None):
        for window in self.windows():
            try:
                for node in self.walk(window):
                    if name not in (node.get_name() or ""):
                        continue
                    if roles is not None and node.get_role_name() not in roles:
                        continue
                    # GTK 4.8 never says "showing" below the window: what can be used tells.
                    if sensitive and not node.get_state_set().contains(self.atspi.StateType.SENSITIVE):
                        continue
                    return node
            except self.error:
                pass  # The tree changed under our eyes: look again.
        return None

    def unnamed(self):
        """Whatever takes the focus and has no name, in a tuple; None when the tree changed meanwhile."""
        found = []
        try:
            for window in self.windows():
                for node in self.walk(window):
                    state = node.get_state_set()
                    if (state.contains(self.atspi.StateType.FOCUSABLE)
                            and state.contains(self.atspi.StateType.VISIBLE)
                            and node.get_role_name() not in UNNAMED_ROLES
                            and not node.get_name()):
                        found.append(node.get_role_name())
        except self.error:
            return None
        return (found,)


class Program:
    def __init__(self, options):
        self.options = options
        self.words = WORDS[options.language]
        self.folder = tempfile.mkdtemp(prefix="retake-drive-")
        self.eyes = Eyes()
        environment = dict(os.environ)
        environment["RETAKE_SERVER"] = options.server
        environment["RTK_MODELS_DIR"] = options.models
        environment["RTK_LOCALE_DIR"] = options.locale_dir
        environment["LANG"] = environment["LC_ALL"] = (
            "zh_CN.UTF-8" if options.language == "zh_CN" else "C.UTF-8")
        if options.dark:
            environment["ADW_DEBUG_COLOR_SCHEME"] = "prefer-dark"
        self.environment = environment
        self.log = open(os.path.join(self.folder, "log"), "w")
        self.launch(options.picture)

    def launch(self, picture):
        self.process = subprocess.Popen(
            [self.options.program, "--demo", "--data", os.path.join(self.folder, "data"),
             "--camera", "replay:" + picture],
            env=self.environment, stdout=self.log, stderr=self.log)

    def path(self, *names):
        return os.path.join(self.folder, "data", *names)

    def keys(self, *keys):
        subprocess.run(["xdotool", "key", "--clearmodifiers", *keys], check=True)

    def write(self, text):
        subprocess.run(["xdotool", "type", "--delay", "20", text], check=True)

    def see(self, name, sensitive=False, roles=None, seconds=60):
        if self.process.poll() is not None:
            raise Failure(f"the program ended with {self.process.returncode}")
        return wait_for(f"“{name}”", lambda: self.eyes.find(name, sensitive, roles), seconds)

    def window(self, number=-1):
        found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "."],
                               capture_output=True, text=True).stdout.split()
        return found[number] if found else None

    def focus(self):
        """There is no window manager here to do it."""
        window = wait_for("a window", self.window)
        subprocess.run(["xdotool", "windowfocus", "--sync", window], check=False)

    def shot(self, name):
        if shutil.which("import") is None:
            return
        os.makedirs(self.options.out, exist_ok=True)
        style = "dark" if self.options.dark else "light"
        file = f"{self.options.language}-{style}-{self.options.size}-{name}.png"
        subprocess.run(["import", "-window", "root", os.path.join(self.options.out, file)], check=False)

    def fill_screen(self):
        width, height = self.options.size.split("x")
        window = wait_for("a window", self.window)
        subprocess.run(["xdotool", "windowmove", window, "0", "0", "windowsize", "--sync", window, width, height],
                       check=False)

    # The steps of a day.

    def start(self):
        # The lights name the camera once it is live.
        self.see(os.path.basename(self.options.picture), roles=["push button"], seconds=90)
        self.see(self.words["entry"])
        self.fill_screen()
        self.focus()
        with open(self.path("codes.txt"), encoding="utf-8") as file:
            self.codes = [line.split()[0] for line in file if line.strip()]
        self.shot("1-idle")
        self.all_are_named()

    def all_are_named(self):
        unnamed = wait_for("a window that keeps still", self.eyes.unnamed)[0]
        if unnamed:
            raise Failure(f"without a name for screen readers: {unnamed}")

    def open_by_code(self, index):
        self.write(self.codes[index])
        self.keys("Return")
        self.see(self.words["shoot"], sensitive=True, roles=["push button"])

    def shoot_with_override(self):
        # The chips must have settled: the shutter asks only for what fails steadily.
        self.see("px", seconds=30)
        self.shot("2-live")
        self.all_are_named()
        self.keys("space")
        self.see(self.words["accept"])
        self.focus()
        self.write("demonstration picture")
        self.shot("3-override")
        self.all_are_named()
        self.keys("Return")
        self.see(self.words["agree"], sensitive=True, roles=["push button"])
        wait_for("the dialog's end", lambda: not self.eyes.find(self.words["accept"]))
        self.focus()
        self.shot("4-shot")
        self.all_are_named()

    def submit(self):
        self.keys("Return")
        self.see(self.words["submitted"])
        self.shot("5-submitted")

    def undo_and_submit(self):
        self.keys("ctrl+z")
        self.see(self.words["agree"], sensitive=True, roles=["push button"])
        self.submit()

    def release_by_next(self):
        self.open_by_code(1)
        self.keys("Escape")
        self.see(self.words["scan"])

    def scan(self):
        """Started again on its folder, with a code held beside the person into the picture: its
        graduate opens with no key pressed."""
        code = os.path.join(self.folder, "code.png")
        scene = os.path.join(self.folder, "scene.png")
        subprocess.run(["qrencode", "-s", "6", "-m", "4", "-o", code, self.codes[2]], check=True)
        subprocess.run(["convert", "-size", "1280x720", "xc:gray60", "(", self.options.picture,
                        "-resize", "700x700", ")", "-gravity", "West", "-geometry", "+20+0", "-composite",
                        code, "-gravity", "East", "-geometry", "+80+0", "-composite", scene], check=True)
        self.launch(scene)
        self.see(self.words["shoot"], sensitive=True, roles=["push button"])
        self.fill_screen()
        self.focus()
        self.see("px", seconds=30)
        self.shot("6-scanned")
        self.quit()

    def ask_server(self, path, body=None, token=None):
        with open(self.path("server", "ready"), encoding="utf-8") as file:
            url = file.read().strip()
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = "Bearer " + token
        request = urllib.request.Request(url + path, headers=headers,
                                         data=json.dumps(body).encode() if body is not None else None)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def server_has_it(self):
        setup = configparser.ConfigParser(interpolation=None)
        setup.read(self.path("station.ini"))
        session = self.ask_server("/v1/session", {"user": setup["station"]["name"],
                                                  "password": setup["station"]["passphrase"]})

        def desk_submissions():
            page = self.ask_server("/v1/changes?since=&limit=200", token=session["access_token"])
            return [s for order in page["orders"] for s in order["submissions"] if s.get("origin") == "desk"]

        found = wait_for("the submission on the server", desk_submissions, 40)
        if len(found) != 1:
            raise Failure(f"{len(found)} submissions instead of one")

    def server_killed(self):
        """Killed hard, the server is there again at its old address, and nothing is there twice."""
        children = subprocess.run(["ps", "--ppid", str(self.process.pid), "-o", "pid=,comm="],
                                  capture_output=True, text=True).stdout.split("\n")
        servers = [int(line.split()[0]) for line in children if "retake-server" in line]
        if len(servers) != 1:
            raise Failure(f"{len(servers)} servers run")
        os.kill(servers[0], signal.SIGKILL)

        def answers():
            try:
                self.server_has_it()
                return True
            except (OSError, KeyError):
                return False

        wait_for("the server's return", answers, 30)

    def quit(self):
        self.keys("ctrl+q")
        code = self.process.wait(timeout=20)
        if code != 0:
            raise Failure(f"the program ended with {code}")
        try:
            self.ask_server("/v1/changes")
        except urllib.error.HTTPError:
            raise Failure("the server outlived the program")
        except OSError:
            pass

    def clean(self, failed):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        if failed:
            with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
                for line in file:
                    if '"level":"info"' not in line:
                        print("# " + line.rstrip())
        shutil.rmtree(self.folder, ignore_errors=True)


def missing(options):
    if not os.path.isdir(options.models) or not os.listdir(options.models):
        return "the models are missing: run tools/setup"
    for command in ("xdotool", "qrencode", "convert"):
        if shutil.which(command) is None:
            return f"{command} is not installed"
    try:
        import gi

        gi.require_version("Atspi", "2.0")
    except (ImportError, ValueError):
        return "the accessibility bindings are not installed"
    if options.language == "zh_CN":
        known = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.lower()
        if "zh_cn.utf8" not in known and "zh_cn.utf-8" not in known:
            return "the locale zh_CN.UTF-8 is not there: run tools/setup --test"
    return None


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "server", "picture", "models", "locale-dir", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--language", choices=sorted(WORDS), default="zh_CN")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--dark", action="store_true")
    options = parser.parse_args()
    reason = missing(options)
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0

    program = Program(options)
    steps = [
        ("start", program.start), ("code", lambda: program.open_by_code(0)),
        ("shoot", program.shoot_with_override), ("submit", program.submit),
        ("undo", program.undo_and_submit), ("next", program.release_by_next),
        ("server", program.server_has_it), ("server-killed", program.server_killed), ("quit", program.quit),
        ("scan", program.scan),
    ]
    print(f"1..{len(steps)}")
    failed = False
    for number, (name, step) in enumerate(steps, 1):
        begun = time.monotonic()
        try:
            step()
            print(f"ok {number} /app/drive/{name} # {time.monotonic() - begun:.1f} s", flush=True)
        except (Failure, OSError, subprocess.SubprocessError, KeyError) as error:
            print(f"not ok {number} /app/drive/{name}\n# {error!r}", flush=True)
            program.shot("failed-" + name)
            failed = True
            break
    program.clean(failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
