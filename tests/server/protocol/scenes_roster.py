# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: the roster, who is missing, consent, and deliveries."""

from keys import new_id
from server import PASSWORD, code_of, number_of
from tap import expect

ROSTER = "school,batch,name,number,code\n样本学院,夏,欧阳小红,32019919990101{:04},\n"


def take(world, text, status=200, kind="text/csv; charset=utf-8"):
    body = text if isinstance(text, bytes) else text.encode()
    return world.call("supervisor", "POST", "/v1/roster", body, media_type=kind, status=status)


def batch_of(world, school="示例大学"):
    for batch in world.call("operator", "GET", "/v1/batches", status=200).json["batches"]:
        if batch["school"]["name"] == school:
            return batch
    raise AssertionError(school)


def scene_roster(world):
    fresh = {"graduates": 1, "new": 1, "changed": 0, "unchanged": 0, "conflicts": 0}
    expect(take(world, ROSTER.format(7)).json == fresh)
    expect(take(world, ROSTER.format(7)).json == {**fresh, "new": 0, "unchanged": 1})
    expect(take(world, ROSTER.format(7).replace("小红", "大红")).json == {**fresh, "new": 0, "changed": 1})
    expect(take(world, ROSTER.format(7)).json == {**fresh, "new": 0, "changed": 1})
    expect(take(world, ROSTER.format(8).encode("gb18030")).json == fresh)
    answer = take(world, ROSTER.format(9) + "a,b,,1\n" + "a,b,c,32019919990101{:04},\n".format(9), status=422)
    expect(answer.problem == "bad-roster" and [one["line"] for one in answer.json["lines"]] == [3, 4])
    expect(take(world, b"x" * (64 * 1024 * 1024 + 1), status=413).problem == "too-large")
    expect(take(world, b"", status=422).json["lines"][0]["line"] == 1)
    expect(take(world, b"\xff\xff\xff", status=422).json["lines"][0]["line"] == 0)
    for kind in ("application/json", "text/csvx", None):
        expect(take(world, ROSTER.format(10), status=415, kind=kind).problem == "media-type")
    schools = world.call("reviewer", "GET", "/v1/schools?limit=1", status=200).json
    expect(schools["more"])
    after = schools["schools"][0]["id"]
    schools = world.call("reviewer", "GET", f"/v1/schools?after={after}", status=200).json["schools"]
    expect([one["name"] for one in schools] == ["样本学院"])
    batches = world.call("reviewer", "GET", f"/v1/batches?school={schools[0]['id']}", status=200).json["batches"]
    expect([one["progress"]["missing"] for one in batches] == [2])
    path = f"/v1/batches/{batches[0]['id']}/missing"
    page = world.call("operator", "GET", f"{path}?limit=1", status=200).json
    expect(page["more"] and page["graduates"][0]["name_masked"] == "欧**红")
    world.call("operator", "GET", f"{path}?after={page['graduates'][0]['id']}", status=200)
    world.call("operator", "GET", path, status=200)


def scene_roster_find(world):
    graduate = world.sign_up()
    index = graduate.index
    found = world.call("operator", "POST", "/v1/roster/find", {"code": code_of(index)}, status=200).json["graduates"]
    expect(len(found) == 1 and found[0]["order"] is None and found[0]["name_masked"] == "王*明")
    world.open_order(graduate)
    found = world.call("operator", "POST", "/v1/roster/find", {"number": number_of(index)}, status=200).json
    expect(found["graduates"][0]["order"]["id"] == graduate.order)
    batch = batch_of(world)["id"]
    for name in ("王小明", "王*明"):
        found = world.call("operator", "POST", "/v1/roster/find", {"name": name, "batch": batch}, status=200).json
        expect(len(found["graduates"]) >= 60)
    for body in ({"code": "x"}, {"number": "x"}, {"name": "王大明", "batch": batch}, {"name": "王小明", "batch": new_id()}):
        world.call("operator", "POST", "/v1/roster/find", body, status=404)
    for body in ({}, {"code": "x", "number": "x"}, {"name": "王小明"}, {"batch": batch}):
        world.call("operator", "POST", "/v1/roster/find", body, status=422)


