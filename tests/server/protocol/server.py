# SPDX-License-Identifier: GPL-3.0-or-later
"""A real retake-server process with a folder of its own, on whichever storage the tests run on."""

import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading

PROGRAM = os.environ.get("RTK_TEST_SERVER", "")
POSTGRES = os.environ.get("RTK_TEST_POSTGRES")
PASSWORD = "correct horse battery"
# Far beyond what any step takes, also under sanitizers: reaching it is a failure.
PATIENCE = 120
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def _die_with_test():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Server:
    """Makes a folder with a roster and one member of staff a role; start() runs the server."""

    # What no line of the log may hold: made-up codes, numbers, names, telephones, the password.
    SECRETS = ("TESTCODE", "32019919", "王小明", "1009999", PASSWORD)

    def __init__(self, graduates=0, extra=(), staff=("operator", "reviewer", "supervisor"), environment=None,
                 bootstrap=None):
        self.bootstrap, self.pipe = bootstrap, None
        self.folder = tempfile.mkdtemp(prefix="retake-protocol-")
        self.data = os.path.join(self.folder, "data")
        self.extra = list(extra)
        # A warning is found in the log; it need not end the server. Nor is memory written to that is only reserved, as
        # "gc-friendly" and meson's MALLOC_PERTURB_ have it.
        self.environment = {**os.environ, "G_DEBUG": "", "MALLOC_PERTURB_": "0", **(environment or {})}
        self.process = self.url = None
        self.lines = []
        self._make_database()
        if graduates:
            self.import_roster(graduates)
        for role in staff:
            self.command("user", "add", role, "--role", role, text=PASSWORD + "\n")

    def _make_database(self):
        if POSTGRES is None:
            return
        name = "p" + hashlib.sha256(self.folder.encode()).hexdigest()[:16]
        subprocess.run([os.path.join(os.environ["RTK_TEST_POSTGRES_BIN"], "psql"), "-q", "-X", "-h", POSTGRES, "-U",
                        "retake", "-d", "postgres", "-c", f"CREATE DATABASE {name}"], check=True)
        self.environment["RETAKE_DATABASE"] = f"postgresql://retake@/{name}?host={POSTGRES}"

    def import_roster(self, graduates):
        path = os.path.join(self.folder, "roster.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("school,batch,name,number,code\n")
            for index in range(graduates):
                code = code_of(index) if index % 2 == 0 else ""
                file.write(f"示例大学,2026,王小明,{number_of(index)},{code}\n")
        self.command("roster", "import", path)

    def command(self, *words, text="", code=0):
        done = subprocess.run([PROGRAM, *words, "--data", self.data], input=text, capture_output=True, text=True,
                              timeout=PATIENCE, env=self.environment, check=False)
        if done.returncode != code:
            raise AssertionError(f"retake-server {' '.join(words[:2])} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def start(self):
        command = [PROGRAM, "--data", self.data, "--listen", "127.0.0.1:0", "--sample-percent", "0",
                   "--gold-percent", "0", *self.extra]
        inherited = []
        if self.bootstrap is not None:
            end, self.pipe = os.pipe()
            os.write(self.pipe, self.bootstrap.encode() + b"\n")
            command += ["--bootstrap-fd", str(end)]
            inherited = [end]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, env=self.environment, pass_fds=inherited,
                                        preexec_fn=_die_with_test)
        for end in inherited:
            os.close(end)
        for line in self.process.stderr:
            self.lines.append(line)
            url = json.loads(line).get("url") if line.startswith(b"{") else None
            if url is not None:
                self.url = url
                break
        else:
            raise AssertionError(f"The server did not start: {b''.join(self.lines)!r}")
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    @property
    def address(self):
        host, port = self.url.split("//", 1)[1].rsplit(":", 1)
        return host.strip("[]"), int(port)

    @property
    def log(self):
        return b"".join(self.lines).decode("utf-8", "replace")

    def memory_mb(self):
        """The most it ever held."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
        raise AssertionError("no VmHWM")

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.process is None:
            return
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        self.process.stderr.close()
        self.process = None
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None
        if code != 0:
            raise AssertionError(f"The server ended with {code}: {self.log[-4000:]}")

    def check_log(self, warnings=False):
        """What it logged has neither secrets nor, unless they are expected, warnings."""
        log = self.log
        wrong = [f"the log holds {secret[:4]}..." for secret in self.SECRETS if secret in log]
        if "Sanitizer" in log or "runtime error" in log:
            wrong.append("a sanitizer spoke: " + log[-3000:])
        if not warnings:
            wrong += [line for line in log.splitlines() if '"warning"' in line or '"critical"' in line][:5]
        return wrong

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def code_of(index):
    return f"TESTCODE{index:08}"


def number_of(index):
    return f"32019919000101{index:04}"
