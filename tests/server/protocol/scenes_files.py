# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: live hints."""

import base64
import hashlib

from tap import expect

# Of RFC 6455.
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HANDSHAKE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


def scene_live(world):
    answer = world.call("operator", "GET", "/v1/live", headers=HANDSHAKE, status=101)
    # From here on the connection is no HTTP any more.
    world.client.close()
    wanted = base64.b64encode(hashlib.sha1((HANDSHAKE["Sec-WebSocket-Key"] + MAGIC).encode()).digest()).decode()
    expect(answer.get("sec-websocket-accept") == wanted)
    for more in ({}, {**HANDSHAKE, "Sec-WebSocket-Version": "8"}):
        expect(world.call("reviewer", "GET", "/v1/live", headers=more, status=426).problem == "upgrade-required")
    broken = {**HANDSHAKE, "Sec-WebSocket-Key": "short"}
    expect(world.call("supervisor", "GET", "/v1/live", headers=broken, status=400).problem == "bad-handshake")
