# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: what is refused for a reason of its own, beside the refusals that are made from the document."""

from keys import StationKey, new_id
from server import PASSWORD
from tap import expect
from world import PART, World, b64


def scene_refused_operations(world):
    graduate = world.reviewed("rejected")
    good = world.retake(graduate.order)
    revision, body = good["base_revision"], good["body"]

    def outcome(order=graduate.order, kind="submission.create", key=world.station, **changed):
        changed = {"body": {**body, "submission": new_id()}, **changed}
        operation = key.operation(kind, order, revision, changed.pop("body"), **changed)
        result = world.call("operator", "POST", "/v1/operations", {"operations": [operation]}, status=200).json["results"][0]
        return (result["outcome"], (result["problem"] or {"type": ":"})["type"].rsplit(":", 1)[1])

    expect(outcome(body={**body, "submission": "x"}) == ("refused", "bad-body"))
    expect(outcome(body={**body, "overrides": [{"check": "no.such", "reason": "a", "by": "b"}]}) == ("refused", "bad-body"))
    expect(outcome(kind="order.delete") == ("refused", "unknown-kind"))
    expect(outcome(actor="nobody at all") == ("refused", "unknown-actor"))
    expect(outcome(station=new_id()) == ("refused", "wrong-station"))
    expect(outcome(order=new_id()) == ("refused", "not-found"))
    forger = StationKey()
    forger.station = world.station.station
    expect(outcome(key=forger) == ("refused", "bad-signature"))
    unpaid = world.sign_up()
    world.open_order(unpaid)
    revision = world.order(unpaid.order)["revision"]
    expect(outcome(order=unpaid.order) == ("refused", "not-retakable"))
    revision = good["base_revision"]
    answer = world.call("operator", "POST", "/v1/operations", {"operations": [good] * 501})
    expect(answer.status in (413, 422), answer.status)


def scene_tus_versions(world):
    headers = {"Upload-Length": "9", "Upload-Metadata": f"sha256 {b64('a' * 64)},type {b64('image/jpeg')}"}
    for version in ({}, {"Tus-Resumable": "0.2.2"}):
        path = f"/v1/uploads/{new_id()}"
        world.call("operator", "POST", "/v1/uploads", headers={**headers, **version}, status=412)
        world.call("operator", "DELETE", path, headers=version, status=412)
        world.call("operator", "PATCH", path, b"x", media_type=PART, headers={**version, "Upload-Offset": "0"}, status=412)


def scene_not_payable(world):
    graduate = world.paid()
    answer = world.call(graduate, "POST", f"/v1/online/orders/{graduate.order}/payment", {"id": new_id()}, status=409)
    expect(answer.problem == "not-payable")


def scene_locked_out(world):
    """Wrong passwords in a row, at each of the places where one is given."""
    graduate = world.sign_up(bind=False)
    account = {"phone": f"1009999{graduate.index:04}", "password": "wrong and long"}
    for status in [401] * 5 + [429]:
        world.call(None, "POST", "/v1/online/session", account, status=status)
    graduate = world.sign_up(bind=False)
    change = {"password": "wrong and long", "new_password": PASSWORD}
    answers = [world.call(graduate, "POST", "/v1/session/password", change).status for _ in range(6)]
    expect(answers[-1] == 429, answers)


def scene_rate(world):
    """Behind a proxy that is trusted, each address has its own measure."""
    with world.another_server(extra=("--trusted-proxy", "127.0.0.1", "--address-rate", "1", "--address-burst", "2")) as client:
        answers = [client.request("GET", "/healthz", headers={"X-Forwarded-For": "203.0.113.7"}) for _ in range(4)]
        expect(answers[0].status == 200 and answers[-1].problem == "rate-limited", [one.status for one in answers])
        client.request("GET", "/healthz", headers={"X-Forwarded-For": "203.0.113.8"}, status=200)


def scene_delivered(world):
    """A verdict on what was delivered stays."""
    graduate = world.reviewed("approved")
    order = world.order(graduate.order)
    world.call("supervisor", "POST", "/v1/exports", {"id": new_id(), "receiver": "a receiver", "orders": [graduate.order]}, status=201)
    correction = {"id": new_id(), "verdict": "rejected", "revision": world.order(graduate.order)["revision"], "reasons": ["blur"],
                  "reason": "seen too late"}
    path = f"/v1/reviews/{order['submissions'][0]['id']}"
    expect(world.call("supervisor", "POST", f"{path}/correction", correction, status=409).problem == "delivered")


def scene_too_large(world):
    other = World(graduates=0, extra=("--max-upload", "1000", "--max-body", "1000"), beside=world)
    try:
        for name, kind in (("/v1/roster", "text/csv"), ("/v1/operations", "application/json")):
            answer = other.call("supervisor", "POST", name, b"x" * 1001, media_type=kind, status=413)
            expect(answer.problem == "too-large")
    finally:
        other.close()
