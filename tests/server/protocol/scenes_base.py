# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: staff and stations, the feed, orders, photos, review and the online side.

A scene is a function scene_*(world). It sends requests; that every answer is as documented is checked by the
client. What no scene makes the server answer with is named by the case "coverage".
"""

import hashlib

from keys import StationKey, new_id
from server import PASSWORD, number_of
from tap import expect
from world import PART, TUS, b64


def scene_health(world):
    world.call(None, "GET", "/healthz", status=200)


def scene_sessions(world):
    for body in ({"user": "operator", "password": "wrong"}, {"user": "nobody", "password": "wrong"}):
        expect(world.call(None, "POST", "/v1/session", body, status=401).problem == "wrong-password")
    session = world.sign_in("operator")
    again = world.call(None, "POST", "/v1/session/refresh", {"refresh_token": session["refresh_token"]}, status=200)
    world.call(None, "POST", "/v1/session/refresh", {"refresh_token": "x" * 43}, status=401)
    world.call(again.json["access_token"], "DELETE", "/v1/session", status=204)
    world.call(again.json["access_token"], "GET", "/v1/changes", status=401)
    world.sign_in("operator")
    world.station = world.enrol("operator")


def scene_bootstrap(world):
    secret = "s" * 40
    with world.another_server(bootstrap=secret) as client:
        body = {"secret": secret, "user": "first", "password": PASSWORD}
        client.request("POST", "/v1/bootstrap", {**body, "secret": "t" * 40}, status=403)
        client.request("POST", "/v1/bootstrap", {**body, "password": "short"}, status=422)
        client.request("POST", "/v1/bootstrap", body, status=201)
        expect(client.request("POST", "/v1/bootstrap", body, status=409).problem == "already-set-up")
    world.call(None, "POST", "/v1/bootstrap", body, status=403)


def scene_stations(world):
    key = StationKey()
    body = {"name": "second desk", "key": key.name, "proof": key.proof("supervisor")}
    world.call("supervisor", "POST", "/v1/stations", body, status=201)
    world.call("supervisor", "POST", "/v1/stations", body, status=200)
    answer = world.call("operator", "POST", "/v1/stations", body, status=422)
    expect(answer.problem == "bad-signature")


def scene_online(world):
    graduate = world.sign_up(bind=False)
    index = graduate.index
    account = {"phone": f"1009999{index:04}", "password": PASSWORD}
    world.call(None, "POST", "/v1/online/accounts", account, status=409)
    world.call(None, "POST", "/v1/online/session", {**account, "password": "wrong and long"}, status=401)
    signed_in = world.call(None, "POST", "/v1/online/session", account, status=201).json
    world.call(None, "POST", "/v1/session/refresh", {"refresh_token": signed_in["refresh_token"]}, status=200)
    expect(world.call(graduate, "POST", "/v1/online/orders", {"id": new_id()}, status=409).problem == "no-code")
    world.call(graduate, "POST", "/v1/online/codes", {"code": "NOSUCHCODE"}, status=404)
    bind = {"code": f"TESTCODE{index:08}", "number": number_of(index)}
    world.call(graduate, "POST", "/v1/online/codes", bind, status=200)
    order = world.open_order(graduate)
    world.call(graduate, "POST", "/v1/online/orders", {"id": order}, status=200)
    expect(world.call(graduate, "POST", "/v1/online/orders", {"id": new_id()}, status=409).problem == "order-open")
    pay = {"id": new_id(), "provider": "sandbox"}
    answer = world.call(graduate, "POST", f"/v1/online/orders/{order}/payment", pay, status=409)
    expect(answer.problem == "no-photo")
    world.submit(graduate)
    world.submit(graduate)
    path = f"/v1/online/orders/{order}/submission"
    body = {"id": new_id(), "original": "a" * 64, "delivered": "b" * 64, "report": "c" * 64}
    expect(world.call(graduate, "POST", path, body, status=409).problem == "missing-photo")
    body = {"id": new_id(), "original": world.upload(graduate), "delivered": world.upload(graduate),
            "report": world.upload(graduate, "application/json")}
    world.call(graduate, "POST", path, body, status=201)
    world.call(graduate, "POST", path, body, status=200)
    answer = world.call(graduate, "POST", path, {**body, "delivered": body["original"]}, status=409)
    expect(answer.problem == "id-reused")
    world.call(graduate, "POST", f"/v1/online/orders/{order}/payment", pay, status=201)
    world.call(graduate, "POST", f"/v1/online/orders/{order}/payment", pay, status=200)
    world.call(graduate, "POST", f"/v1/sandbox/payments/{pay['id']}", {"id": new_id()}, status=200)
    expect(world.call(graduate, "POST", path, {**body, "id": new_id()}, status=409).problem == "locked")
    world.call(graduate, "GET", f"/v1/online/orders/{order}", status=200)


def scene_uploads(world):
    world.call(None, "OPTIONS", "/v1/uploads", status=204)
    data = world.blob(size=3000)
    location = world.begin_upload("operator", data, "image/jpeg")
    world.call("operator", "HEAD", location, headers=TUS, status=200)
    world.patch("operator", location, data[:1000])
    world.patch("operator", location, data[:1000], status=409)
    good, bad = (b64(hashlib.sha256(part).digest()) for part in (data[1000:2000], b"other"))
    world.patch("operator", location, data[1000:2000], 1000, 460, **{"Upload-Checksum": f"sha256 {bad}"})
    world.patch("operator", location, data[1000:2000], 1000, 400, **{"Upload-Checksum": "md5 x"})
    world.patch("operator", location, data[1000:2000], 1000, 204, **{"Upload-Checksum": f"sha256 {good}"})
    world.patch("operator", location, data[2000:] + b"more", 2000, 413)
    world.call("operator", "PATCH", location, data[2000:], media_type="text/plain",
               headers={**TUS, "Upload-Offset": "2000"}, status=415)
    world.call("operator", "HEAD", location, headers={"Tus-Resumable": "0.2"}, status=412)
    world.patch("operator", location, data[2000:], 2000)
    name = hashlib.sha256(data).hexdigest()
    answer = world.call("reviewer", "GET", f"/v1/photos/{name}", status=200)
    expect(answer.body == data and answer.get("content-type") == "image/jpeg")
    world.call("reviewer", "HEAD", f"/v1/photos/{name}", status=200)
    world.call("reviewer", "HEAD", f"/v1/photos/{'0' * 64}", status=404)
    for kind in ("image/png", "application/json"):
        name = world.upload("operator", kind)
        world.call("supervisor", "GET", f"/v1/photos/{name}", status=200)
    lost = world.blob(size=900)
    location = world.begin_upload("operator", lost, "image/jpeg")
    world.call("operator", "POST", "/v1/uploads", status=409,
               headers={**TUS, "Upload-Length": "901",
                        "Upload-Metadata": f"sha256 {b64(hashlib.sha256(lost).hexdigest())},type {b64('image/jpeg')}"})
    world.patch("operator", location, b"\xff\xd8\xff" + b"x" * (len(lost) - 3), status=460)
    world.call("operator", "DELETE", location, headers=TUS, status=204)
    world.call("operator", "HEAD", location, headers=TUS, status=404)
    for headers, status in (({"Upload-Length": "0"}, 400), ({"Upload-Length": "99999999999"}, 413), ({}, 400)):
        world.call("operator", "POST", "/v1/uploads", status=status,
                   headers={**TUS, "Upload-Metadata": f"sha256 {b64('a' * 64)},type {b64('image/jpeg')}", **headers})
    expect(PART == "application/offset+octet-stream")


def scene_feed(world):
    graduate = world.paid()
    cursor, orders = "", []
    for _ in range(100):
        page = world.call("operator", "GET", f"/v1/changes?since={cursor}&limit=2", status=200).json
        orders += [order["id"] for order in page["orders"]]
        cursor = page["cursor"]
        if not page["more"]:
            break
    expect(graduate.order in orders and len(set(orders)) == len(orders))
    expect(world.call("operator", "GET", "/v1/changes?since=nonsense", status=422).problem == "bad-cursor")
    for limit in ("0", "501", "-1", "x", "1e1", "99999999999999999999"):
        expect(world.call("operator", "GET", f"/v1/changes?limit={limit}", status=422).problem == "bad-member")
    world.call("operator", "GET", f"/v1/orders/{graduate.order}", status=200)


def scene_desk_payments(world):
    graduate = world.sign_up()
    world.open_order(graduate)
    world.submit(graduate)
    path = f"/v1/orders/{graduate.order}/payments"
    cash = {"id": new_id(), "method": "cash", "reference": "receipt 12", "amount_fen": 2500}
    waiver = {"id": new_id(), "method": "waiver", "reference": "a mistake of ours"}
    world.call("operator", "POST", path, waiver, status=403)
    world.call("operator", "POST", path, cash, status=201)
    world.call("operator", "POST", path, cash, status=200)
    expect(world.call("operator", "POST", path, {**cash, "id": new_id()}, status=409).problem == "already-paid")
    other = world.sign_up()
    world.open_order(other)
    world.submit(other)
    world.call("supervisor", "POST", f"/v1/orders/{other.order}/payments", waiver, status=201)


def scene_review(world):
    graduate = world.paid()
    item = world.claim(order=graduate.order)
    world.decide(item, "rejected", reasons=["eyes-closed"], note="with a note")
    graduate = world.paid()
    item = world.claim(order=graduate.order)
    stale = {**item, "order": {**item["order"], "revision": item["order"]["revision"] + 1}}
    expect(world.decide(stale, "approved", status=409).problem == "stale-revision")
    expect(world.decide(item, "rejected", status=422).problem == "bad-member")
    world.decide(item, "approved")
    world.call("reviewer", "POST", "/v1/reviews/claim", {}, status=200)
    graduate = world.paid()
    submission = world.order(graduate.order)["submissions"][0]["id"]
    item = {"submission": submission, "order": world.order(graduate.order)}
    expect(world.decide(item, "approved", status=409).problem == "not-claimed")


def scene_operations(world):
    graduate = world.reviewed("rejected")
    first = world.retake(graduate.order)
    expect(world.operate(first) == ["applied"])
    expect(world.operate(first) == ["duplicate"])
    second = world.retake(graduate.order, base_revision=1)
    expect(world.operate(second) == ["conflict"])
    forged = {**world.retake(graduate.order), "actor": "supervisor"}
    unknown = world.station.operation("submission.create", new_id(), 1, first["body"])
    missing = {**first["body"], "submission": new_id(), "alpha": "d" * 64}
    missing = world.station.operation("submission.create", graduate.order, world.order(graduate.order)["revision"],
                                      missing)
    expect(world.operate(forged, unknown, missing) == ["refused", "refused", "retry"])
    answer = world.call("supervisor", "POST", "/v1/operations", {"operations": [{}]}, status=422)
    expect(answer.problem == "bad-operation")
    world.sign_in("operator")
    answer = world.call("operator", "POST", "/v1/operations", {"operations": []}, status=403)
    expect(answer.problem == "not-enrolled")
    world.station = world.enrol("operator")
