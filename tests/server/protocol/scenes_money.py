# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: payments, refunds, and what is to be done in the world."""

import hashlib
import hmac
import http.server
import json
import threading
import time

from keys import new_id
from tap import expect
from world import World

SECRET = "a secret of the provider"


def call_back(client, event, secret=SECRET, age=0, status=None):
    """A provider's callback, signed."""
    body = json.dumps(event).encode()
    when = str(int(time.time()) - age)
    digest = hmac.new(secret.encode(), when.encode() + b"." + body, hashlib.sha256).hexdigest()
    return client.request("POST", "/v1/provider/payments", body, media_type="application/json", status=status,
                          headers={"Retake-Signature": f"t={when},v1={digest}"})


def scene_payments(world):
    graduate = world.sign_up()
    world.open_order(graduate)
    world.submit(graduate)
    path = f"/v1/online/orders/{graduate.order}/payment"
    first, second = new_id(), new_id()
    world.call(graduate, "POST", path, {"id": first}, status=201)
    order = world.call(graduate, "POST", path, {"id": second}, status=201).json
    expect([one["state"] for one in order["payments"]] == ["expired", "pending"])
    expect(world.call(graduate, "POST", path, {"id": new_id(), "provider": "webhook"}, status=422))
    for _ in range(2):
        event = {"id": second, "state": "failed"}
        world.call(graduate, "POST", f"/v1/sandbox/payments/{second}", event, status=200)
    world.call(graduate, "POST", f"/v1/sandbox/payments/{second}", {"id": second}, status=409)
    order = world.call(graduate, "POST", f"/v1/sandbox/payments/{second}", {"id": new_id()}, status=200).json
    expect(order["payment"] == "paid")
    order = world.call("operator", "POST", f"/v1/sandbox/payments/{first}", {"id": new_id()}, status=200).json
    expect([one["state"] for one in order["payments"]] == ["refund_due", "settled"])


def scene_callbacks(world):
    folder = world.server.folder
    with open(f"{folder}/secret", "w", encoding="ascii") as file:
        file.write(SECRET)
    other = World(graduates=1, extra=("--provider-secret-file", f"{folder}/secret"), beside=world)
    try:
        graduate = other.sign_up()
        other.open_order(graduate)
        other.submit(graduate)
        payment = new_id()
        other.call(graduate, "POST", f"/v1/online/orders/{graduate.order}/payment", {"id": payment}, status=201)
        event = {"id": "e1", "payment": payment, "state": "settled", "amount_fen": 2500, "reference": None}
        call_back(other.client, event, secret="wrong", status=401)
        call_back(other.client, event, age=400, status=401)
        call_back(other.client, {**event, "payment": new_id()}, status=404)
        call_back(other.client, {**event, "state": "lost"}, status=422)
        for _ in range(2):
            call_back(other.client, event, status=200)
        expect(call_back(other.client, {**event, "state": "failed"}, status=409).problem == "id-reused")
        expect(other.order(graduate.order)["payment"] == "paid")
    finally:
        other.close()


def scene_refund(world):
    graduate = world.paid()
    path = f"/v1/online/orders/{graduate.order}/refund"
    body = {"id": new_id()}
    order = world.call(graduate, "POST", path, body, status=201).json
    expect(order["payment"] == "refund_due" and order["submissions"][0]["state"] == "superseded")
    world.call(graduate, "POST", path, body, status=200)
    expect(world.call(graduate, "POST", path, {"id": new_id()}, status=409).problem == "not-refundable")


def scene_staff_refund(world):
    graduate = world.paid()
    path = f"/v1/payments/{world.order(graduate.order)['payments'][0]['id']}/refund"
    body = {"id": new_id(), "reason": "a mistake of ours"}
    order = world.call("supervisor", "POST", path, body, status=201).json
    expect(order["payment"] == "refund_due" and order["payments"][0]["state"] == "refund_due")
    world.call("supervisor", "POST", path, body, status=200)
    expect(world.call("supervisor", "POST", path, {**body, "reason": "x"}, status=409).problem == "id-reused")
    answer = world.call("supervisor", "POST", path, {**body, "id": new_id()}, status=409)
    expect(answer.problem == "not-refundable")


