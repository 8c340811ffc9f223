# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the programs share: cases as TAP, and real processes.

A case is a function `test_name(desk)`; its document string says what it is for. Every process that a
case starts is ended with it, by its number.
"""

import atexit
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.request

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
CTL = os.environ["RTK_TEST_CTL"]
SERVER = os.environ["RTK_TEST_SERVER"]
MAKE_PICTURES = os.environ["RTK_TEST_MAKE_PICTURES"]
ASTRONAUT = os.path.join(TOP, "tests/fixtures/astronaut.png")
TESTDATA = os.environ.get("RTK_TESTDATA", "")
PASSWORD = "correct horse battery staple"
USER = "tester"
# Memory where there is some: what a process leaves when it is killed is the same there.
ROOM = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# Far beyond what any step takes, also under sanitizers: reaching it is a failure.
PATIENCE = 120


class Skipped(Exception):
    """The case cannot be run here; says why."""


class Failed(AssertionError):
    """An expectation that was not met."""


def expect(condition, *about):
    if not condition:
        raise Failed(" ".join(str(word) for word in about) or "not so")


def equal(got, wanted, what=""):
    expect(got == wanted, what, "is", repr(got), "instead of", repr(wanted))


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def read_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(path, data, mode=0o644):
    """Writes text or bytes and returns the path."""
    if isinstance(data, str):
        data = data.encode()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(data)
    return path


class Done:
    """How a process ended."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)


class Server:
    """A retake-server on a folder; may be killed and started again on the same port."""

    def __init__(self, desk):
        self.desk = desk
        self.data = desk.path("server")
        self.url = None
        self.process = None
        self.lines = []
        self.reader = None
        self.kill_after = None

    def start(self, listen="127.0.0.1:0"):
        """Returns when it is ready. `listen` may be the address of the start before."""
        ready = self.desk.path("ready")
        if os.path.exists(ready):
            os.unlink(ready)
        self.lines = []
        self.process = self.desk.spawn([SERVER, "--data", self.data, "--listen", listen, "--ready-file", ready],
                                       stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, args=(self.process,))
        self.reader.start()
        self.desk.until(lambda: os.path.exists(ready) or self.process.poll() is not None, "the server's start")
        expect(self.process.poll() is None, "the server ended at once:", self.lines)
        with open(ready, encoding="utf-8") as file:
            self.url = file.read().strip()
        return self

    def restart(self):
        return self.start(self.url.split("//", 1)[1])

    def _read(self, process):
        for line in process.stderr:
            self.lines.append(line)
            if self.kill_after is not None and self.kill_after(json.loads(line)):
                process.kill()

    def stop(self, number=signal.SIGTERM):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
        if self.process is not None:
            code = self.process.wait(PATIENCE)
            self.reader.join(PATIENCE)
            log = "".join(self.lines)
            self.process = None
            expect(code in (0, -signal.SIGKILL), "the server's exit code", code, log)
            expect("Sanitizer" not in log and "runtime error" not in log, log)
            expect('"warning"' not in log, log)

    def simulate(self, graduates=6):
        """A campus in every state; returns the collection codes."""
        done = self.desk.run([SERVER, "simulate", "--data", self.data, "--graduates", str(graduates), "--photos",
                              self.desk.pictures(), "--user", USER, "--password-file", self.desk.password_file,
                              "--codes-file", self.desk.path("codes")])
        equal(done.code, 0, "simulate: " + done.err)
        with open(self.desk.path("codes"), encoding="utf-8") as file:
            return file.read().split()

    def call(self, method, path, body=None, token=None, raw=False):
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=PATIENCE) as answer:
            content = answer.read()
        return content if raw else json.loads(content)

    def holds_once(self, submitted, original=ASTRONAUT):
        """Expects exactly one submission of the retake, with the bytes that were sent."""
        token = self.token()
        order = self.call("GET", "/v1/orders/" + submitted["order"], token=token)
        mine = [one for one in order["submissions"] if one["id"] == submitted["submission"]]
        equal(len(mine), 1, "how often the server has it")
        equal(mine[0]["delivered"], submitted["delivered"], "delivered")
        equal(len({one["id"] for one in order["submissions"]}), len(order["submissions"]), "ids of submissions")
        delivered = self.call("GET", "/v1/photos/" + submitted["delivered"], token=token, raw=True)
        equal(hashlib.sha256(delivered).hexdigest(), submitted["delivered"], "bytes of the finished photo")
        with open(original, "rb") as file:
            sent = file.read()
        equal(self.call("GET", "/v1/photos/" + hashlib.sha256(sent).hexdigest(), token=token, raw=True), sent)
        return order

    def token(self):
        return self.call("POST", "/v1/session", {"user": USER, "password": PASSWORD})["access_token"]


