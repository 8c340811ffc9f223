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


def scene_queue(world):
    for _ in range(3):
        world.paid()
    page = world.call("supervisor", "GET", "/v1/reviews/queue?limit=2", status=200).json
    expect(page["counts"]["all"] >= 3 and len(page["items"]) == 2)
    seen = [item["submission"] for item in page["items"]]
    while page["next"] is not None:
        page = world.call("supervisor", "GET", f"/v1/reviews/queue?limit=2&after={page['next']}", status=200).json
        seen += [item["submission"] for item in page["items"]]
        expect(page["counts"] is None)
    third = world.call("supervisor", "GET", "/v1/reviews/queue?limit=1&offset=2&origin=online", status=200).json
    expect([item["submission"] for item in third["items"]] == seen[2:3] and len(set(seen)) == len(seen))
    expect(world.call("supervisor", "GET", "/v1/reviews/queue?school=nowhere", status=200).json["counts"]["all"] == 0)
    for query in ("stage=opinion", "engine=good", "attempt=-1", "limit=0", "after=x", "offset=-1"):
        world.call("supervisor", "GET", f"/v1/reviews/queue?{query}", status=422)


def scene_statistics(world):
    world.reviewed("rejected")
    own = world.call("reviewer", "GET", "/v1/reviews/mine", status=200).json
    expect(own["rejected"] >= 1)
    figures = world.call("supervisor", "GET", "/v1/reviews/statistics", status=200).json
    reviewer = next(one for one in figures["reviewers"] if one["name"] == "reviewer")
    expect(reviewer["rejected"] >= 1 and reviewer["median_seconds"] is not None)
    expect(sum(day["rejected"] for day in figures["days"]) >= 1)
    while_ = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
    expect(world.call("supervisor", "GET", f"/v1/reviews/statistics?{while_}", status=200).json["reviewers"] == [])
    for query in ("from=yesterday", "to=2026", "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z"):
        world.call("supervisor", "GET", f"/v1/reviews/statistics?{query}", status=422)


def scene_gold(world):
    graduate = world.reviewed("rejected")
    submission = world.order(graduate.order)["submissions"][0]["id"]
    body = {"id": new_id(), "submission": submission, "verdict": "rejected", "reasons": ["blur"]}
    world.call("supervisor", "POST", "/v1/gold", body, status=201)
    world.call("supervisor", "POST", "/v1/gold", body, status=200)
    answer = world.call("supervisor", "POST", "/v1/gold", {**body, "id": new_id()}, status=409)
    expect(answer.problem == "already-gold")
    answer = world.call("supervisor", "POST", "/v1/gold", {**body, "reasons": ["gaze"]}, status=409)
    expect(answer.problem == "id-reused")
    waiting = world.order(world.paid().order)["submissions"][0]["id"]
    answer = world.call("supervisor", "POST", "/v1/gold", {**body, "id": new_id(), "submission": waiting}, status=409)
    expect(answer.problem == "not-decided")
    answer = world.call("supervisor", "POST", "/v1/gold", {**body, "submission": waiting}, status=409)
    expect(answer.problem == "id-reused")
    world.call("supervisor", "POST", "/v1/gold", {**body, "id": new_id(), "submission": new_id()}, status=404)
    gold = world.call("supervisor", "GET", "/v1/gold?limit=10", status=200).json
    expect(gold["more"] is False)
    expect(any(one["id"] == body["id"] and one["shown"] == 0 for one in gold["gold"]))
    world.call("supervisor", "DELETE", f"/v1/gold/{body['id']}", status=204)
    world.call("supervisor", "DELETE", f"/v1/gold/{body['id']}", status=204)
    gold = world.call("supervisor", "GET", "/v1/gold", status=200).json["gold"]
    expect(next(one for one in gold if one["id"] == body["id"])["retired_at"] is not None)
