# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: what reviewers do beside claiming and deciding."""

from keys import new_id
from tap import expect


def scene_reasons(world):
    reasons = world.call(None, "GET", "/v1/reasons", status=200).json["reasons"]
    expect({"eyes-closed", "other"} <= {reason["code"] for reason in reasons})


def scene_leases(world):
    graduate = world.paid()
    path = f"/v1/reviews/{world.claim(order=graduate.order)['submission']}"
    held = world.call("reviewer", "POST", "/v1/reviews/renew", status=200).json["submissions"]
    expect(path.rsplit("/", 1)[1] in held)
    world.call("reviewer", "POST", f"{path}/release", status=204)
    world.call("reviewer", "POST", f"{path}/release", status=204)
    world.call("reviewer", "DELETE", "/v1/reviews/claim", status=204)
    expect(world.call("reviewer", "POST", "/v1/reviews/renew", status=200).json["submissions"] == [])
    for filters in ({"origin": "moon"}, {"engine": ""}, {"stage": "opinion"}):
        world.call("reviewer", "POST", "/v1/reviews/claim", filters, status=422)
    filters = {"school": "nowhere", "batch": "never", "origin": "desk", "engine": "fail", "stage": "arbitration",
               "attempt": 3, "waiting_seconds": 10}
    expect(world.call("reviewer", "POST", "/v1/reviews/claim", filters, status=200).json["items"] == [])


def scene_second_opinion(world):
    graduate = world.paid()
    path = f"/v1/reviews/{world.claim(order=graduate.order)['submission']}"
    world.call("reviewer", "POST", f"{path}/second-opinion", {"note": "is this hair?"}, status=204)
    world.call("reviewer", "POST", f"{path}/second-opinion", {}, status=204)
    item = world.claim("supervisor", graduate.order)
    expect(item["stage"] == "second" and item["opinion_note"] == "is this hair?")
    answer = world.call("supervisor", "POST", f"{path}/second-opinion", {}, status=409)
    expect(answer.problem == "nobody-else")
    expect(world.decide(item, "approved", "supervisor").json["submissions"][0]["state"] == "approved")


def scene_undo_and_correction(world):
    graduate = world.paid()
    item = world.claim(order=graduate.order)
    path = f"/v1/reviews/{item['submission']}"
    expect(world.call("supervisor", "POST", f"{path}/undo", status=409).problem == "no-verdict")
    correction = {"id": new_id(), "verdict": "approved", "revision": item["order"]["revision"], "reason": "a slip"}
    expect(world.call("supervisor", "POST", f"{path}/correction", correction, status=409).problem == "not-decided")
    world.decide(item, "rejected", reasons=["gaze"], texts={"gaze": "look here"})
    item = world.call("reviewer", "POST", f"{path}/undo", status=200).json
    order = world.decide(item, "rejected", reasons=["blur"], texts={"blur": "not sharp"}).json
    expect(order["submissions"][0]["texts"] == {"blur": "not sharp"})
    answer = world.call("supervisor", "POST", f"{path}/correction", correction, status=409)
    expect(answer.problem == "stale-revision" and answer.json["verdict"]["verdict"] == "approved")
    correction["revision"] = order["revision"]
    world.call("supervisor", "POST", f"{path}/correction", correction, status=201)
    order = world.call("supervisor", "POST", f"{path}/correction", correction, status=200).json
    expect(order["submissions"][0]["state"] == "approved" and order["payment"] == "paid")
    expect(world.call("reviewer", "POST", f"{path}/undo", status=409).problem == "too-late")
