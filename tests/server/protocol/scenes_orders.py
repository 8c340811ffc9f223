# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: walk-ins, notes, prints and the history of an order."""

from keys import new_id
from server import code_of, number_of
from tap import expect


def scene_walk_in(world):
    index = next(world.numbers)
    body = {"id": new_id(), "number": number_of(index), "phone": f"1009999{index:04}"}
    order = world.call("operator", "POST", "/v1/orders", body, status=201).json
    world.call("operator", "POST", "/v1/orders", body, status=200)
    expect(order["payment"] == "unpaid" and order["subject"]["name_masked"] == "王*明")
    answer = world.call("operator", "POST", "/v1/orders", {**body, "phone": "10099991234"}, status=409)
    expect(answer.problem == "id-reused")
    answer = world.call("operator", "POST", "/v1/orders", {**body, "id": new_id()}, status=409)
    expect(answer.problem == "order-open")
    by_code = {"id": new_id(), "code": code_of(next(one for one in world.numbers if one % 2 == 0))}
    world.call("operator", "POST", "/v1/orders", {"id": new_id()}, status=422)
    world.call("operator", "POST", "/v1/orders", {**by_code, "phone": "call me"}, status=422)
    world.call("operator", "POST", "/v1/orders", by_code, status=201)
    expect(world.call("operator", "POST", "/v1/orders", {"id": new_id(), "code": "NONE"}, status=404).problem
           == "not-on-roster")
    world.call("operator", "POST", f"/v1/orders/{order['id']}/payments",
               {"id": new_id(), "method": "cash", "reference": "R"}, status=201)
    expect(world.operate(world.retake(order["id"])) == ["applied"])
    expect(world.claim(order=order["id"])["order"]["payments"][0]["provider"] == "cash")


def scene_notes(world):
    graduate = world.paid()
    path = f"/v1/orders/{graduate.order}/notes"
    body = {"id": new_id(), "text": "戴眼镜, comes at four"}
    revision = world.order(graduate.order)["revision"]
    world.call("operator", "POST", path, body, status=201)
    world.call("operator", "POST", path, body, status=200)
    other = world.paid()
    expect(world.call("operator", "POST", f"/v1/orders/{other.order}/notes", body, status=409).problem == "id-reused")
    note = world.station.operation("note.add", graduate.order, 0, {"note": new_id(), "text": "from a station"})
    empty = world.station.operation("note.add", graduate.order, 0, {"note": new_id(), "text": ""})
    expect(world.operate(note, empty, note) == ["applied", "refused", "duplicate"])
    expect(world.order(graduate.order)["revision"] == revision)
    history = world.call("reviewer", "GET", f"/v1/orders/{graduate.order}/history", status=200).json
    expect([one["text"] for one in history["notes"]] == [body["text"], "from a station"])
    actions = {one["action"] for one in history["entries"]}
    expect(actions == {"order.create", "submission.create", "note.add"})
    expect(not history["payments"] and not history["effects"] and not history["conflicts"])
    whole = world.call("operator", "GET", f"/v1/orders/{graduate.order}/history", status=200).json
    actions = {one["action"] for one in whole["entries"]}
    expect({"code.bind", "order.create", "payment.paid", "payment.settle", "note.add"} <= actions)


def scene_history(world):
    graduate = world.reviewed("rejected")
    stale = world.retake(graduate.order, base_revision=1)
    expect(world.operate(stale) == ["conflict"])
    history = world.call("supervisor", "GET", f"/v1/orders/{graduate.order}/history", status=200).json
    expect([one["kind"] for one in history["conflicts"]] == ["submission.create"])
    expect({one["kind"] for one in history["effects"]} == {"sms", "refund"})
    expect(history["payments"][0]["state"] == "refund_due")


