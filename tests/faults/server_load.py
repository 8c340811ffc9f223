# SPDX-License-Identifier: GPL-3.0-or-later
"""People who use a server that dies under them, and remember what it acknowledged."""

import base64
import hashlib
import http.client
import itertools
import json
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "server", "protocol"))

from keys import StationKey, new_id  # noqa: E402  pylint: disable=wrong-import-position
from server import PASSWORD, code_of, number_of  # noqa: E402  pylint: disable=wrong-import-position

TUS = {"Tus-Resumable": "1.0.0"}
PART = "application/offset+octet-stream"
KINDS = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n", "application/json": b"{"}
PARTS = {"original": "image/jpeg", "alpha": "image/png", "delivered": "image/jpeg",
         "certificate": "application/json", "report": "application/json"}
# Nothing takes that long, also on a machine that does other things: whoever waits longer is stuck.
PATIENCE = 90


class Stuck(Exception):
    """A step that never came to its end."""


class Lost(Exception):
    """Something that was acknowledged is not there any more."""


class Ledger:
    """What was acknowledged, by all people together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.photos = {}
        self.submissions = {}
        self.paid = set()
        self.verdicts = {}
        self.acknowledged = 0
        self.faults = {"lost": [], "duplicated": [], "stuck": []}

    def keep(self, function):
        """Runs `function` under the lock and counts an acknowledgement."""
        with self.lock:
            function()
            self.acknowledged += 1

    def find(self, kind, text):
        with self.lock:
            self.faults[kind].append(text)


class Person(threading.Thread):
    """One connection, which is made again as often as it takes; every step is repeated until it is answered."""

    def __init__(self, ledger, server, name, seed):
        super().__init__(name=name, daemon=True)
        self.ledger, self.server = ledger, server
        self.random = random.Random(seed)
        self.connection = self.known_url = None
        self.ending = threading.Event()
        self.steps = 0

    def run(self):
        try:
            self.prepare()
            while not self.ending.is_set():
                self.work()
        except Stuck as error:
            self.ledger.find("stuck", f"{self.name}: {error}")
        except Lost as error:
            self.ledger.find("lost", f"{self.name}: {error}")
        except Exception as error:  # pylint: disable=broad-except
            self.ledger.find("stuck", f"{self.name}: {type(error).__name__}: {error}")
        finally:
            if self.connection is not None:
                self.connection.close()

    def prepare(self):
        """What is done once."""

    def work(self):
        """One piece of work, with many steps."""
        raise NotImplementedError

    def _send(self, method, path, body, headers):
        url = self.server.url
        if self.connection is None or url != self.known_url:
            if self.connection is not None:
                self.connection.close()
            self.connection = http.client.HTTPConnection(*self.server.address, timeout=20)
            self.known_url = url
        try:
            self.connection.request(method, path, body, headers)
            reply = self.connection.getresponse()
            return reply.status, dict((name.lower(), value) for name, value in reply.getheaders()), reply.read()
        except (http.client.HTTPException, OSError):
            self.connection.close()
            self.connection = None
            return None

    def call(self, method, path, body=None, token=None, headers=None, wanted=(200, 201, 204)):
        """Repeats the same request until there is an answer; one that is not `wanted` is a fault."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        until = time.monotonic() + PATIENCE
        while True:
            answer = self._send(method, path, body, sent)
            if answer is not None and answer[0] != 503:
                break
            if time.monotonic() > until:
                raise Stuck(f"{method} {path.split('/')[2]}: no answer")
            time.sleep(0.01)
        self.steps += 1
        status, got, data = answer
        if status not in wanted:
            problem = data[:200].decode("utf-8", "replace")
            raise (Lost if status in (401, 404) else Stuck)(f"{method} {path.split('/')[2]}: {status} {problem}")
        is_json = got.get("content-type", "").startswith("application/") and data[:1] in (b"{", b"[")
        return status, got, json.loads(data) if is_json else data

    def sign_in(self, role):
        body = {"user": role, "password": PASSWORD}
        return self.call("POST", "/v1/session", body)[2]["access_token"]

    def make_blob(self, kind):
        size = self.random.randint(300, 20000)
        if kind == "application/json":
            return json.dumps({"noise": self.random.randbytes(size // 2).hex()}).encode()
        return KINDS[kind] + self.random.randbytes(size)

    def upload(self, token, kind):
        """In two parts; after a fault it goes on where the server says."""
        data = self.make_blob(kind)
        name = hashlib.sha256(data).hexdigest()
        encode = lambda text: base64.b64encode(text.encode()).decode()  # noqa: E731
        _, got, _ = self.call("POST", "/v1/uploads", token=token, headers={
            **TUS, "Upload-Length": str(len(data)),
            "Upload-Metadata": f"sha256 {encode(name)},type {encode(kind)}"})
        location, offset = got["location"], 0
        while offset < len(data):
            end = len(data) if offset > 0 else max(1, len(data) // 2)
            status, got, _ = self.call("PATCH", location, data[offset:end], token, wanted=(204, 409), headers={
                **TUS, "Upload-Offset": str(offset), "Content-Type": PART})
            if status == 409:
                _, got, _ = self.call("HEAD", location, token=token, headers=TUS)
            if int(got["upload-offset"]) < offset:
                raise Lost(f"an upload stood at {offset}, and then at {got['upload-offset']}")
            offset = int(got["upload-offset"])
        self.ledger.keep(lambda: self.ledger.photos.__setitem__(name, len(data)))
        return name


class Graduate(Person):
    """Signs up, uploads, submits and pays, again and again as another graduate."""

    def __init__(self, *arguments, indices, orders):
        super().__init__(*arguments)
        self.indices, self.orders = indices, orders

    def work(self):
        index = next(self.indices, None)
        if index is None:
            self.ending.wait(1)
            return
        account = {"phone": f"1009999{index:04}", "password": PASSWORD}
        status, _, made = self.call("POST", "/v1/online/accounts", account, wanted=(201, 409))
        if status == 409:
            _, _, made = self.call("POST", "/v1/online/session", account)
        token = made["access_token"]
        self.call("POST", "/v1/online/codes", {"code": code_of(index), "number": number_of(index)}, token)
        order, submission, payment = new_id(), new_id(), new_id()
        self.call("POST", "/v1/online/orders", {"id": order}, token)
        self.ledger.keep(lambda: self.ledger.submissions.__setitem__(order, set()))
        body = {"id": submission, "original": self.upload(token, "image/jpeg"),
                "delivered": self.upload(token, "image/jpeg"), "report": self.upload(token, "application/json")}
        self.call("POST", f"/v1/online/orders/{order}/submission", body, token)
        self.ledger.keep(lambda: self.ledger.submissions[order].add(submission))
        self.call("POST", f"/v1/online/orders/{order}/payment", {"id": payment, "provider": "sandbox"}, token)
        self.call("POST", f"/v1/sandbox/payments/{payment}", {"id": new_id()}, token)
        self.ledger.keep(lambda: self.ledger.paid.add(order))
        self.orders.append(order)


class Station(Person):
    """Retakes paid orders: five uploads and a signed operation."""

    def __init__(self, *arguments, orders):
        super().__init__(*arguments)
        self.orders, self.key = orders, StationKey()

    def prepare(self):
        self.token = self.sign_in("operator")
        body = {"name": self.name, "key": self.key.name, "proof": self.key.proof("operator")}
        self.key.station = self.call("POST", "/v1/stations", body, self.token)[2]["station"]

    def work(self):
        if not self.orders:
            self.ending.wait(0.05)
            return
        order = self.random.choice(self.orders)
        submission = new_id()
        body = {"submission": submission, "overrides": [],
                **{name: self.upload(self.token, kind) for name, kind in PARTS.items()}}
        revision = self.call("GET", f"/v1/orders/{order}", token=self.token)[2]["revision"]
        operation = self.key.operation("submission.create", order, revision, body)
        _, _, answer = self.call("POST", "/v1/operations", {"operations": [operation]}, self.token)
        result = answer["results"][0]
        if result["outcome"] in ("applied", "duplicate"):
            self.ledger.keep(lambda: self.ledger.submissions[order].add(submission))
        elif result["outcome"] == "retry":
            raise Lost(f"a photo: {result['problem']}")


class Reviewer(Person):
    """Claims and decides."""

    def prepare(self):
        self.token = self.sign_in("reviewer")

    def work(self):
        _, _, answer = self.call("POST", "/v1/reviews/claim", {"count": 2}, self.token)
        for item in answer["items"]:
            verdict = self.random.choice(("approved", "rejected"))
            body = {"verdict": verdict, "revision": item["order"]["revision"]}
            if verdict == "rejected":
                body["reasons"] = ["eyes.open"]
            status, _, _ = self.call("POST", f"/v1/reviews/{item['submission']}", body, self.token,
                                     wanted=(200, 409, 422))
            if status == 200:
                self.ledger.keep(lambda: self.ledger.verdicts.__setitem__(item["submission"], verdict))
        if not answer["items"]:
            self.ending.wait(0.02)


class Follower(Person):
    """Reads the feed by its cursor, whatever happens to the server."""

    def prepare(self):
        self.token = self.sign_in("supervisor")
        self.cursor, self.epoch, self.revisions = "", None, {}

    def read(self):
        """One page; whether there was anything."""
        _, _, page = self.call("GET", f"/v1/changes?limit=7&since={self.cursor}", token=self.token)
        if self.epoch not in (None, page["epoch"]):
            raise Lost("the epoch changed")
        self.epoch, self.cursor = page["epoch"], page["cursor"]
        for order in page["orders"]:
            if order["revision"] < self.revisions.get(order["id"], 0):
                raise Lost("an order went back to an older revision")
            self.revisions[order["id"]] = order["revision"]
        return bool(page["orders"])

    def work(self):
        if not self.read():
            self.ending.wait(0.01)


class Crowd:
    """All of them on one server."""

    def __init__(self, server, seed):
        self.server, self.ledger, self.orders = server, Ledger(), []
        indices = itertools.count()
        make = lambda kind, number, **more: kind(  # noqa: E731
            self.ledger, server, f"{kind.__name__} {number}", f"{seed} {kind.__name__} {number}", **more)
        limit = iter(lambda: next(indices), server.graduates)
        limit = _Shared(limit)
        self.follower = make(Follower, 0)
        self.people = [self.follower, make(Reviewer, 0)]
        self.people += [make(Graduate, i, indices=limit, orders=self.orders) for i in range(3)]
        self.people += [make(Station, i, orders=self.orders) for i in range(2)]

    def start(self):
        for person in self.people:
            person.start()

    def end(self):
        """Everybody brings what they are at to its end."""
        for person in self.people:
            person.ending.set()
        for person in self.people:
            person.join(2 * PATIENCE)
            if person.is_alive():
                self.ledger.find("stuck", f"{person.name} never ended")


class _Shared:
    """An iterator for several threads."""

    def __init__(self, iterator):
        self.iterator, self.lock = iterator, threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            return next(self.iterator)
