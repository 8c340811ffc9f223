#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public JavaScript client of tus 1.0.0 uploads to the server: through a proxy that breaks things, with the
server killed ten times, and killed itself ten times. What ends up there is equal to the byte.

Environment: RTK_TEST_SERVER, and RTK_TEST_POSTGRES for a server on PostgreSQL.
"""

import hashlib
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "protocol"))

from server import PASSWORD, Server  # noqa: E402
from tap import expect, run  # noqa: E402

KILLS = 10
SIZE = 3_000_000
CHUNK = 100_000
SECONDS = 100


class FaultProxy:
    """Passes bytes on, and breaks a connection in one of many ways, the same ones in every run."""

    def __init__(self, target, seed):
        self.target, self.random = target, random.Random(seed)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.faults = {name: 0 for name in ("reset", "delay", "error", "half-answer", "refuse", "none")}
        self.lock = threading.Lock()
        self.calm, self.coming = False, []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _choose(self):
        with self.lock:
            if not self.calm and not self.coming:
                self.coming = [*self.faults, "reset", "none"]
                self.random.shuffle(self.coming)
            fault = "none" if self.calm else self.coming.pop()
            self.faults[fault] += 1
            return fault, self.random.randrange(300, CHUNK)

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        fault, size = self._choose()
        try:
            with client:
                if fault == "refuse":
                    return
                if fault == "error":
                    client.recv(65536)
                    client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                with socket.create_connection(self.target(), timeout=SECONDS) as server:
                    up = threading.Thread(target=self._pump, daemon=True, args=(
                        client, server, size if fault == "reset" else None, fault == "delay"))
                    up.start()
                    self._pump(server, client, 40 if fault == "half-answer" else None, False)
                    up.join()
        except OSError:
            pass

    @staticmethod
    def _pump(source, sink, limit, slow):
        """`limit`: after so many bytes both ends are cut off."""
        passed = 0
        try:
            while data := source.recv(4096 if slow else 65536):
                if limit is not None and passed + len(data) > limit:
                    sink.sendall(data[:limit - passed])
                    break
                if slow:
                    threading.Event().wait(0.002)
                sink.sendall(data)
                passed += len(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Upload:
    """One photo that is to be uploaded, and the clients that try."""

    def __init__(self, world, seed, chunk=CHUNK):
        self.world, self.chunk = world, chunk
        self.bytes = b"\xff\xd8\xff" + random.Random(seed).randbytes(SIZE)
        self.sha256 = hashlib.sha256(self.bytes).hexdigest()
        self.folder = tempfile.mkdtemp(prefix="retake-tus-")
        self.file = os.path.join(self.folder, "photo.jpg")
        with open(self.file, "wb") as file:
            file.write(self.bytes)

    def start(self):
        """A client with a stream of what it says."""
        url = f"http://{self.world.proxy.address[0]}:{self.world.proxy.address[1]}"
        return subprocess.Popen(["node", os.path.join(HERE, "client.js"), self.file, url, self.world.token, self.sha256,
                                 "image/jpeg", str(self.chunk), os.path.join(self.folder, "state")],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, client):
        said, _ = client.communicate(timeout=SECONDS)
        expect(client.returncode == 0, said[-500:])
        status, body = self.world.get(f"/v1/photos/{self.sha256}")
        expect(status == 200 and body == self.bytes, "the photo differs")
        left = [name for _, _, names in os.walk(os.path.join(self.world.server.data, "uploads")) for name in names]
        expect(left == [], "parts are left")
        shutil.rmtree(self.folder)
        return said


class World:
    """A server, a proxy in front of it, and somebody who is signed in."""

    def __init__(self):
        self.server = Server(staff=("operator",)).start()
        self.proxy = FaultProxy(lambda: self.server.address, 7)
        self.proxy.calm = True
        self.token = json.loads(self.ask("POST", "/v1/session", json.dumps(
            {"user": "operator", "password": PASSWORD}))[1])["access_token"]

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(*self.server.address, timeout=SECONDS)
        headers = {"Content-Type": "application/json"} if body else {"Authorization": "Bearer " + self.token}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        result = answer.status, answer.read()
        connection.close()
        return result

    def get(self, path):
        return self.ask("GET", path)

    def kill_server(self):
        self.server.process.kill()
        self.server.process.wait()
        self.server.reader.join()
        self.server.process.stderr.close()
        self.server.start()

    def close(self):
        self.proxy.close()
        self.server.close()


def read_until_accepted(client):
    """The next part is on the server; nothing when the client has ended."""
    for line in client.stdout:
        if line.startswith("accepted"):
            return True
    return False


def case_plain(world):
    for number, chunk in enumerate((0, CHUNK)):
        upload = Upload(world, number, chunk)
        expect("retries 0" in upload.finish(upload.start()))


def case_faults(world):
    before = dict(world.proxy.faults)
    world.proxy.calm = False
    number = 0
    # A whole file in one part, then in many, until everything that can go wrong has done so.
    while number < 2 or (number < 30 and not all(times > before[name] for name, times in world.proxy.faults.items())):
        upload = Upload(world, 10 + number, (0, CHUNK)[number % 2])
        upload.finish(upload.start())
        number += 1
    world.proxy.calm = True
    for name, times in world.proxy.faults.items():
        expect(times > before[name], f"the proxy made no {name}")


def case_server_killed(world):
    upload = Upload(world, 20)
    client = upload.start()
    kills = 0
    while kills < KILLS and read_until_accepted(client):
        world.kill_server()
        kills += 1
    upload.finish(client)
    expect(kills == KILLS, f"only {kills} kills")


def case_client_killed(world):
    upload = Upload(world, 30)
    for kills in range(KILLS):
        client = upload.start()
        expect(read_until_accepted(client), f"the client ended after {kills} kills")
        client.kill()
        client.communicate()
    upload.finish(upload.start())


def main():
    world = World()
    try:
        return run("/server/tus", [(name[5:].replace("_", "-"), lambda case=case: case(world))
                                   for name, case in globals().items() if name.startswith("case_")])
    finally:
        world.close()


if __name__ == "__main__":
    sys.exit(main())