def scene_guesses(world):
    """Who tries numbers waits; a member of staff of their own, because the others go on."""
    staff = {"id": new_id(), "name": "who guesses", "role": "operator", "password": PASSWORD}
    world.call("supervisor", "POST", "/v1/staff", staff, status=201)
    sign_in = {"user": staff["name"], "password": PASSWORD}
    token = world.call(None, "POST", "/v1/session", sign_in, status=201).json["access_token"]
    for guess in range(10):
        world.call(token, "POST", "/v1/roster/find", {"number": f"3201991900010{guess:05}"}, status=404)
    answer = world.call(token, "POST", "/v1/roster/find", {"number": number_of(0)}, status=429)
    expect(answer.problem == "locked-out")
    world.call(token, "POST", "/v1/orders", {"id": new_id(), "number": number_of(0)}, status=429)
    account = {"phone": "10012345678", "reason": "identity checked"}
    for way in ("reset", "release"):
        world.call(token, "POST", f"/v1/accounts/{way}", account, status=429)


def scene_codes(world):
    """Codes that are bound, mended at the desk and bound again."""
    graduate, other, third = world.sign_up(), world.sign_up(), world.sign_up(bind=False)
    mine, theirs = code_of(graduate.index), code_of(other.index)
    answer = world.call(graduate, "POST", "/v1/online/codes", {"code": theirs}, status=409)
    expect(answer.problem == "already-bound")
    world.call(graduate, "POST", "/v1/online/codes", {"code": mine}, status=200)
    found = world.call("operator", "POST", "/v1/roster/find", {"code": mine}, status=200).json
    path = f"/v1/roster/{found['graduates'][0]['id']}/code"
    expect(world.call("operator", "POST", path, {"code": theirs}, status=409).problem == "code-taken")
    for body in ({}, {"code": ""}, {"code": "a", "clear": True}):
        expect(world.call("operator", "POST", path, body, status=422).problem == "bad-member")
    world.call("operator", "POST", f"/v1/roster/{new_id()}/code", {"clear": True}, status=404)
    world.call("operator", "POST", path, {"unbind": True, "clear": True}, status=200)
    world.call("supervisor", "POST", path, {"code": mine}, status=200)
    world.call(graduate, "POST", "/v1/online/codes", {"code": mine}, status=404)
    world.call("operator", "POST", path, {"let_back": True}, status=200)
    world.call(graduate, "POST", "/v1/online/codes", {"code": mine}, status=200)
    for _ in range(10):
        world.call(third, "POST", "/v1/online/codes", {"code": "nobody's"}, status=404)
    expect(world.call(third, "POST", "/v1/online/codes", {"code": theirs}, status=429).problem == "locked-out")


def scene_wrong_lines(world):
    take(world, ROSTER.format(21) + "样本学院,夏,李四,32019919990101{:04},\n".format(22))
    found = []
    for last in (21, 22):
        body = {"number": f"32019919990101{last:04}"}
        found += world.call("operator", "POST", "/v1/roster/find", body, status=200).json["graduates"]
    path = f"/v1/roster/{found[0]['id']}"
    change = {"number": f"32019919990101{22:04}", "reason": "a digit was wrong"}
    expect(world.call("supervisor", "PATCH", path, change, status=409).problem == "number-taken")
    change["number"] = f"32019919990101{23:04}"
    changed = world.call("supervisor", "PATCH", path, change, status=200).json["graduates"]
    expect(changed[0]["number_masked"].endswith("0023"))
    world.call("supervisor", "PATCH", f"/v1/roster/{new_id()}", change, status=404)
    graduate = world.sign_up()
    world.open_order(graduate)
    mine = {"code": code_of(graduate.index)}
    mine = world.call("operator", "POST", "/v1/roster/find", mine, status=200).json["graduates"][0]["id"]
    reason = {"reason": "changed school"}
    expect(world.call("supervisor", "POST", f"/v1/roster/{mine}/withdraw", reason, status=409).problem == "order-open")
    world.call("supervisor", "POST", f"{path}/withdraw", reason, status=204)
    world.call("supervisor", "POST", f"{path}/withdraw", reason, status=404)


def scene_consent(world):
    graduate = world.sign_up(bind=False)
    body = {"version": "2026-01", "given": True}
    expect(world.call(graduate, "POST", "/v1/online/consent", body, status=409).problem == "no-code")
    graduate = world.paid()
    given = world.call(graduate, "POST", "/v1/online/consent", body, status=200).json
    expect(given["consent"]["version"] == "2026-01")
    expect(world.order(graduate.order)["subject"]["consent"] == given["consent"])
    operation = world.station.operation("consent.record", graduate.order, 1, {"version": "2026-01", "given": False})
    expect(world.operate(operation) == ["applied"])
    expect(world.order(graduate.order)["subject"]["consent"] is None)
    operation = world.station.operation("consent.record", graduate.order, 1, {"version": "", "given": False})
    expect(world.operate(operation) == ["refused"])
    world.call(graduate, "POST", "/v1/online/consent", body, status=200)


