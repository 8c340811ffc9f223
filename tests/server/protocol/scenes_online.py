# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: what the mini-program shows and asks for besides orders."""

from keys import new_id
from server import PASSWORD
from tap import expect
from world import World


def scene_guide(world):
    guide = world.call(None, "GET", "/v1/online/guide", status=200).json
    expect([step["number"] for step in guide["steps"]] == list(range(1, 8)))
    texts = [guide["title"], guide["help"]["title"], *guide["help"]["ways"]]
    texts += [step[name] for step in guide["steps"] for name in ("title", "text")]
    expect(all(len(text["zh_CN"]) > 4 and len(text["en"]) > 8 for text in texts))


def scene_rules(world):
    rules = world.call(None, "GET", "/v1/online/rules", status=200).json
    expect((rules["id"], rules["width"], rules["height"], rules["dpi"]) == ("chsi-diploma", 480, 640, 300))
    expect({"name": "blue", "rgb": "#64c5ff"} in rules["backgrounds"])
    eyes = next(rule for rule in rules["rules"] if rule["id"] == "geometry.eye-line")
    expect((eyes["mode"], eyes["min"], eyes["max"]) == ("block", 200, 300) and eyes["title"]["zh_CN"])


def scene_account(world):
    graduate = world.sign_up(bind=False)
    first = world.call(graduate, "GET", "/v1/online/account", status=200).json
    expect(first["first_use"] and first["role"] == "graduate" and first["graduate"] is None)
    expect(first["phone_masked"] == f"100****{graduate.index:04}")
    after = world.call(graduate, "POST", "/v1/online/account", {"first_use": False}, status=200).json
    expect(not after["first_use"])
    body = {"phone": f"1009999{graduate.index:04}", "password": PASSWORD}
    session = world.call(None, "POST", "/v1/online/session", body, status=201).json
    expect(not session["first_use"])
    world.call(graduate, "POST", "/v1/online/account", {"first_use": False, "role": "uncle"}, status=422)
    other = {"phone": f"1009997{graduate.index:04}", "password": PASSWORD}
    world.call(None, "POST", "/v1/online/accounts", {**other, "role": "uncle"}, status=422)
    session = world.call(None, "POST", "/v1/online/accounts", {**other, "role": "guardian"}, status=201).json
    expect(session["role"] == "guardian")
    ordered = world.paid()
    before = world.order(ordered.order)
    expect(before["account_role"] == "graduate")
    world.call(ordered, "POST", "/v1/online/account", {"first_use": True, "role": "guardian"}, status=200)
    after = world.order(ordered.order)
    expect(after["account_role"] == "guardian" and after["revision"] == before["revision"])
    bound = world.sign_up()
    expect(world.call(bound, "GET", "/v1/online/account", status=200).json["graduate"]["batch"] == "2026")


def scene_own_photos(world):
    graduate = world.paid()
    orders = world.call(graduate, "GET", "/v1/online/orders", status=200).json["orders"]
    expect([one["id"] for one in orders] == [graduate.order])
    path = f"/v1/online/orders/{graduate.order}/photos/"
    for part in ("original", "delivered"):
        tag = world.call(graduate, "GET", path + orders[0]["submissions"][0][part], status=200).get("etag")
        world.call(graduate, "GET", path + orders[0]["submissions"][0][part], status=304,
                   headers={"If-None-Match": tag})
    stranger = world.paid()
    other = world.order(stranger.order)["submissions"][0]["original"]
    world.call(graduate, "GET", path + other, status=404)
    world.call(stranger, "GET", path + orders[0]["submissions"][0]["original"], status=404)
    # A photo that was uploaded and belongs to no order.
    world.call(graduate, "GET", path + world.upload(graduate), status=404)
    world.call(graduate, "POST", f"/v1/online/orders/{graduate.order}/refund", {"id": new_id()}, status=201)


def scene_too_many(world):
    graduate = world.sign_up()
    order = world.open_order(graduate)
    world.submit(graduate)
    path = f"/v1/online/orders/{order}/payment"
    for _ in range(20):
        world.call(graduate, "POST", path, {"id": new_id()}, status=201)
    expect(world.call(graduate, "POST", path, {"id": new_id()}, status=409).problem == "too-many")


def scene_own_rules(world):
    folder = world.server.folder
    with open(f"{folder}/local.ini", "w", encoding="utf-8") as file:
        file.write("[pack]\nid=local\nversion=3\ninherits=chsi-diploma\n")
    other = World(graduates=0, extra=("--rules", "local", "--rules-folder", folder), beside=world)
    try:
        rules = other.call(None, "GET", "/v1/online/rules", status=200).json
        expect((rules["id"], rules["version"], rules["width"]) == ("local", "3", 480))
    finally:
        other.close()
    world.server.command("audit", "verify", "--rules", "no-such-pack", code=2)
