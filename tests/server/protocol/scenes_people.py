# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: who works here and at which stations."""

from keys import StationKey, new_id
from server import PASSWORD, code_of
from tap import expect

OTHER = "another long password"


def add_staff(world, name, role):
    body = {"id": new_id(), "name": name, "role": role, "password": PASSWORD}
    world.call("supervisor", "POST", "/v1/staff", body, status=201)
    return body


def scene_staff(world):
    body = add_staff(world, "second operator", "operator")
    world.call("supervisor", "POST", "/v1/staff", body, status=200)
    answer = world.call("supervisor", "POST", "/v1/staff", {**body, "id": new_id()}, status=409)
    expect(answer.problem == "name-taken")
    page = world.call("supervisor", "GET", "/v1/staff?limit=1", status=200).json
    expect(page["more"])
    world.call("supervisor", "GET", f"/v1/staff?after={page['staff'][0]['id']}", status=200)
    expect(world.call("supervisor", "GET", "/v1/staff?after=1", status=422).problem == "bad-member")
    path = f"/v1/staff/{body['id']}"
    world.call("supervisor", "DELETE", f"{path}/sessions", status=204)
    for change in ({"role": "reviewer"}, {"enabled": False}, {"enabled": True, "password": OTHER, "role": None}):
        world.call("supervisor", "PATCH", path, change, status=200)
    everybody = world.call("supervisor", "GET", "/v1/staff", status=200).json["staff"]
    last = next(one["id"] for one in everybody if one["name"] == "supervisor")
    answer = world.call("supervisor", "PATCH", f"/v1/staff/{last}", {"enabled": False}, status=409)
    expect(answer.problem == "last-supervisor")
    # What is taken last is sent again by others: something that changes nobody they need.
    world.call("supervisor", "PATCH", path, {"role": "reviewer"}, status=200)


def scene_own_password(world):
    add_staff(world, "third operator", "operator")
    sign_in = {"user": "third operator", "password": PASSWORD}
    token = world.call(None, "POST", "/v1/session", sign_in, status=201).json["access_token"]
    change = {"password": "wrong", "new_password": OTHER}
    answer = world.call(token, "POST", "/v1/session/password", change, status=403)
    expect(answer.problem == "wrong-password")
    world.call(token, "POST", "/v1/session/password", {**change, "password": PASSWORD}, status=204)
    graduate = world.sign_up(bind=False)
    world.call(graduate, "POST", "/v1/session/password", {**change, "password": PASSWORD}, status=204)


def scene_accounts_at_the_desk(world):
    graduate = world.sign_up()
    other = world.call("operator", "POST", "/v1/roster/find", {"code": code_of(0)}, status=200).json["graduates"][0]["id"]
    mine = {"code": code_of(graduate.index)}
    mine = world.call("operator", "POST", "/v1/roster/find", mine, status=200).json["graduates"][0]["id"]
    phone = {"phone": f"1009999{graduate.index:04}", "reason": "identity checked"}
    path = "/v1/accounts/reset"
    answer = world.call("operator", "POST", path, {**phone, "roster": other}, status=409)
    expect(answer.problem == "other-graduate")
    world.call("operator", "POST", path, {**phone, "phone": "10012345678"}, status=404)
    given = world.call("operator", "POST", path, {**phone, "roster": mine}, status=200).json
    sign_in = {"phone": phone["phone"], "password": given["password"]}
    session = world.call(None, "POST", "/v1/online/session", sign_in, status=201).json
    expect(session["must_change"])
    token = session["access_token"]
    expect(world.call(token, "GET", "/v1/online/account", status=403).problem == "must-change")
    change = {"password": given["password"], "new_password": OTHER}
    world.call(token, "POST", "/v1/session/password", change, status=204)
    expect(not world.call(token, "GET", "/v1/online/account", status=200).json["must_change"])
    world.call("supervisor", "POST", "/v1/accounts/release", {**phone, "phone": "10012345678"}, status=404)
    world.call("supervisor", "POST", "/v1/accounts/release", phone, status=204)
    world.call(token, "GET", "/v1/online/account", status=401)


def scene_lock_out(world):
    sign_in = {"user": "nobody at all", "password": "wrong"}
    for _ in range(5):
        world.call(None, "POST", "/v1/session", sign_in, status=401)
    expect(world.call(None, "POST", "/v1/session", sign_in, status=429).problem == "locked-out")


def scene_keys(world):
    world.call(None, "GET", "/v1/keys", status=200)


def scene_revoked_station(world):
    add_staff(world, "fourth operator", "operator")
    sign_in = {"user": "fourth operator", "password": PASSWORD}
    key = StationKey()
    body = {"name": "lost desk", "key": key.name, "proof": key.proof("fourth operator")}
    token = world.call(None, "POST", "/v1/session", sign_in, status=201).json["access_token"]
    station = world.call(token, "POST", "/v1/stations", body, status=201).json["station"]
    expect(world.call("supervisor", "GET", "/v1/stations?limit=1", status=200).json["more"])
    world.call("supervisor", "DELETE", f"/v1/stations/{station}", status=204)
    world.call(token, "GET", "/v1/changes", status=401)
    token = world.call(None, "POST", "/v1/session", sign_in, status=201).json["access_token"]
    expect(world.call(token, "POST", "/v1/stations", body, status=403).problem == "station-revoked")
