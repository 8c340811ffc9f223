# SPDX-License-Identifier: GPL-3.0-or-later
"""A station's key: canonical JSON (RFC 8785, for what operations hold) and Ed25519."""

import base64
import json
import os
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def new_id():
    """A UUIDv7."""
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    number = number & ~(0xF << 76) | 7 << 76
    number = number & ~(3 << 62) | 2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def now(seconds=0):
    """RFC 3339 with six decimals."""
    moment = time.time() + seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1e6):06}Z"


def canonical(value):
    """RFC 8785 for objects of texts, whole numbers, truth values and null."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return b"{" + b",".join(canonical(key) + b":" + canonical(value[key]) for key in keys) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(canonical, value)) + b"]"
    return json.dumps(value, ensure_ascii=False).encode()


class StationKey:
    """The Ed25519 key of a station."""

    def __init__(self):
        self.private = Ed25519PrivateKey.generate()
        raw = self.private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.name = base64.urlsafe_b64encode(raw).decode().rstrip("=")
        self.station = None

    def sign(self, data):
        return base64.b64encode(self.private.sign(data)).decode()

    def proof(self, user):
        return self.sign(f"retake-enrol\n{self.name}\n{user}".encode())

    def operation(self, kind, order, revision, body, **changed):
        """A signed operation; `changed` replaces members before the signature is made."""
        members = {"id": new_id(), "kind": kind, "order": order, "base_revision": revision,
                   "created_at": now(), "station": self.station, "actor": "operator", "body": body, **changed}
        return {**members, "signature": self.sign(canonical(members))}