class Desk:
    """A folder of its own for one case, and the programs that work in it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="retake-test-", dir=ROOM)
        self.password_file = write(self.path("password"), PASSWORD + "\n", 0o600)
        self.processes = []
        self.servers = []

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def spawn(self, command, **options):
        process = subprocess.Popen(command, **options)
        self.processes.append(process)
        return process

    def run(self, command, env=None, stdin=subprocess.DEVNULL, **options):
        done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False, timeout=PATIENCE,
                              env={**os.environ, "RETAKE_PASSPHRASE_FILE": self.password_file, **(env or {})},
                              **options)
        expect("Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr)
        return Done(done.returncode, done.stdout, done.stderr)

    def ctl(self, *words, code=0, env=None, data=None):
        """Runs retakectl and expects its exit code."""
        done = self.run([CTL, "--data", data or self.path("station"), *words], env=env)
        if code is not None:
            equal(done.code, code, f"exit code of {words[:3]} ({done.out} {done.err})")
        return done

    def refuses(self, *words, word=None, env=None, data=None):
        """Expects exit code 2 and one line that says why."""
        done = self.ctl(*words, code=2, env=env, data=data)
        equal(done.err.count("\n"), 1, f"lines of {done.err!r}")
        expect(done.err.startswith("retakectl"), "who speaks:", done.err)
        if word is not None:
            expect(word in done.err, word, "is not in", done.err)
        return done.err

    def until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while not condition():
            expect(time.monotonic() < end, "waited too long for", what)
            time.sleep(0.005)

    def pictures(self):
        """A folder with the portrait, its finished photo and its report, made once for all cases."""
        return _shared("pictures", _make_portrait)

    def made(self, name):
        """One of the pictures of make-pictures, made once for all cases."""
        return os.path.join(_shared("made", _make_pictures), name)

    def server(self):
        server = Server(self)
        self.servers.append(server)
        return server

    def campus(self, graduates=6):
        """A running server with a campus, and this station signed in and in step with it."""
        server = self.server()
        codes = server.simulate(graduates)
        server.start()
        self.sign_in(server)
        self.ctl("sync", "--until-idle")
        return server, codes

    def submit(self, code, picture=ASTRONAUT):
        """Submits a retake by collection code; its failed rules are accepted by name."""
        report = read_json(os.path.join(self.pictures(), "person.report.json"))
        failed = {check["id"] for part in (report, report["finished"]) for check in part["checks"]
                  if check["blocking"] and check["verdict"] in ("fail", "unknown")}
        overrides = [word for name in sorted(failed) for word in ("--override", f"{name}: asked for by the test")]
        return self.ctl("--json", "retake", "submit", "--code-file", self.code_file(code), *overrides, picture).json

    def sign_in(self, server, code=0):
        return self.ctl("sign-in", "--server", server.url, "--user", USER, "--password-file", self.password_file,
                        code=code)

    def code_file(self, code):
        return write(self.path("code"), code + "\n", 0o600)

    def close(self):
        for server in self.servers:
            server.kill_after = None
            server.stop()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        for base, folders, _ in os.walk(self.folder):
            for name in folders:
                os.chmod(os.path.join(base, name), 0o700)
        shutil.rmtree(self.folder)


_made = {}


def _shared(name, make):
    if name not in _made:
        folder = tempfile.mkdtemp(prefix=f"retake-test-{name}-", dir=ROOM)
        atexit.register(shutil.rmtree, folder)
        make(folder)
        _made[name] = folder
    return _made[name]


def _make_portrait(folder):
    shutil.copy(ASTRONAUT, os.path.join(folder, "person.png"))
    done = subprocess.run([CTL, "photo", "make", os.path.join(folder, "person.png"), "-o",
                           os.path.join(folder, "person.finished.jpg"), "--report",
                           os.path.join(folder, "person.report.json")], check=False)
    equal(done.returncode, 1, "exit code of photo make")


def _make_pictures(folder):
    subprocess.run([MAKE_PICTURES, ASTRONAUT, folder], check=True)


def main(cases):
    """Runs all cases, or those named on the command line."""
    cases = [case for case in cases if len(sys.argv) < 2 or case.__name__ in sys.argv[1:]]
    failures = 0
    print(f"1..{len(cases)}", flush=True)
    for number, case in enumerate(cases, 1):
        name = case.__name__.removeprefix("test_").replace("_", "-")
        desk = Desk()
        start = time.monotonic()
        try:
            case(desk)
            print(f"ok {number} {name}", flush=True)
        except Skipped as why:
            print(f"ok {number} {name} # SKIP {why}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failures += 1
            print(f"not ok {number} {name}", flush=True)
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")
        finally:
            desk.close()
        print(f"# {name}: {time.monotonic() - start:.1f} s", flush=True)
    return 1 if failures else 0