def scene_one_order_a_graduate(world):
    graduate = world.paid()
    world.call(graduate, "POST", f"/v1/online/orders/{graduate.order}/refund", {"id": new_id()}, status=201)
    first = graduate.order
    while world.order(first)["payment"] != "refunded":
        time.sleep(0.05)
    world.open_order(graduate)
    cash = {"id": new_id(), "method": "cash", "reference": "7"}
    expect(world.call("operator", "POST", f"/v1/orders/{first}/payments", cash, status=409).problem == "order-open")
    world.call("operator", "POST", f"/v1/orders/{graduate.order}/payments", cash, status=201)


def scene_desk_codes(world):
    graduate = world.sign_up()
    world.open_order(graduate)
    path = f"/v1/orders/{graduate.order}/payments"
    payment = new_id()
    answer = world.call("operator", "POST", path, {"id": new_id(), "method": "cash", "reference": "1",
                                                   "base_revision": 99}, status=409)
    expect(answer.problem == "stale-revision" and answer.json["mine"]["reference"] == "1")
    expect(answer.json["order"]["id"] == graduate.order)
    world.call("operator", "POST", path, {"id": new_id(), "method": "cash"}, status=422)
    for amount in (0, 1, 2501):
        cash = {"id": new_id(), "method": "cash", "reference": "1", "amount_fen": amount}
        world.call("operator", "POST", path, cash, status=403)
        if amount != 1:
            world.call("supervisor", "POST", path, cash, status=422)
    order = world.call("operator", "POST", path, {"id": payment, "method": "code"}, status=201).json
    expect(order["payment"] == "unpaid" and order["payments"][0]["pay_code"].startswith("SANDBOX-"))
    order = world.call("operator", "POST", f"/v1/sandbox/payments/{payment}", {"id": new_id()}, status=200).json
    expect(order["payment"] == "paid" and order["payments"][0]["pay_code"] is None)


def scene_no_provider(world):
    other = World(graduates=1, extra=("--provider", "none"), beside=world)
    try:
        graduate = other.sign_up()
        other.open_order(graduate)
        other.submit(graduate)
        path = f"/v1/online/orders/{graduate.order}/payment"
        expect(other.call(graduate, "POST", path, {"id": new_id()}, status=409).problem == "no-provider")
        body = {"id": new_id(), "method": "code"}
        path = f"/v1/orders/{graduate.order}/payments"
        expect(other.call("operator", "POST", path, body, status=409).problem == "no-provider")
    finally:
        other.close()


class Refuser(http.server.BaseHTTPRequestHandler):
    """A receiver of the webhook that takes nothing."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(400)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def wait_for_effects(world, state):
    while True:
        page = world.call("supervisor", "GET", f"/v1/effects?state={state}&limit=1", status=200).json
        if page["effects"]:
            return page["effects"]
        time.sleep(0.05)


def scene_effects(world):
    folder = world.server.folder
    with open(f"{folder}/webhook", "w", encoding="ascii") as file:
        file.write(SECRET)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuser) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        extra = ("--provider", "sandbox", "--webhook-secret-file", f"{folder}/webhook", "--webhook-url",
                 f"http://127.0.0.1:{receiver.server_address[1]}/")
        other = World(graduates=1, extra=extra, beside=world)
        try:
            graduate = other.paid()
            other.call(graduate, "POST", f"/v1/online/orders/{graduate.order}/refund", {"id": new_id()}, status=201)
            path = f"/v1/effects/{wait_for_effects(other, 'failed')[0]['id']}/retry"
            expect(other.call("supervisor", "POST", path, status=200).json["state"] == "due")
            path = f"/v1/effects/{wait_for_effects(other, 'failed')[0]['id']}/settle"
            for _ in range(2):
                settled = other.call("supervisor", "POST", path, {"reference": "handed back, 7"}, status=200).json
                expect(settled["state"] == "done")
            answer = other.call("supervisor", "POST", path, {"reference": "8"}, status=409)
            expect(answer.problem == "effect-over" and other.order(graduate.order)["payment"] == "refunded")
            other.call("supervisor", "POST", path, {"reference": ""}, status=422)
        finally:
            other.close()
            receiver.shutdown()
    world.call("supervisor", "GET", "/v1/effects?state=lost", status=422)
    world.call("supervisor", "GET", f"/v1/effects?after={new_id()}", status=200)
    done = wait_for_effects(world, "done")
    path = f"/v1/effects/{done[0]['id']}/retry"
    expect(world.call("supervisor", "POST", path, status=409).problem == "not-failed")
