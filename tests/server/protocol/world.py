# SPDX-License-Identifier: GPL-3.0-or-later
"""A server with people on both sides of it, and the steps that scenes are made of."""

import base64
import contextlib
import hashlib
import itertools
import json
import random

from client import Client
from document import Document
from keys import StationKey, new_id
from server import PASSWORD, Server, code_of, number_of
from tap import nothing

STAFF = ("operator", "reviewer", "supervisor")
TUS = {"Tus-Resumable": "1.0.0"}
PART = "application/offset+octet-stream"
KINDS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n", "application/json": b"{"}


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


class Graduate:
    """An account with a bound code."""

    def __init__(self, index, token, account):
        self.index, self.token, self.account = index, token, account
        self.order = None


class World:
    """`tokens` of staff by role; `station` is the key that the operator's session is bound to."""

    def __init__(self, graduates=200, extra=(), beside=None):
        self.document = Document()
        # Chance decides whom a second reviewer sees; a scene that wants that asks for it.
        self.server = Server(graduates, ("--sample-percent", "0", "--gold-percent", "0", *extra)).start()
        self.client = Client(self.document, self.server.address)
        if beside is not None:
            # Its answers count like those of the other world.
            self.client.seen, self.client.problems = beside.client.seen, beside.client.problems
            self.client.wrong, self.client.taken = beside.client.wrong, beside.client.taken
        self.tokens, self.sessions = {}, {}
        self.numbers = itertools.count()
        self.blobs = itertools.count()
        for role in STAFF:
            self.sign_in(role)
        self.station = self.enrol("operator")

    def close(self):
        self.client.close()
        self.server.close()

    @contextlib.contextmanager
    def another_server(self, staff=(), **options):
        """A client of another server, whose answers count like those of the first."""
        server = Server(staff=staff, **options)
        try:
            server.start()
            client = Client(self.document, server.address)
            client.seen, client.problems, client.wrong = self.client.seen, self.client.problems, self.client.wrong
            yield client
            client.close()
            server.stop()
            nothing(server.check_log())
        finally:
            server.close()

    def call(self, who, method, path, body=None, status=None, **more):
        """`who`: a role, a Graduate, a token or None."""
        token = self.tokens[who] if who in self.tokens else getattr(who, "token", who)
        return self.client.request(method, path, body, token=token, status=status, **more)

    def sign_in(self, role):
        answer = self.call(None, "POST", "/v1/session", {"user": role, "password": PASSWORD}, status=201)
        self.sessions[role] = answer.json
        self.tokens[role] = answer.json["access_token"]
        return answer.json

    def enrol(self, role, name="desk"):
        key = StationKey()
        answer = self.call(role, "POST", "/v1/stations", {"name": name, "key": key.name, "proof": key.proof(role)},
                           status=(200, 201))
        key.station = answer.json["station"]
        return key

    def sign_up(self, bind=True):
        """A new account, of the next graduate on the roster."""
        index = next(self.numbers)
        made = self.call(None, "POST", "/v1/online/accounts", {"phone": f"1009999{index:04}", "password": PASSWORD},
                         status=201)
        graduate = Graduate(index, made.json["access_token"], made.json["account"])
        if bind:
            self.call(graduate, "POST", "/v1/online/codes",
                      {"code": code_of(index), "number": number_of(index)}, status=200)
        return graduate

    def blob(self, kind="image/jpeg", size=600):
        """Bytes that nobody sent before."""
        seed = random.Random(next(self.blobs))
        if kind == "application/json":
            return json.dumps({"made": "up", "noise": seed.randbytes(size // 2).hex()}).encode()
        return KINDS[kind] + seed.randbytes(size)

    def begin_upload(self, who, data, kind, length=None, **more):
        metadata = f"sha256 {b64(hashlib.sha256(data).hexdigest())},type {b64(kind)}"
        return self.call(who, "POST", "/v1/uploads", status=201,
                         headers={**TUS, "Upload-Length": str(length or len(data)), "Upload-Metadata": metadata},
                         **more).get("location")

    def patch(self, who, location, data, offset=0, status=204, **headers):
        return self.call(who, "PATCH", location, data, media_type=PART, status=status,
                         headers={**TUS, "Upload-Offset": str(offset), **headers})

    def upload(self, who, kind="image/jpeg", data=None):
        """Uploads bytes nobody sent before and returns their SHA-256."""
        data = data or self.blob(kind)
        self.patch(who, self.begin_upload(who, data, kind), data)
        return hashlib.sha256(data).hexdigest()

    def open_order(self, graduate):
        order = new_id()
        self.call(graduate, "POST", "/v1/online/orders", {"id": order}, status=201)
        graduate.order = order
        return order

    def submit(self, graduate, status=201):
        body = {"id": new_id(), "original": self.upload(graduate), "delivered": self.upload(graduate),
                "report": self.upload(graduate, "application/json")}
        return self.call(graduate, "POST", f"/v1/online/orders/{graduate.order}/submission", body, status=status)

    def pay(self, graduate):
        """Pays online, by the sandbox."""
        payment = new_id()
        self.call(graduate, "POST", f"/v1/online/orders/{graduate.order}/payment",
                  {"id": payment, "provider": "sandbox"}, status=(200, 201))
        self.call(graduate, "POST", f"/v1/sandbox/payments/{payment}", {"id": new_id()}, status=200)
        return self.order(graduate.order)

    def paid(self):
        """A graduate whose order waits for review."""
        graduate = self.sign_up()
        self.open_order(graduate)
        self.submit(graduate)
        self.pay(graduate)
        return graduate

    def order(self, order, who="supervisor"):
        return self.call(who, "GET", f"/v1/orders/{order}", status=200).json

    def claim(self, who="reviewer", order=None):
        """Claims until the newest submission of `order` is there; returns the claimed item."""
        for _ in range(50):
            items = self.call(who, "POST", "/v1/reviews/claim", {"count": 100}, status=200).json["items"]
            for item in items:
                if order is None or item["order"]["id"] == order:
                    return item
            if not items:
                break
        raise AssertionError("the order is not to be claimed")

    def decide(self, item, verdict, who="reviewer", reasons=(), status=200, **more):
        body = {"verdict": verdict, "revision": item["order"]["revision"], **more}
        if reasons:
            body["reasons"] = list(reasons)
        return self.call(who, "POST", f"/v1/reviews/{item['submission']}", body, status=status)

    def reviewed(self, verdict):
        """A paid graduate whose submission is decided on."""
        graduate = self.paid()
        item = self.claim(order=graduate.order)
        self.decide(item, verdict, reasons=["blur"] if verdict == "rejected" else ())
        return graduate

    def retake(self, order, who="operator", key=None, **changed):
        """A signed submission of five uploaded parts, not sent yet."""
        kinds = ("image/jpeg", "image/png", "image/jpeg", "application/json", "application/json")
        names = ("original", "alpha", "delivered", "certificate", "report")
        body = {"submission": new_id(), **{name: self.upload(who, kind) for name, kind in zip(names, kinds)},
                "overrides": [{"check": "mouth.closed", "reason": "a test", "by": "operator"}]}
        revision = self.order(order)["revision"]
        return (key or self.station).operation("submission.create", order, revision, body, **changed)

    def operate(self, *operations, who="operator"):
        answer = self.call(who, "POST", "/v1/operations", {"operations": list(operations)}, status=200)
        return [result["outcome"] for result in answer.json["results"]]