def scene_prints(world):
    graduate = world.sign_up()
    world.open_order(graduate)
    path = f"/v1/orders/{graduate.order}/prints"
    at_desk, by_post, by_hand = new_id(), new_id(), new_id()
    expect(world.call("operator", "POST", path, {"id": at_desk}, status=409).problem == "not-printable")
    world.submit(graduate)
    world.pay(graduate)
    revision = world.order(graduate.order)["revision"]
    world.call("operator", "POST", path, {"id": at_desk, "copies": 2}, status=201)
    world.call("operator", "POST", path, {"id": at_desk, "copies": 2}, status=200)
    online = f"/v1/online/orders/{graduate.order}/print"
    address = {"id": by_post, "address": "王小明, 某路 1 号"}
    order = world.call(graduate, "POST", online, address, status=201).json
    world.call(graduate, "POST", online, address, status=200)
    expect([one["by_post"] for one in order["prints"]] == [False, True] and order["print"] == "requested")
    expect("某路" not in str(order) and order["revision"] == revision)
    other = world.paid()
    world.call(other, "POST", f"/v1/online/orders/{other.order}/print", address, status=409)
    world.call("operator", "POST", f"/v1/prints/{by_post}", {"state": "shipped"}, status=422)
    mended = {"address": "王小明, 某路 2 号"}
    world.call(graduate, "PATCH", f"/v1/prints/{by_post}", mended, status=200)
    world.call(other, "PATCH", f"/v1/prints/{by_post}", mended, status=404)
    world.call("operator", "PATCH", f"/v1/prints/{by_post}", {**mended, "cancelled": True}, status=422)
    answer = world.call("operator", "POST", f"/v1/prints/{by_post}", {"state": "printed"}, status=409)
    expect(answer.problem == "not-printable")
    world.decide(world.claim(order=graduate.order), "approved")
    # The sandbox's courier takes what is printed.
    order = world.call("operator", "POST", f"/v1/prints/{by_post}", {"state": "printed"}, status=200).json
    while order["prints"][1]["state"] != "shipped":
        order = world.order(graduate.order)
    expect(order["prints"][1]["carrier"] == "sandbox" and order["print"] == "requested")
    answer = world.call("operator", "POST", f"/v1/prints/{by_post}", {"state": "printed"}, status=409)
    expect(answer.problem == "print-shipped")
    expect(world.call("operator", "POST", f"/v1/prints/{by_post}/address", status=200).json["address"]
           == mended["address"])
    expect(world.call("operator", "PATCH", f"/v1/prints/{by_post}", mended, status=409).problem == "print-begun")
    world.call("operator", "POST", f"/v1/prints/{at_desk}/address", status=404)
    asked = world.station.operation("print.request", graduate.order, 0, {"print": by_hand, "copies": 1})
    many = world.station.operation("print.request", graduate.order, 0, {"print": new_id(), "copies": 21})
    expect(world.operate(asked, many) == ["applied", "refused"])
    # Twenty copies wait at most, whoever asks.
    world.call("operator", "POST", path, {"id": new_id(), "copies": 17}, status=201)
    expect(world.call("operator", "POST", path, {"id": new_id()}, status=409).problem == "too-many-prints")
    more = world.station.operation("print.request", graduate.order, 0, {"print": new_id(), "copies": 1})
    expect(world.operate(more) == ["refused"])
    hand = {"state": "shipped", "carrier": "a friend", "tracking": None}
    for _ in range(2):
        order = world.call("operator", "POST", f"/v1/prints/{by_hand}", hand, status=200).json
    expect(order["prints"][2]["carrier"] == "a friend")
    for _ in range(2):
        order = world.call("operator", "PATCH", f"/v1/prints/{at_desk}", {"cancelled": True}, status=200).json
    expect(order["prints"][0]["state"] == "cancelled")


def states(world, graduate):
    return [one["state"] for one in world.order(graduate.order)["submissions"]]


def scene_second_submission(world):
    graduate = world.paid()
    for _ in range(2):
        expect(world.operate(world.retake(graduate.order)) == ["applied"])
    # Who made the second one saw the first; the online one is somebody else's.
    expect(states(world, graduate) == ["submitted", "superseded", "submitted"])
    world.claim(order=graduate.order)
    while states(world, graduate)[0] != "in_review":
        world.claim(order=graduate.order)
    expect(world.operate(world.retake(graduate.order)) == ["applied"])
    expect(states(world, graduate)[:2] == ["submitted", "in_review"])


def scene_actors(world):
    graduate = world.paid()
    staff = {"id": new_id(), "name": "fifth operator", "role": "operator", "password": "a long password"}
    world.call("supervisor", "POST", "/v1/staff", staff, status=201)
    world.call("supervisor", "PATCH", f"/v1/staff/{staff['id']}", {"enabled": False}, status=200)
    operations = [world.retake(graduate.order, actor=name) for name in ("reviewer", "fifth operator", "nobody")]
    results = world.call("operator", "POST", "/v1/operations", {"operations": operations}, status=200).json["results"]
    expect([one["problem"]["type"].rsplit(":", 1)[1] for one in results]
           == ["forbidden", "unknown-actor", "unknown-actor"])
    expect(states(world, graduate) == ["submitted"])


def scene_both_sides(world):
    graduate = world.paid()
    stale = world.retake(graduate.order, base_revision=1)
    for _ in range(2):
        result = world.call("operator", "POST", "/v1/operations", {"operations": [stale]}, status=200).json["results"][0]
        expect(result["outcome"] == "conflict" and result["mine"] == stale)
        expect(result["order"]["id"] == graduate.order)
