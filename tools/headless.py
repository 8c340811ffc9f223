#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job with no display: one picture goes all the way. Called by `tools/run --headless`.

A picture is checked and cut out, submitted by a station, sent to a server of its own with a small
simulated campus, seen there and reviewed. Every step is the product's own program; only the
reviewer's part is played by HTTP calls. Prints the JSON of docs/cli.md; exit code 0 when the photo
was approved, 1 when the server says otherwise, 2 when a step could not be done.
"""

import argparse
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
OVERRIDE = "demonstration picture"
READY_SECONDS = 30


class Failure(Exception):
    """A step that could not be done: one sentence."""


class Steps:
    """Names the steps and keeps how long each took."""

    def __init__(self):
        self.ms = {}

    def run(self, name, function, *arguments):
        start = time.monotonic()
        result = function(*arguments)
        self.ms[name] = round((time.monotonic() - start) * 1000, 1)
        return result


class Desk:
    """A station's folder and the programs that work on it."""

    def __init__(self, build, folder):
        self.ctl = os.path.join(build, "src/ctl/retakectl")
        self.server_program = os.path.join(build, "src/server/retake-server")
        self.folder = folder
        self.password_file = self.path("password")
        self.server = None
        self.url = None

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def retakectl(self, *words, allowed=(0,)):
        command = [self.ctl, "--data", self.path("station"), "--json", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              env=dict(os.environ, RETAKE_PASSPHRASE_FILE=self.password_file))
        if done.returncode not in allowed:
            raise Failure(f"retakectl {' '.join(words[:2])}: {done.stderr.strip() or 'failed'}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def simulate(self, pictures):
        command = [self.server_program, "simulate", "--data", self.path("server"), "--graduates", "12",
                   "--photos", pictures, "--user", "demo", "--password-file", self.password_file,
                   "--codes-file", self.path("codes")]
        with open(self.path("server.log"), "a", encoding="utf-8") as log:
            done = subprocess.run(command, stdout=log, stderr=log, check=False)
        if done.returncode != 0:
            raise Failure("the campus could not be simulated: see server.log in the demo folder")

    def start_server(self):
        ready = self.path("ready")
        with open(self.path("server.log"), "a", encoding="utf-8") as log:
            self.server = subprocess.Popen(
                [self.server_program, "--data", self.path("server"), "--listen", "127.0.0.1:0",
                 "--ready-file", ready], stdout=log, stderr=log)
        end = time.monotonic() + READY_SECONDS
        while not os.path.exists(ready):
            if self.server.poll() is not None or time.monotonic() > end:
                raise Failure("the server did not start: see server.log in the demo folder")
            time.sleep(0.02)
        with open(ready, encoding="utf-8") as file:
            self.url = file.read().strip()

    def stop_server(self):
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.wait()


class Reviewer:
    """What a reviewer's client asks of the server."""

    def __init__(self, url, password):
        self.url = url
        self.token = None
        self.token = self.call("POST", "/v1/session", {"user": "demo", "password": password})["access_token"]

    def call(self, method, path, body=None):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            raise Failure(f"{method} {path}: {problem.read().decode(errors='replace')[:300]}") from problem

    def approve(self, order, submission):
        # A refunded or refund-due order needs a new payment record before it is reviewed again.
        state = self.call("GET", f"/v1/orders/{order}")
        if state["payment"] not in ("paid", "waived"):
            self.call("POST", f"/v1/orders/{order}/payments",
                      {"id": str(uuid.uuid4()), "method": "waiver", "reference": OVERRIDE})
        items = self.call("POST", "/v1/reviews/claim", {"count": 100})["items"]
        mine = [item for item in items if item["submission"] == submission]
        if not mine:
            raise Failure("the submission is not in the queue of the reviewers")
        return self.call("POST", f"/v1/reviews/{submission}",
                         {"verdict": "approved", "revision": mine[0]["order"]["revision"]})


def failed_checks(report):
    failed = [c["id"] for part in (report, report["finished"]) for c in part["checks"]
              if c["verdict"] == "fail" and c["blocking"]]
    return list(dict.fromkeys(failed))


def make_photo(desk, picture):
    pictures = desk.path("pictures")
    os.makedirs(pictures)
    name = "picture" + os.path.splitext(picture)[1].lower()
    shutil.copy(picture, os.path.join(pictures, name))
    desk.retakectl("photo", "make", os.path.join(pictures, name),
                   "-o", os.path.join(pictures, "picture.finished.jpg"),
                   "--report", os.path.join(pictures, "picture.report.json"),
                   "--certificate", os.path.join(pictures, "picture.cert.json"), allowed=(0, 1))
    with open(os.path.join(pictures, "picture.report.json"), encoding="utf-8") as file:
        return pictures, json.load(file)


def sign_in(desk):
    desk.retakectl("sign-in", "--server", desk.url, "--user", "demo", "--password-file", desk.password_file)
    desk.retakectl("sync", "--until-idle")


def submit(desk, picture, failed):
    with open(desk.path("codes"), encoding="utf-8") as codes, open(desk.path("code"), "w", encoding="utf-8") as one:
        one.write(codes.readline())
    overrides = [word for check in failed for word in ("--override", f"{check}: {OVERRIDE}")]
    return desk.retakectl("retake", "submit", "--code-file", desk.path("code"), *overrides, picture)


def server_state(order, submission):
    mine = [s for s in order["submissions"] if s["id"] == submission]
    if len(mine) != 1:
        raise Failure(f"the server has the submission {len(mine)} times")
    return {"payment": order["payment"], "delivery": order["delivery"], "revision": order["revision"],
            "submission": mine[0]["state"], "delivered": mine[0]["delivered"], "submissions": len(order["submissions"])}


def run(desk, picture):
    steps = Steps()
    password = secrets.token_urlsafe(18)
    with open(os.open(desk.password_file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write(password + "\n")
    pictures, report = steps.run("make", make_photo, desk, picture)
    failed = failed_checks(report)
    steps.run("campus", desk.simulate, pictures)
    steps.run("server", desk.start_server)
    steps.run("sign_in_and_pull", sign_in, desk)
    submitted = steps.run("submit", submit, desk, picture, failed)
    steps.run("sync", desk.retakectl, "sync", "--until-idle")
    reviewer = Reviewer(desk.url, password)
    order = steps.run("review", reviewer.approve, submitted["order"], submitted["submission"])
    state = server_state(order, submitted["submission"])
    if state["delivered"] != report["delivered_sha256"]:
        raise Failure("the server holds another photo than the one that was made")
    print(json.dumps({
        "picture": picture,
        "verdict": report["verdict"],
        "failed": failed,
        "override": OVERRIDE if failed else None,
        "delivered": os.path.join(pictures, "picture.finished.jpg"),
        "certificate": os.path.join(pictures, "picture.cert.json"),
        "order": submitted["order"],
        "server_state": state,
        "ms": steps.ms,
    }, indent=2, ensure_ascii=False))
    return 0 if state["submission"] == "approved" else 1


def main():
    parser = argparse.ArgumentParser(prog="tools/run --headless", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--data", help="an empty folder to work in (default: a new temporary one, which stays)")
    parser.add_argument("picture", nargs="?", default=os.path.join(TOP, "tests/fixtures/astronaut.png"))
    options = parser.parse_args()
    if options.data:
        os.makedirs(options.data, exist_ok=True)
        if os.listdir(options.data):
            print(f"tools/run: {options.data} is not empty: name an empty folder.", file=sys.stderr)
            return 2
    folder = os.path.realpath(options.data or tempfile.mkdtemp(prefix="retake-headless-"))
    desk = Desk(os.path.realpath(options.build), folder)
    try:
        return run(desk, os.path.realpath(options.picture))
    except (Failure, OSError) as problem:
        print(f"tools/run: {problem}", file=sys.stderr)
        return 2
    finally:
        desk.stop_server()


if __name__ == "__main__":
    sys.exit(main())
