#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""retakectl and retake-server together: sign-in, orders, submissions, sync, cameras, the main job."""

import json
import os
import socket
import subprocess
import sys
import time
import uuid

from harness import ASTRONAUT, CTL, PASSWORD, TOP, USER, equal, expect, main, sha256, write

SYNC_KEYS = {"pulled", "uploaded", "applied", "duplicate", "conflict", "refused", "failed", "waiting"}


def dead_address():
    """An address on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}"


def outbox(desk):
    return desk.ctl("--json", "outbox", "list").json


def test_before_the_first_sign_in(desk):
    for words in (("status",), ("orders", "list"), ("sync",), ("outbox", "list"), ("queue", "rejected"),
                  ("retake", "submit", "--order", "x", ASTRONAUT)):
        expect("sign-in" in desk.refuses(*words), words)
    expect(not os.path.exists(desk.path("station")), "no folder is made by looking")
    desk.refuses("sign-in", "--server", dead_address(), "--user", USER, "--password-file", desk.path("none"))
    desk.refuses("sign-in", "--server", "nonsense", "--user", USER, "--password-file", desk.password_file)


def test_sign_in(desk):
    server = desk.server()
    server.simulate()
    server.start()
    wrong = write(desk.path("wrong"), "not the password\n", 0o600)
    done = desk.ctl("sign-in", "--server", server.url, "--user", USER, "--password-file", wrong, code=2)
    expect("wrong name or password" in done.err, done.err)
    done = desk.sign_in(server)
    expect(PASSWORD not in done.err + done.out, "a secret on the screen")
    status = desk.ctl("--json", "status").json
    equal(set(status), {"server", "user", "station", "outbox"}, "keys")
    equal((status["server"], status["user"], status["outbox"]), (server.url, USER, 0))
    expect("passphrase" in desk.refuses("status", "--passphrase-file", wrong), "wrong passphrase")
    # Recovery keys are said once, for a new folder only.
    expect("ecovery" not in desk.sign_in(server).err, "the recovery key again")
    desk.refuses("status", env={"RETAKE_PASSPHRASE_FILE": desk.path("none")})
    # Nothing in the folder can be read without the passphrase.
    for base, _, names in os.walk(desk.path("station")):
        for name in names:
            with open(os.path.join(base, name), "rb") as file:
                expect(PASSWORD.encode() not in file.read(), name)


def test_orders(desk):
    desk.campus()
    orders = desk.ctl("--json", "orders", "list").json
    expect(len(orders) >= 6, len(orders))
    text = json.dumps(orders)
    expect("code_digest" not in text and "phone" not in text, text[:300])
    one = orders[0]
    shown = desk.ctl("--json", "orders", "show", one["id"]).json
    equal(shown["id"], one["id"])
    found = desk.ctl("--json", "orders", "list", "--search", one["number"]).json
    expect(one["id"] in [order["id"] for order in found] and len(found) < len(orders), "search by number")
    equal(desk.ctl("--json", "orders", "list", "--search", "nobody is called this").json, [])
    paid = desk.ctl("--json", "orders", "list", "--state", "paid").json
    expect(0 < len(paid) < len(orders), "search by state")
    desk.refuses("orders", "show", str(uuid.uuid4()))
    rejected = desk.ctl("--json", "queue", "rejected").json
    expect(0 < len(rejected) < len(orders), "queue of the rejected")
    expect(one["number"] in desk.ctl("orders", "list").out, "text")


def test_submit_and_sync(desk):
    server, codes = desk.campus()
    submitted = desk.submit(codes[0])
    expect({"operation", "order", "submission", "delivered", "verdict"} <= set(submitted), submitted)
    waiting = outbox(desk)
    equal([(item["id"], item["order"], item["photos_to_send"] > 1) for item in waiting],
          [(submitted["operation"], submitted["order"], True)])
    expect(codes[0] not in json.dumps(waiting), "a collection code")
    counts = desk.ctl("--json", "sync", "--until-idle").json
    expect(SYNC_KEYS <= set(counts), counts)
    equal((counts["applied"], counts["waiting"], counts["refused"], counts["conflict"]), (1, 0, 0, 0))
    equal(counts["uploaded"], waiting[0]["photos_to_send"])
    server.holds_once(submitted)
    equal(outbox(desk), [])
    again = desk.ctl("--json", "sync", "--until-idle").json
    equal((again["applied"], again["duplicate"], again["uploaded"]), (0, 0, 0))
    state = desk.ctl("--json", "orders", "show", submitted["order"]).json
    expect(submitted["submission"] in json.dumps(state), "the order here knows its submission")
    # The finished photo is the one that photo make makes.
    desk.ctl("photo", "make", ASTRONAUT, "-o", desk.path("a.jpg"), code=1)
    equal(sha256(desk.path("a.jpg")), submitted["delivered"])


def test_submissions_that_may_not_be(desk):
    _, codes = desk.campus()
    words = ("retake", "submit", "--code-file", desk.code_file(codes[0]))
    done = desk.ctl(*words, ASTRONAUT, code=1)
    expect("mouth.closed" in done.err and "--override" in done.err, done.err)
    desk.refuses(*words, desk.made("wall.png"))
    desk.refuses(*words, write(desk.path("empty.jpg"), b""))
    desk.refuses(*words, "--override", "nonsense", ASTRONAUT)
    desk.refuses("retake", "submit", "--code-file", write(desk.path("other"), "0000000\n"), ASTRONAUT)
    desk.refuses("retake", "submit", "--order", str(uuid.uuid4()), ASTRONAUT)
    unpaid = [order for order in desk.ctl("--json", "orders", "list").json
              if order["payment"] not in ("paid", "waived", "refunded", "refund-due")]
    if unpaid:
        desk.ctl("retake", "submit", "--order", unpaid[0]["id"], ASTRONAUT, code=1)
    equal(outbox(desk), [])


def test_server_gone(desk):
    server, codes = desk.campus()
    server.stop()
    submitted = desk.submit(codes[0])
    line = desk.refuses("sync")
    expect("server cannot be reached" in line, line)
    desk.refuses("orders", "pull")
    equal(len(outbox(desk)), 1)
    expect(len(desk.ctl("--json", "orders", "list").json) >= 6, "orders are still here")
    server.restart()
    equal(desk.ctl("--json", "sync", "--until-idle").json["waiting"], 0)
    server.holds_once(submitted)


def test_folder_in_use(desk):
    desk.campus()
    with socket.socket() as silent:
        # A server that never answers holds the first program up, with the folder open.
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        first = desk.spawn([CTL, "--data", desk.path("station"), "sign-in", "--server", address, "--user", USER,
                            "--password-file", desk.password_file], stderr=subprocess.PIPE, text=True,
                           env=dict(os.environ, RETAKE_PASSPHRASE_FILE=desk.password_file))
        silent.settimeout(60)
        connection, _ = silent.accept()
        with connection:
            expect("Another program" in desk.refuses("sync"), "two programs write")
            desk.ctl("status")
        equal(first.wait(60), 2, "exit code of the first")
        equal(first.stderr.read().count("\n"), 1, "lines of the first")
        first.stderr.close()


def test_killed_client(desk):
    """A program that is killed while it submits leaves all of the submission or nothing."""
    server, codes = desk.campus()
    code = desk.code_file(codes[0])
    words = [CTL, "--data", desk.path("station"), "retake", "submit", "--code-file", code, "--override",
             "mouth.closed: asked for by the test", "--override", "geometry.hair-top: asked for by the test",
             "--override", "image.resolution: asked for by the test", ASTRONAUT]
    environment = dict(os.environ, RETAKE_PASSPHRASE_FILE=desk.password_file)
    start = time.monotonic()
    desk.run(words)
    whole = time.monotonic() - start
    before = len(outbox(desk))
    equal(before, 1)
    for part in (.6, .9):
        one = desk.spawn(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            # Not a wait for something: the moment of the kill is what is being varied.
            one.wait(whole * part)
        except subprocess.TimeoutExpired:
            one.kill()
            one.wait()
    waiting = outbox(desk)
    expect(1 <= len(waiting) <= 3, len(waiting))
    desk.ctl("sync", "--until-idle", code=None)
    order = server.call("GET", "/v1/orders/" + waiting[0]["order"], token=server.token())
    expect(len({one["id"] for one in order["submissions"]}) == len(order["submissions"]), "twice the same")


# Calls of a sync after which the server is killed: a part of the route, and the number of its call.
MOMENTS = [("", 1), ("uploads", 1), ("uploads", 4), ("uploads", 7), ("operations", 1)]
# And so many seconds after a call: in the middle of what follows it.
DELAYS = [("uploads", 8, 0.001), ("uploads", 8, 0.004)]


def test_killed_server(desk):
    """Kills the server at different moments of a sync, then starts it again on the same data."""
    server, codes = desk.campus(24)
    moments = [(route, count, 0) for route, count in MOMENTS] + DELAYS
    expect(len(codes) >= len(moments), len(codes))
    for number, (route, count, delay) in enumerate(moments, 1):
        picture = desk.made(f"variant-{number}.png")
        submitted = desk.submit(codes[number], picture)
        seen = [0]

        def is_now(line, seen=seen, route=route, count=count, delay=delay):
            seen[0] += line.get("message") == "call" and route in line["route"]
            if delay and seen[0] == count:
                # Not a wait for something: the moment of the kill is what is being varied.
                time.sleep(delay)
            return seen[0] == count
        server.kill_after = is_now
        done = desk.ctl("--json", "sync", "--until-idle", code=None)
        server.kill_after = None
        expect(seen[0] >= count, f"{route} is called only {seen[0]} times")
        expect(done.code in (0, 2) and done.err.count("\n") <= 1, done.code, done.err)
        server.stop()
        server.restart()
        print(f"# killed after {route or 'any'} {count} {delay or ''}: sync said {done.code}")
        equal(desk.ctl("--json", "sync", "--until-idle").json["waiting"], 0)
        server.holds_once(submitted, picture)
        equal(outbox(desk), [])


def test_killed_server_other_port(desk):
    """After a kill the server comes back elsewhere: signing in to it again is enough."""
    server, codes = desk.campus()
    submitted = desk.submit(codes[0])
    calls = [0]

    def is_upload(line):
        calls[0] += "uploads" in line.get("route", "")
        return calls[0] == 3
    server.kill_after = is_upload
    desk.refuses("sync")
    server.kill_after = None
    server.stop()
    server.start()
    desk.sign_in(server)
    equal(desk.ctl("--json", "sync", "--until-idle").json["waiting"], 0)
    server.holds_once(submitted)


def test_camera(desk):
    device = f"replay:{ASTRONAUT}"
    expect(isinstance(desk.ctl("--json", "camera", "list").json, list), "list")
    desk.ctl("camera", "grab", "--device", device, "-o", desk.path("grab.png"))
    one = desk.ctl("--json", "photo", "check", desk.path("grab.png"), code=1).json[0]
    expect(one["width"] >= 256 and one["height"] >= 256, one["width"], one["height"])
    equal([check["verdict"] for check in one["checks"] if check["id"] == "face.count"], ["pass"])
    desk.ctl("camera", "grab", "--device", device, "-o", desk.path("grab.jpg"))
    with open(desk.path("grab.jpg"), "rb") as file:
        equal(file.read(2), b"\xff\xd8", "a JPEG")
    lines = [json.loads(line) for line in
             desk.ctl("camera", "watch", "--device", device, "--seconds", "1").out.splitlines()]
    expect(len(lines) >= 3, len(lines))
    for line in lines:
        expect({"frame", "dropped", "ms", "networks_ms", "verdict", "checks"} <= set(line), set(line))
    expect(lines[-1]["checks"]["face.count"] == "pass", lines[-1]["checks"])
    expect(all(a["frame"] < b["frame"] for a, b in zip(lines, lines[1:])), "frames in order")
    desk.refuses("camera", "grab", "--device", f"replay:{desk.path('none.png')}", "-o", desk.path("x.png"))
    desk.refuses("camera", "grab", "--device", device, "-o", desk.path("x.txt"))
    desk.refuses("camera", "grab", "--device", device, "-o", desk.path("none", "x.png"))
    expect(not os.path.exists(desk.path("x.png")), "nothing was written")


def test_headless(desk):
    build = os.environ["RTK_TEST_BUILD"]
    words = [sys.executable, os.path.join(TOP, "tools/headless.py"), "--build", build]
    done = desk.run(words + ["--data", desk.path("demo")])
    equal(done.code, 0, done.err)
    one = done.json
    expect({"picture", "verdict", "failed", "override", "delivered", "certificate", "order", "server_state",
            "ms"} <= set(one), set(one))
    equal((one["verdict"], one["server_state"]["submission"]), ("fail", "approved"))
    expect("mouth.closed" in one["failed"], one["failed"])
    equal(one["override"], "demonstration picture")
    equal(sha256(one["delivered"]), one["server_state"]["delivered"])
    expect(all(ms > 0 for ms in one["ms"].values()) and len(one["ms"]) >= 5, one["ms"])
    desk.ctl("photo", "verify", one["certificate"], "--original", one["picture"], "--delivered", one["delivered"])
    again = desk.run(words + ["--data", desk.path("demo")])
    equal((again.code, again.err.count("\n")), (2, 1), again.err)
    none = desk.run(words + ["--data", desk.path("other"), desk.made("wall.png")])
    equal((none.code, none.err.count("\n")), (2, 1), none.err)


if __name__ == "__main__":
    sys.exit(main([case for name, case in list(globals().items()) if name.startswith("test_")]))