def scene_require_consent(world):
    with world.another_server(graduates=2, extra=("--require-consent",)) as client:
        account = {"phone": "10099990000", "password": "correct horse battery"}
        token = client.request("POST", "/v1/online/accounts", account, status=201).json["access_token"]
        bind = {"code": code_of(0), "number": number_of(0)}
        client.request("POST", "/v1/online/codes", bind, token=token, status=200)
        order = new_id()
        client.request("POST", "/v1/online/orders", {"id": order}, token=token, status=201)
        submission = {"id": new_id(), "original": "a" * 64, "delivered": "b" * 64, "report": "c" * 64}
        path = f"/v1/online/orders/{order}/submission"
        answer = client.request("POST", path, submission, token=token, status=409)
        expect(answer.problem == "consent-missing")
        client.request("POST", "/v1/online/consent", {"version": "1", "given": True}, token=token, status=200)
        expect(client.request("POST", path, submission, token=token, status=409).problem == "missing-photo")


def make_approved(world):
    """Some verdicts are for a second reviewer to confirm."""
    for _ in range(10):
        graduate = world.reviewed("approved")
        if world.order(graduate.order)["submissions"][0]["state"] == "approved":
            return graduate
    raise AssertionError("nobody is approved")


def scene_exports(world):
    approved, rejected, other = make_approved(world), world.reviewed("rejected"), make_approved(world)
    batch = batch_of(world)["id"]
    naming = world.call("supervisor", "POST", f"/v1/batches/{batch}/naming", {"reason": "a test"}, status=200)
    names = {one["order"]: one for one in naming.json["orders"]}
    expect(names[approved.order]["name"] == "王小明" and names[approved.order]["number"] == number_of(approved.index))
    expect(rejected.order not in names)
    expect(naming.get("cache-control") == "no-store")
    body = {"id": new_id(), "receiver": "示例大学", "orders": [other.order, rejected.order]}
    expect(world.call("supervisor", "POST", "/v1/exports", body, status=409).problem == "not-deliverable")
    expect(world.order(other.order)["delivery"] == "none")
    body["orders"] = [other.order]
    world.call("supervisor", "POST", "/v1/exports", body, status=201)
    world.call("supervisor", "POST", "/v1/exports", body, status=200)
    answer = world.call("supervisor", "POST", "/v1/exports", {**body, "receiver": "b"}, status=409)
    expect(answer.problem == "id-reused")
    whole = {"id": new_id(), "receiver": "示例大学", "batch": batch}
    made = world.call("supervisor", "POST", "/v1/exports", whole, status=201).json
    expect(made["count"] >= 1 and made["receipt"] is None)
    again = {**whole, "id": new_id()}
    expect(world.call("supervisor", "POST", "/v1/exports", again, status=409).problem == "not-deliverable")
    world.call("supervisor", "POST", "/v1/exports", {**again, "batch": new_id()}, status=404)
    world.call("supervisor", "POST", "/v1/exports", {**again, "orders": []}, status=422)
    world.call("supervisor", "GET", "/v1/exports?limit=1", status=200)
    page = world.call("supervisor", "GET", f"/v1/exports/{whole['id']}?limit=500", status=200).json
    expect(approved.order in [one["order"] for one in page["orders"]] and page["export"]["count"] == made["count"])
    expect(world.order(approved.order)["delivery"] == "exported")
    receipt = {"reference": "R-2026-1"}
    world.call("supervisor", "POST", f"/v1/exports/{whole['id']}/receipt", receipt, status=200)
    world.call("supervisor", "POST", f"/v1/exports/{whole['id']}/receipt", receipt, status=200)
    answer = world.call("supervisor", "POST", f"/v1/exports/{whole['id']}/receipt", {"reference": "other"}, status=409)
    expect(answer.problem == "already-received")
    expect(world.order(approved.order)["delivery"] == "received")
    progress = batch_of(world)["progress"]
    counted = progress["missing"] + progress["submitted"] + progress["approved"]
    expect(progress["exported"] >= 2 and counted == progress["expected"])
