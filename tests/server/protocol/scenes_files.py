# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: live hints, pictures and their thumbnails."""

import base64
import fcntl
import hashlib
import os
import re
import struct
import subprocess
import zlib

from server import PASSWORD
from tap import expect
from world import TUS, b64

# Of RFC 6455.
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
HANDSHAKE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
             "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}

def png(side, said=None):
    """A black picture; `said`: the side that its header claims."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", said or side, said or side, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes(side * (side + 1)))) + chunk(b"IEND", b""))


PNG = png(300)


def scene_thumbnail(world):
    for data in (PNG, PNG[:40]):
        location = world.begin_upload("operator", data, "image/png")
        world.call("operator", "PATCH", location, data, media_type="application/offset+octet-stream", status=204,
                   headers={**TUS, "Upload-Offset": "0"})
    path = "/v1/photos/" + hashlib.sha256(PNG).hexdigest()
    broken = "/v1/photos/" + hashlib.sha256(PNG[:40]).hexdigest()
    for one in (path, path + "/thumbnail"):
        tag = world.call("reviewer", "GET", one, status=200).get("etag")
        world.call("reviewer", "GET", one, status=304, headers={"If-None-Match": tag})
    world.call("reviewer", "HEAD", path, status=304, headers={"If-None-Match": f'"other", "{path[-64:]}"'})
    part = world.call("reviewer", "GET", path, status=206, headers={"Range": "bytes=1-3"})
    expect(part.body == b"PNG")
    for _ in range(2):
        expect(world.call("reviewer", "GET", broken + "/thumbnail", status=422).problem == "no-thumbnail")


def scene_picture_bomb(world):
    """Headers that promise gigabytes: refused by their size, before there is memory for a pixel."""
    before = world.server.memory_mb()
    for said in (5001, 60000, 2 ** 31 - 1):
        name = world.upload("operator", "image/png", png(100, said))
        answer = world.call("reviewer", "GET", f"/v1/photos/{name}/thumbnail", status=422)
        expect(answer.problem == "no-thumbnail")
    expect(world.server.memory_mb() - before < 50)
    report = world.upload("operator", "application/json")
    world.call("reviewer", "GET", f"/v1/photos/{report}/thumbnail", status=422)


def scene_turned_picture(world):
    """A picture that its EXIF data turns by 90 degrees."""
    path = os.path.join(world.server.folder, "turned.jpg")
    subprocess.run(["convert", "-size", "600x300", "xc:red", path], check=True)
    subprocess.run(["exiftool", "-q", "-n", "-overwrite_original", "-Orientation=6", path], check=True)
    with open(path, "rb") as file:
        name = world.upload("operator", "image/jpeg", file.read())
    answer = world.call("reviewer", "GET", f"/v1/photos/{name}/thumbnail", status=200)
    made = path + ".small.jpg"
    with open(made, "wb") as file:
        file.write(answer.body)
    size = subprocess.run(["identify", "-format", "%w %h", made], check=True, capture_output=True, text=True).stdout
    expect(size == "128 256", size)


def scene_expired_upload(world):
    with world.another_server(bootstrap="s" * 40, extra=("--upload-seconds", "0")) as client:
        client.request("POST", "/v1/bootstrap", {"secret": "s" * 40, "user": "first", "password": "long enough"},
                       status=201)
        token = client.request("POST", "/v1/session", {"user": "first", "password": "long enough"},
                               status=201).json["access_token"]
        metadata = f"sha256 {b64('a' * 64)},filename {b64('照片')},filetype {b64('image/png')}"
        location = client.request("POST", "/v1/uploads", token=token, status=201, headers={
            **TUS, "Upload-Length": "10", "Upload-Metadata": metadata}).get("location")
        client.request("HEAD", location, token=token, status=410, headers=TUS)
        answer = client.request("PATCH", location, b"12345", token=token, status=410,
                                media_type="application/offset+octet-stream", headers={**TUS, "Upload-Offset": "0"})
        expect(answer.problem == "upload-expired")
        client.request("DELETE", location, token=token, status=410, headers=TUS)


def scene_quota(world):
    with world.another_server(extra=("--quota-files", "1")) as client:
        token = client.request("POST", "/v1/online/accounts", {"phone": "10099990001", "password": "long enough"},
                               status=201).json["access_token"]
        for digit, status in (("a", 201), ("a", 201), ("b", 413)):
            metadata = f"sha256 {b64(digit * 64)},type {b64('image/png')}"
            answer = client.request("POST", "/v1/uploads", token=token, status=status, headers={
                **TUS, "Upload-Length": "10", "Upload-Metadata": metadata})
        expect(answer.problem == "quota")


def scene_locked_upload(world):
    data = world.blob()
    location = world.begin_upload("operator", data, "image/jpeg")

    def add(at, size, status):
        return world.call("operator", "PATCH", location, data[at:at + size], status=status,
                          media_type="application/offset+octet-stream", headers={**TUS, "Upload-Offset": str(at)})
    add(0, 100, 204)
    with open(os.path.join(world.server.data, "uploads", location.rsplit("/", 1)[1]), "rb") as part:
        # As another server on the same folder does while it adds a part.
        fcntl.flock(part, fcntl.LOCK_EX)
        expect(add(100, 100, 423).problem == "upload-locked")
    add(100, 100, 204)


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


def scene_live_room(world):
    for option, status, problem in (("--max-own-sockets", 429, "too-many-sockets"), ("--max-sockets", 503, "busy")):
        with world.another_server(staff=("operator",), extra=(option, "1")) as client:
            session = client.request("POST", "/v1/session", {"user": "operator", "password": PASSWORD}, status=201)
            token = session.json["access_token"]
            client.request("GET", "/v1/live", token=token, headers=HANDSHAKE, status=101)
            # The connection is a WebSocket now; the next request gets another one.
            held, client.connection = client.connection, None
            answer = client.request("GET", "/v1/live", token=token, headers=HANDSHAKE, status=status)
            expect(answer.problem == problem and int(answer.get("retry-after")) > 0)
            held.close()


def scene_metrics(world):
    """Held against the grammar of OpenMetrics 1.0, as far as the server uses it."""
    world.call("operator", "GET", "/v1/changes", status=200)
    answer = world.call(None, "GET", "/metrics", status=200)
    expect(answer.get("content-type").startswith("application/openmetrics-text; version=1.0.0"))
    types, values = {}, {}
    lines = answer.body.decode().split("\n")
    expect(lines[-2:] == ["# EOF", ""])
    for line in lines[:-2]:
        if line.startswith("# TYPE "):
            name, kind = line[7:].split(" ")
            expect(name not in types and kind in ("counter", "gauge", "histogram"), line)
            types[name] = kind
            continue
        if line.startswith("# HELP "):
            expect(line[7:].split(" ")[0] == list(types)[-1], line)
            continue
        found = re.fullmatch(r'([a-z_]+)((?:\{[a-z]+="[^"\n]*"(?:,[a-z]+="[^"\n]*")*\})?) (-?[0-9.e+-]+)', line)
        expect(found, line)
        family = list(types)[-1]
        endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}[types[family]]
        expect(found[1] in [family + ending for ending in endings], line)
        expect(found[1] + found[2] not in values, line)
        values[found[1] + found[2]] = float(found[3])
    expect(values['retake_calls_total{method="GET",route="/v1/changes",status="200"}'] >= 1)
    expect(values['retake_call_seconds_bucket{le="+Inf"}'] == values["retake_call_seconds_count"])
    expect(1e6 < values["retake_memory_bytes"] < 400e6)
    # Somebody else for whom a program on this machine asks.
    headers = {"X-Forwarded-For": "192.0.2.7"}
    expect(world.call(None, "GET", "/metrics", status=403, headers=headers).problem == "forbidden")
    expect(world.call("supervisor", "GET", "/metrics", status=403, headers=headers).problem == "forbidden")
    secret = os.path.join(world.server.folder, "metrics-token")
    with open(secret, "w", encoding="utf-8") as file:
        file.write("a token of its own\n")
    os.chmod(secret, 0o600)
    with world.another_server(extra=("--metrics-token-file", secret)) as client:
        client.request("GET", "/metrics", token="a token of its own", status=200, headers=headers)
        client.request("GET", "/metrics", token="another", status=403, headers=headers)
