# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: troubles of the machine, the moment or the load, each brought about on a server of its own."""

import os
import signal

from keys import new_id
from raw import Raw
from scenes_files import HANDSHAKE
from server import PATIENCE
from tap import expect
from world import PART, TUS, World


def fill_disk(world):
    """A full disk under one upload, as its part finds it; with room again the same part is taken."""
    data = world.blob()
    location = world.begin_upload("operator", data, "image/jpeg")
    path = os.path.join(world.server.data, "uploads", location.rsplit("/", 1)[1])
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink("/dev/full", path)
    answer = world.patch("operator", location, data, status=507)
    expect(answer.problem == "disk-full", answer.problem)
    os.unlink(path)
    world.patch("operator", location, data)


def forget_sessions(world):
    """A server that has begun anew keeps no large body of somebody it does not know yet: once more, please."""
    world.client.close()
    world.server.stop()
    world.server.start()
    world.client.address = world.server.address

    def send(status):
        return world.call("operator", "PATCH", f"/v1/uploads/{new_id()}", bytes(100000), media_type=PART,
                          headers={**TUS, "Upload-Offset": "0"}, status=status)

    expect(send(503).problem == "busy")
    expect(send(404).problem == "not-found")


def stop_slowly(world):
    """Somebody who does not say goodbye keeps a server that stops: it turns all others away meanwhile."""
    with Raw(world.server.address) as idle:
        lines = {"Host": "localhost", "Authorization": f"Bearer {world.tokens['operator']}", **HANDSHAKE}
        idle.send(b"GET /v1/live HTTP/1.1\r\n"
                  + "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode() + b"\r\n")
        expect(idle.socket.recv(65536).startswith(b"HTTP/1.1 101 "))
        world.server.process.send_signal(signal.SIGTERM)
        while (answer := world.call(None, "GET", "/healthz", status=(200, 503))).status == 200:
            pass
        expect(answer.problem == "stopping", answer.problem)
        answer = world.call("operator", "POST", "/v1/operations", {"operations": []}, status=503)
        expect(answer.problem == "stopping", answer.problem)
    world.client.close()
    expect(world.server.process.wait(PATIENCE) == 0)


def scene_troubles(world):
    other = World(graduates=0, beside=world)
    try:
        fill_disk(other)
        forget_sessions(other)
        stop_slowly(other)
    finally:
        other.close()
