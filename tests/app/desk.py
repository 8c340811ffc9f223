# SPDX-License-Identifier: GPL-3.0-or-later
"""The real program with a person at it: real keys, and eyes through the accessibility bus.

What the drives of the window share. They print TAP, leave screenshots and run under
tests/support/with-display.
"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

WORDS = {
    "zh_CN": {
        "entry": "采集码、姓名或订单号", "shoot": "拍摄", "agree": "满意，提交", "leave": "离开当前毕业生",
        "accept": "接受不合格项", "submitted": "已提交，请下一位", "scan": "请扫描采集码",
        "mirror": "镜像显示", "gone": "相机断开了", "advice": "请检查连接线", "gone-light": "已断开",
    },
    "en": {
        "entry": "Collection code, name or order number", "shoot": "Shoot", "agree": "Agree and submit",
        "leave": "Leave this graduate", "accept": "Accept in spite of a failing rule",
        "submitted": "Submitted. Next, please.", "scan": "Scan a collection code",
        "mirror": "Mirror the view", "gone": "The camera is gone", "advice": "Check its cable.",
        "gone-light": "Gone",
    },
}

# Numbers of the accessibility bus (AtspiRole, AtspiStateType).
BUTTON = 43
# Frames, fillers, labels, lists, their items, panels, scroll panes and what has no role hold others and
# need no name of their own.
UNNAMED_ROLES = (23, 20, 29, 31, 32, 39, 49, 67)
FOCUSABLE, PRESSED, SENSITIVE, VISIBLE = 11, 20, 24, 30

class Failure(Exception):
    pass


# How many times longer than usual to wait for a program that is slow by design, under sanitizers.
PATIENCE = int(os.environ.get("RTK_TEST_PATIENCE", "1"))


def wait_for(what, function, seconds=60):
    """Asks again until it is there; a tenth of a second between, never a blind wait."""
    seconds *= PATIENCE
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = function()
        if found:
            return found
        time.sleep(0.1)
    raise Failure(f"{what} did not come within {seconds} s")


class Node:
    def __init__(self, name, role, states):
        self.name, self.role, self.states = name, role, states

    def has(self, state):
        return bool(self.states[state // 32] >> state % 32 & 1)


class Eyes:
    """What a screen reader finds, asked of the bus itself: a library between would answer from what
    it remembers. The questions about one level of the tree go out together, so that a look takes as
    many turns of the program's main loop as the tree is deep, also under sanitizers."""

    ACCESSIBLE = "org.a11y.atspi.Accessible"
    PROPERTIES = "org.freedesktop.DBus.Properties"
    # One that does not answer for so long hangs; said before the harness gives up on the whole drive.
    TIMEOUT_MS = 20000 * PATIENCE

    def __init__(self):
        from gi.repository import Gio, GLib

        self.gio, self.glib = Gio, GLib
        session = Gio.bus_get_sync(Gio.BusType.SESSION)
        address = session.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress", None, None,
                                    Gio.DBusCallFlags.NONE, self.TIMEOUT_MS, None)[0]
        self.bus = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
            | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)

    def ask(self, questions):
        """The first value of each answer; None where the object is gone."""
        answers = [None] * len(questions)
        left = len(questions)
        loop = self.glib.MainLoop()

        def answered(bus, result, i):
            nonlocal left
            try:
                answers[i] = bus.call_finish(result)[0]
            except self.glib.Error:
                pass
            left -= 1
            if left == 0:
                loop.quit()

        for i, ((owner, path), interface, method, arguments) in enumerate(questions):
            self.bus.call(owner, path, interface, method, arguments, None, self.gio.DBusCallFlags.NONE,
                          self.TIMEOUT_MS, None, answered, i)
        if questions:
            loop.run()
        return answers

    def children(self, objects):
        lists = self.ask([(o, self.ACCESSIBLE, "GetChildren", None) for o in objects])
        return [tuple(child) for children in lists if children is not None for child in children]

    def names(self, objects):
        arguments = self.glib.Variant("(ss)", (self.ACCESSIBLE, "Name"))
        return self.ask([(o, self.PROPERTIES, "Get", arguments) for o in objects])

    def look(self):
        """Every object of the program now, and whether none of them went away meanwhile."""
        applications = self.children([("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")])
        level = [a for a, name in zip(applications, self.names(applications)) if name == "retake"]
        objects = []
        while level:
            level = self.children(level)
            objects += level
        names = self.names(objects)
        roles = self.ask([(o, self.ACCESSIBLE, "GetRole", None) for o in objects])
        states = self.ask([(o, self.ACCESSIBLE, "GetState", None) for o in objects])
        whole = [facts for facts in zip(names, roles, states) if None not in facts]
        return [Node(*facts) for facts in whole], len(whole) == len(objects)

    def find(self, name, sensitive=False, role=None):
        for node in self.look()[0]:
            # GTK 4.8 never says "showing" below the window: what can be used tells.
            if name in node.name and role in (None, node.role) and (not sensitive or node.has(SENSITIVE)):
                return node
        return None

    def unnamed(self):
        """Roles of what takes the focus and has no name, in a tuple; None when the tree changed."""
        nodes, is_whole = self.look()
        if not nodes or not is_whole:
            return None
        return ([n.role for n in nodes if n.has(FOCUSABLE) and n.has(VISIBLE)
                 and n.role not in UNNAMED_ROLES and not n.name],)


