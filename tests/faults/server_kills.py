# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of a server, or the end of its database, under load, again and again; then everything that was
acknowledged is looked for."""

import os
import random
import signal
import sqlite3
import subprocess
import time

from server_load import PATIENCE, Crowd, Person

from server import POSTGRES, Server  # pylint: disable=wrong-import-order

# Kills between two looks at everything.
KILLS = 10


class Victim(Server):
    """A server that is killed and started again."""

    def __init__(self, graduates):
        self.graduates = graduates
        super().__init__(graduates, extra=("--hold-seconds", "1"))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        self.process.stderr.close()

    def query(self, sql):
        """Rows as tuples of text."""
        if POSTGRES is None:
            with sqlite3.connect(f"file:{self.data}/server.db?mode=ro", uri=True) as connection:
                return [tuple(map(str, row)) for row in connection.execute(sql)]
        psql = os.path.join(os.environ["RTK_TEST_POSTGRES_BIN"], "psql")
        done = subprocess.run([psql, "-X", "-At", "-F", "\t", "-d", self.environment["RETAKE_DATABASE"], "-c", sql],
                              capture_output=True, text=True, check=True)
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


def _check_orders(crowd, looker):
    ledger = crowd.ledger
    token = looker.sign_in("supervisor")
    for order, wanted in ledger.submissions.items():
        status, _, found = looker.call("GET", f"/v1/orders/{order}", token=token, wanted=(200, 404))
        if status == 404:
            ledger.find("lost", "an order")
            continue
        ids = [submission["id"] for submission in found["submissions"]]
        if wanted - set(ids):
            ledger.find("lost", f"{len(wanted - set(ids))} submissions of an order")
        if len(ids) != len(set(ids)) or set(ids) - wanted:
            ledger.find("duplicated", f"{len(ids) - len(wanted)} submissions of an order nobody made twice")
        if order in ledger.paid and found["payment"] in ("unpaid", "closed"):
            ledger.find("lost", "a payment")
        if crowd.follower.revisions.get(order) != found["revision"]:
            ledger.find("lost", "the last change of an order in the feed")
        for submission in found["submissions"]:
            verdict = ledger.verdicts.get(submission["id"])
            if verdict is not None and submission["state"] not in (verdict, "superseded"):
                ledger.find("lost", f"a verdict: {verdict}, then {submission['state']}")
    for name, size in ledger.photos.items():
        status, _, data = looker.call("HEAD", f"/v1/photos/{name}", token=token, wanted=(200, 404))
        if status == 404 or _size(looker, data, name) != size:
            ledger.find("lost", "a photo")


def _size(looker, data, name):
    """Of the file itself: a HEAD has no body."""
    path = os.path.join(looker.server.data, "photos", name[:2], name)
    return os.path.getsize(path) if os.path.exists(path) else -1


def _check_rows(crowd, server):
    ledger = crowd.ledger
    for action, target, count in server.query(
            "SELECT action, target, count(*) FROM audit WHERE action IN ('submission.create', 'payment.paid',"
            " 'payment.refunded', 'payment.refund_due') GROUP BY action, target HAVING count(*) > 1"):
        ledger.find("duplicated", f"{action} of {target} {count} times")
    for (count,) in server.query("SELECT count(*) FROM changes c LEFT JOIN orders o ON o.id = c.order_id"
                                 " WHERE o.id IS NULL"):
        if count != "0":
            ledger.find("lost", f"{count} orders of the feed")
    orders = int(server.query("SELECT count(*) FROM orders")[0][0])
    if orders != len(ledger.submissions):
        ledger.find("lost" if orders < len(ledger.submissions) else "duplicated", f"{orders} orders")
    try:
        server.command("audit", "verify")
    except AssertionError as error:
        ledger.find("lost", f"the audit log: {error}")


def _kill_server(server, chance):
    server.kill()
    time.sleep(chance.choice((0, 0, 0.05)))
    server.start()


def _end_database(server, chance):
    """Like by a crash; whoever keeps the cluster up starts it again. The server is not touched."""
    with open(os.path.join(POSTGRES, "data", "postmaster.pid"), encoding="ascii") as file:
        number = int(file.readline())
    os.kill(number, chance.choice((signal.SIGQUIT, signal.SIGINT)))
    until = time.monotonic() + PATIENCE
    while True:
        try:
            if server.query("SELECT 1") and os.path.exists(os.path.join(POSTGRES, "data", "postmaster.pid")):
                with open(os.path.join(POSTGRES, "data", "postmaster.pid"), encoding="ascii") as file:
                    if int(file.readline()) != number:
                        return
        except (OSError, ValueError, subprocess.CalledProcessError):
            pass
        if time.monotonic() > until:
            raise AssertionError("the database does not come back")
        time.sleep(0.02)


def _one_fault(server, crowd, chance, strike):
    """Lets them work for a moment, strikes, and waits until each has got somewhere."""
    time.sleep(chance.uniform(0.01, 0.5))
    strike(server, chance)
    before = {person: person.steps for person in crowd.people if person.is_alive()}
    until = time.monotonic() + PATIENCE
    for person, steps in before.items():
        while person.is_alive() and person.steps == steps and not person.ending.is_set():
            if time.monotonic() > until:
                crowd.ledger.find("stuck", f"{person.name} got no answer after a start")
                return
            time.sleep(0.005)


def run(kills, seed, say, kind):
    """Strikes `kills` times; returns what was found: lost, duplicated, stuck, and how much was acknowledged."""
    strike = _end_database if kind.startswith("database") else _kill_server
    found = {"runs": 0, "lost": 0, "duplicated": 0, "stuck": 0, "acknowledged": 0}
    while found["runs"] < kills:
        number = f"{seed}.{found['runs'] // KILLS}"
        chance = random.Random(number)
        server = Victim(400)
        try:
            server.start()
            crowd = Crowd(server, number)
            crowd.start()
            for _ in range(min(KILLS, kills - found["runs"])):
                _one_fault(server, crowd, chance, strike)
                found["runs"] += 1
            crowd.end()
            looker = Person(crowd.ledger, server, "the check", 0)
            crowd.follower.ending.clear()
            while crowd.follower.read():
                pass
            _check_orders(crowd, looker)
            server.stop()
            _check_rows(crowd, server)
            for line in server.check_log():
                crowd.ledger.find("stuck", line)
        finally:
            server.close()
        found["acknowledged"] += crowd.ledger.acknowledged
        for kind, lines in crowd.ledger.faults.items():
            found[kind] += len(lines)
            for line in lines[:20]:
                say(f"{kind} (seed {number}): {line}")
        say(f"{found['runs']} kills, {found['acknowledged']} acknowledgements, seed {number}")
    return found