class Desk:
    series = ""  # What the names of its screenshots begin with.

    def __init__(self, options, camera, camera_name):
        self.options = options
        self.camera, self.camera_name = camera, camera_name
        self.process = None
        self.words = WORDS[options.language]
        self.folder = tempfile.mkdtemp(prefix="retake-drive-")
        self.eyes = Eyes()
        environment = dict(os.environ)
        environment["RETAKE_SERVER"] = options.server
        environment["RTK_MODELS_DIR"] = options.models
        environment["RETAKE_DEMO_PICTURE"] = options.picture
        environment["RTK_LOCALE_DIR"] = options.locale_dir
        environment["LANG"] = environment["LC_ALL"] = (
            "zh_CN.UTF-8" if options.language == "zh_CN" else "C.UTF-8")
        if options.dark:
            environment["ADW_DEBUG_COLOR_SCHEME"] = "prefer-dark"
        self.environment = environment
        self.log = open(os.path.join(self.folder, "log"), "w")

    def launch(self, camera):
        self.process = subprocess.Popen(
            [self.options.program, "--demo", "--data", os.path.join(self.folder, "data"),
             "--camera", camera],
            env=self.environment, stdout=self.log, stderr=self.log)

    def path(self, *names):
        return os.path.join(self.folder, "data", *names)

    def keys(self, *keys):
        subprocess.run(["xdotool", "key", "--clearmodifiers", *keys], check=True, timeout=30 * PATIENCE)

    def write(self, text):
        subprocess.run(["xdotool", "type", "--delay", "20", text], check=True, timeout=30 * PATIENCE)

    def see(self, name, sensitive=False, role=None, seconds=60):
        if self.process.poll() is not None:
            raise Failure(f"the program ended with {self.process.returncode}")
        return wait_for(f"“{name}”", lambda: self.eyes.find(name, sensitive, role), seconds)

    def window(self, number=-1):
        found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", "."],
                               capture_output=True, text=True).stdout.split()
        return found[number] if found else None

    def focus(self):
        """There is no window manager here to do it."""
        window = wait_for("a window", self.window)
        subprocess.run(["xdotool", "windowfocus", "--sync", window], check=False, timeout=30 * PATIENCE)

    def shot(self, name):
        if shutil.which("import") is None:
            return
        os.makedirs(self.options.out, exist_ok=True)
        style = "dark" if self.options.dark else "light"
        file = f"{self.options.language}-{style}-{self.options.size}-{self.series}{name}.png"
        subprocess.run(["import", "-window", "root", os.path.join(self.options.out, file)], check=False)

    def fill_screen(self):
        width, height = self.options.size.split("x")
        window = wait_for("a window", self.window)
        subprocess.run(["xdotool", "windowmove", window, "0", "0", "windowsize", "--sync", window, width, height],
                       check=False)

    # Steps that every drive is made of.

    def start(self):
        self.launch(self.camera)
        # The lights name the camera once it is live.
        self.see(self.camera_name, role=BUTTON, seconds=90)
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
        self.see(self.words["shoot"], sensitive=True, role=BUTTON)

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
        self.see(self.words["agree"], sensitive=True, role=BUTTON)
        wait_for("the dialog's end", lambda: not self.eyes.find(self.words["accept"]))
        self.focus()
        self.shot("4-shot")
        self.all_are_named()

    def submit(self):
        self.keys("Return")
        self.see(self.words["submitted"])
        self.shot("5-submitted")

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
        if self.process is not None and self.process.poll() is None:
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
        import gi  # noqa: F401
    except ImportError:
        return "python3-gi is not installed"
    if options.language == "zh_CN":
        known = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.lower()
        if "zh_cn.utf8" not in known and "zh_cn.utf-8" not in known:
            return "the locale zh_CN.UTF-8 is not there: run tools/setup --test"
    return None


def read_options(*more):
    parser = argparse.ArgumentParser()
    for name in ("program", "server", "picture", "models", "locale-dir", "out", *more):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--language", choices=sorted(WORDS), default="zh_CN")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--dark", action="store_true")
    return parser.parse_args()


def run(name, options, make):
    """Runs what make(options) gives, a desk with its steps(); stops at the first that fails."""
    reason = missing(options)
    if reason:
        print(f"1..0 # SKIP {reason}")
        return 0
    desk = make(options)
    steps = desk.steps()
    print(f"1..{len(steps)}")
    failed = False
    for number, (step, function) in enumerate(steps, 1):
        begun = time.monotonic()
        try:
            function()
            print(f"ok {number} /app/{name}/{step} # {time.monotonic() - begun:.1f} s", flush=True)
        except (Failure, OSError, subprocess.SubprocessError, KeyError) as error:
            print(f"not ok {number} /app/{name}/{step}\n# {error!r}", flush=True)
            desk.shot("failed-" + step)
            failed = True
            break
    desk.clean(failed)
    return 1 if failed else 0
