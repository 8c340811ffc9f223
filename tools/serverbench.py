# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of tools/bench-server: ROWS has a function a name, which gets the world and returns rows."""

import hashlib
import http.client
import json
import os
import re
import select
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from benchrows import TOP, NotMeasured, row as make_row

sys.path.insert(0, os.path.join(TOP, "tests/server/protocol"))

from keys import new_id  # noqa: E402
from server import POSTGRES, PROGRAM  # noqa: E402
from world import World, b64  # noqa: E402

STORAGE = "PostgreSQL" if POSTGRES else "SQLite"
BENCH_CLAIMS = os.path.join(os.path.dirname(PROGRAM), "../../tests/server/bench-claims")
# Nobody is slowed down or turned away by a limit on calls.
UNLIMITED = ("--staff-rate", "0", "--account-rate", "0", "--address-rate", "0", "--sign-in-rate", "0",
             "--new-account-rate", "0", "--max-own-sockets", "0", "--quota-files", "0", "--quota-bytes", "0")
MOST_STATIONS = 32
STATIONS = 8
COMMITS_PER_SECOND = 20
CONNECTIONS = 32
# How much is done: make_short() makes it less. "kept" is what the server keeps of pages, in bytes (CACHE_BYTES in
# rtk-server-http.c).
SIZES = {"orders": 150, "page": 100, "kept": 24 << 20, "runs": 5, "wrk_s": 1, "sockets": 500, "memory_s": 10,
         "roster": 60000, "waiting": 60000, "claim_runs": 3, "claim_s": 15}
SHORT = {"orders": 12, "page": 8, "kept": 20000, "runs": 1, "sockets": 20, "memory_s": 1, "roster": 500,
         "waiting": 4000, "claim_runs": 1, "claim_s": 2}
# Limits of the project.
LEAST_FEED = 1 / 3
LEAST_OPERATIONS = 0.5
LIMIT_CLAIM_MS = 20
LIMIT_MEMORY_MB = 200
LIMIT_SOCKET_KB = 40
# A hint waits at most for --hint-ms (250), and is then told to all.
LIMIT_HINT_MS = 500
UPLOADERS = 3
UPLOAD_BYTES = 12_000_000
MARK = re.compile(r"tps = ([0-9.]+)")

_worlds = []


def make_short():
    SIZES.update(SHORT)


def world_of(name):
    """One server for all rows but claims, which have one of their own."""
    if name == "claims":
        return None
    if not _worlds:
        world = World(graduates=SIZES["orders"], extra=UNLIMITED)
        _worlds.append(world)
        world.start_mb = memory_of(world, "VmHWM")
        world.orders = [world.paid().order for _ in range(SIZES["orders"])]
    return _worlds[0]


def close_world():
    for world in _worlds:
        world.close()
    _worlds.clear()


def row(name, *values, **more):
    return make_row(f"{name} ({STORAGE})", *values, **more)


def memory_of(world, field):
    """MB of the server's process; PostgreSQL's own processes are not in it."""
    with open(f"/proc/{world.server.process.pid}/status", encoding="ascii") as file:
        return int(re.search(field + r":\s+(\d+)", file.read())[1]) * 1024 / 1e6


def sign_in_stations(world, count):
    """Tokens of so many stations of one operator; the pages of each hold digests of its own."""
    kept, tokens = world.tokens["operator"], []
    for number in range(count):
        tokens.append(world.sign_in("operator")["access_token"])
        world.enrol("operator", f"bench {number}")
    world.tokens["operator"] = kept
    return tokens


class Wrk:
    """Asks for a list of (path, token), again and again, over connections that stay."""

    SCRIPT = """local list, n = {}, 0
init = function (args)
  for line in io.lines (args[1]) do
    local path, token = line:match ("(%S+) (%S+)")
    list[#list + 1] = wrk.format ("GET", path, {Authorization = "Bearer " .. token})
  end
end
request = function () n = n % #list + 1; return list[n] end
"""

    def __init__(self, folder, name, url, requests):
        self.script, self.list, self.url = os.path.join(folder, "wrk.lua"), os.path.join(folder, name), url
        with open(self.script, "w", encoding="ascii") as file:
            file.write(self.SCRIPT)
        with open(self.list, "w", encoding="ascii") as file:
            file.writelines(f"{path} {token}\n" for path, token in requests)

    def start(self, seconds):
        return subprocess.Popen(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "-s",
                                 self.script, self.url, "--", self.list], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    @staticmethod
    def read(process):
        """Requests a second, all of which must have been answered."""
        said = process.communicate()[0]
        found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
        if process.returncode != 0 or found is None or "Non-2xx" in said or "Socket errors" in said:
            raise NotMeasured(f"wrk said: {said}")
        return float(found[1])

    def run(self):
        return self.read(self.start(SIZES["wrk_s"]))


class Nginx:
    """Serves files, kept open, by one worker over connections that stay."""

    BESIDE = "nginx, one worker, the same bodies from files that it keeps open; the same wrk asks both in turns"

    def __init__(self, folder, bodies):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        # Its worker is another user.
        os.chmod(folder, 0o755)
        for number, body in enumerate(bodies):
            with open(os.path.join(folder, f"page-{number}"), "wb") as file:
                file.write(body)
        config = os.path.join(folder, "nginx.conf")
        paths = "".join(f"{kind}_temp_path {folder}/{kind};" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"""worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/log;
events {{ worker_connections 1024; }}
http {{ access_log off; {paths} keepalive_requests 1000000000; sendfile on; open_file_cache max=10000;
default_type application/json; server {{ listen 127.0.0.1:{port}; root {folder}; }} }}""")
        program = "/usr/sbin/nginx" if os.access("/usr/sbin/nginx", os.X_OK) else "nginx"
        self.process = subprocess.Popen([program, "-e", os.path.join(folder, "log"), "-c", config])
        self.url = f"http://127.0.0.1:{port}"
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return
            except OSError:
                time.sleep(0.02)
        self.close()
        raise NotMeasured("nginx did not start")

    def close(self):
        self.process.terminate()
        self.process.wait()


def read_page(world, token, cursor, limit):
    """The path and the body of the page after a cursor."""
    path = f"/v1/changes?limit={limit}" + (f"&since={cursor}" if cursor else "")
    return path, world.call(token, "GET", path, status=200)


def race(world, name, requests, bodies):
    """Ours and nginx's requests a second for the same list, in turns. `bodies` has a body for each path."""
    files = {path: f"/page-{number}" for number, path in enumerate(bodies)}
    with tempfile.TemporaryDirectory(prefix="retake-nginx-") as folder:
        nginx = Nginx(folder, bodies.values())
        try:
            theirs = Wrk(folder, "theirs", nginx.url, [(files[path], token) for path, token in requests])
            ours = Wrk(folder, "ours", world.server.url, requests)
            pairs = [(theirs.run(), ours.run()) for _ in range(SIZES["runs"])]
        finally:
            nginx.close()
    return row(name, statistics.median(pair[1] for pair in pairs), "1/s", statistics.median(pair[0] for pair in pairs),
               LEAST_FEED, of_ratio=True, at_least=True, beside=Nginx.BESIDE)


def feed_row(world):
    token = world.tokens["operator"]
    path, answer = read_page(world, token, None, SIZES["page"])
    name = f"feed: one page of {len(answer.json['orders'])} orders, {len(answer.body) // 1000} kB, asked for again"
    return [race(world, name, [(path, token)], {path: answer.body})]


def read_cursors(world, token, limit):
    """A full page after every order that has enough behind it, by its path."""
    orders = world.call(token, "GET", "/v1/changes?limit=500", status=200).json["orders"]
    bodies, cursor = {}, None
    for _ in range(len(orders) - limit + 1):
        path, answer = read_page(world, token, cursor, limit)
        bodies[path] = answer.body
        cursor = read_page(world, token, cursor, 1)[1].json["cursor"]
    return bodies


def missed_row(world):
    """More different pages than the server keeps, one after the other: each is read from the database."""
    bodies = read_cursors(world, world.tokens["operator"], SIZES["page"])
    each = sum(map(len, bodies.values()))
    count = int(2 * SIZES["kept"] / each) + 1
    if count > MOST_STATIONS:
        raise NotMeasured(f"the pages of {MOST_STATIONS} stations would all be kept")
    requests = [(path, token) for token in sign_in_stations(world, count) for path in bodies]
    name = f"feed: cache missed, {count} stations x {len(bodies)} cursors, {each // len(bodies) // 1000} kB"
    return [race(world, name, requests, bodies)]


class Beside:
    """Repeats a step on a thread of its own, at most so often a second, until the block is left."""

    def __init__(self, step, per_second=None):
        self.step, self.pause, self.n, self.error = step, 1 / per_second if per_second else 0, 0, None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._work)

    def _work(self):
        try:
            while not self.over.is_set():
                start = time.monotonic()
                self.step()
                self.n += 1
                self.over.wait(max(0, self.pause - (time.monotonic() - start)))
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.thread.join()
        if kind is None and self.error is not None:
            raise NotMeasured(f"a step beside it failed: {self.error}")


class Caller:
    """A plain connection; every answer must be of the expected status."""

    def __init__(self, world, token):
        self.connection = http.client.HTTPConnection(*world.server.address, timeout=120)
        self.token = token

    def send(self, method, path, body=b"", status=200, media_type="application/json", **headers):
        headers = {name.replace("_", "-"): one for name, one in headers.items()}
        self.connection.request(method, path, body, {"Authorization": "Bearer " + self.token,
                                                     "Content-Type": media_type, **headers})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status != status:
            raise NotMeasured(f"{method} {path.split('?')[0]} answered {answer.status}: {text[:200]!r}")
        return answer, text


def make_toucher(world):
    """Commits, by turns: a reviewer takes the oldest item, and gives it back."""
    caller = Caller(world, world.tokens["reviewer"])
    state = {"held": False}

    def touch():
        if state["held"]:
            caller.send("DELETE", "/v1/reviews/claim", status=204)
        else:
            caller.send("POST", "/v1/reviews/claim", b'{"count":1}')
        state["held"] = not state["held"]
    return touch


def changing_row(world):
    """The newest page of stations that follow, while commits make it another one."""
    touch = make_toucher(world)
    touch()
    touch()
    cursor = world.call("operator", "GET", "/v1/changes?limit=500", status=200).json["cursor"]
    epoch, number = cursor.rsplit(".", 1)
    path, answer = read_page(world, world.tokens["operator"], f"{epoch}.{int(number) - 1}", SIZES["page"])
    requests = [(path, token) for token in sign_in_stations(world, STATIONS)]
    with Beside(touch, COMMITS_PER_SECOND):
        done = race(world, f"feed: cache missed after {COMMITS_PER_SECOND} commits a second, {STATIONS} stations,"
                    f" {len(answer.body) / 1000:.1f} kB", requests, {path: answer.body})
    return [done]


def check_disk(folder):
    """A durable commit ends on a disk: how long it takes there, in microseconds."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True).stdout.strip()
    if kind in ("tmpfs", "ramfs"):
        raise NotMeasured(f"{folder} is memory ({kind}): no commit there is durable; set TMPDIR")
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(50):
            os.pwrite(file.fileno(), bytes(4096), 0)
            start = time.monotonic()
            os.fdatasync(file.fileno())
            times.append(time.monotonic() - start)
    return statistics.median(times) * 1e6


class RawSqlite:
    """Commits as the server's database makes them, without the server."""

    def __init__(self, world, size):
        self.text = "x" * size
        self.db = sqlite3.connect(os.path.join(world.server.folder, "bench.db"), isolation_level=None)
        mode = self.db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        self.db.execute("PRAGMA synchronous=FULL")
        if (mode, self.db.execute("PRAGMA synchronous").fetchone()[0]) != ("wal", 2):
            raise NotMeasured("raw commits would not be durable")
        self.db.execute("CREATE TABLE bench (id INTEGER PRIMARY KEY, text TEXT)")
        self.said = f"WAL and synchronous=FULL, a bare fdatasync there takes {check_disk(world.server.folder):.0f} us"

    def run(self, count):
        start = time.monotonic()
        for _ in range(count):
            self.db.execute("INSERT INTO bench (text) VALUES (?)", (self.text,))
        return count / (time.monotonic() - start)

    def close(self):
        self.db.close()


class RawPostgres:
    """The same by pgbench, over the server's own socket, in the server's database."""

    def __init__(self, world, size):
        self.tool = os.environ["RTK_TEST_POSTGRES_BIN"]
        self.name = re.search(r"@/([a-z0-9]+)", world.server.environment["RETAKE_DATABASE"])[1]
        self.where = ["-h", POSTGRES, "-U", "retake"]
        self.script = os.path.join(world.server.folder, "insert.sql")
        with open(self.script, "w", encoding="ascii") as file:
            file.write("INSERT INTO bench (text) VALUES ('" + "x" * size + "');\n")
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            if self._ask(f"SHOW {setting}") != "on":
                raise NotMeasured(f"raw commits would not be durable: {setting}")
        self._ask("CREATE TABLE IF NOT EXISTS bench (id BIGSERIAL PRIMARY KEY, text TEXT)")
        # Uncompressed, as long texts of noise are.
        self._ask("ALTER TABLE bench ALTER COLUMN text SET STORAGE EXTERNAL")
        self.said = (f"fsync, synchronous_commit and full_page_writes on, by pgbench over the same socket, a bare"
                     f" fdatasync there takes {check_disk(POSTGRES):.0f} us")

    def _ask(self, sql):
        return subprocess.run([f"{self.tool}/psql", "-q", "-X", "-A", "-t", *self.where, "-d", self.name, "-c", sql],
                              capture_output=True, text=True, check=True).stdout.strip()

    def run(self, count):
        done = subprocess.run([f"{self.tool}/pgbench", "-n", "-M", "prepared", "-c", "1", "-t", str(count), "-f",
                               self.script, *self.where, self.name], capture_output=True, text=True, check=True)
        return float(MARK.search(done.stdout)[1])

    def close(self):
        pass


class Batches:
    """Batches of one signed operation an order, each with the revision that the one before left."""

    def __init__(self, world, orders):
        kinds = {"original": "image/jpeg", "alpha": "image/png", "delivered": "image/jpeg",
                 "certificate": "application/json", "report": "application/json"}
        self.world, self.caller = world, Caller(world, world.tokens["operator"])
        self.revisions = {order: world.order(order)["revision"] for order in orders}
        self.parts = {name: world.upload("operator", kind) for name, kind in kinds.items()}

    def make(self):
        return [json.dumps(self.world.station.operation("submission.create", order, revision, {
            "submission": new_id(), **self.parts, "overrides": []})) for order, revision in self.revisions.items()]

    def send(self, batch):
        """Seconds until the batch was acknowledged; all of it must have been applied."""
        body = ('{"operations":[' + ",".join(batch) + "]}").encode()
        start = time.monotonic()
        text = self.caller.send("POST", "/v1/operations", body)[1]
        took = time.monotonic() - start
        for result in json.loads(text)["results"]:
            if result["outcome"] != "applied":
                raise NotMeasured(f"an operation was not applied: {result}")
            self.revisions[result["order"]["id"]] = result["order"]["revision"]
        return took


def operations_row(world):
    batches = Batches(world, world.orders)
    size = statistics.mean(map(len, batches.make()))
    raw = (RawPostgres if POSTGRES else RawSqlite)(world, int(size))
    # What the first run finds cold, none of the others does.
    batches.send(batches.make())
    raw.run(SIZES["orders"])
    pairs = []
    try:
        for _ in range(SIZES["runs"]):
            theirs = raw.run(2 * SIZES["orders"])
            pairs.append((theirs, SIZES["orders"] / batches.send(batches.make())))
    finally:
        raw.close()
    return [row(f"operations, one durable commit for {SIZES['orders']} of {size:.0f} bytes",
                statistics.median(pair[1] for pair in pairs), "1/s", statistics.median(pair[0] for pair in pairs),
                LEAST_OPERATIONS, of_ratio=True, at_least=True,
                beside=f"raw commits: {STORAGE} by itself, one connection, each INSERT of {size:.0f} bytes a durable"
                f" commit of its own, on the same disk: {raw.said}")]


def open_sockets(world):
    request = (f"GET /v1/live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {b64(bytes(16))}\r\n"
               f"Authorization: Bearer {world.tokens['operator']}\r\n\r\n").encode()
    sockets = []
    for _ in range(SIZES["sockets"]):
        one = socket.create_connection(world.server.address, timeout=60)
        sockets.append(one)
        one.sendall(request)
    for one in sockets:
        said = b""
        # The first hint says that it is open.
        while b"cursor" not in said:
            more = one.recv(4096)
            if not more or (b"\r\n" in said and b" 101 " not in said):
                raise NotMeasured(f"a WebSocket was refused: {said[:100]!r}")
            said += more
    return sockets


def wait_for_hints(sockets):
    """Until each has said something."""
    poll = select.poll()
    by_number = {one.fileno(): one for one in sockets}
    for number in by_number:
        poll.register(number, select.POLLIN)
    while by_number:
        ready = poll.poll(30000)
        if not ready:
            raise NotMeasured(f"{len(by_number)} WebSockets were not told of a commit")
        for number, _ in ready:
            poll.unregister(number)
            if not by_number.pop(number).recv(65536):
                raise NotMeasured("a WebSocket was closed")


def sockets_row(world):
    touch, calls, hints = make_toucher(world), [], []
    touch()
    touch()
    before = memory_of(world, "VmRSS")
    sockets = open_sockets(world)
    try:
        each = (memory_of(world, "VmRSS") - before) * 1000 / SIZES["sockets"]
        for _ in range(2 * SIZES["runs"]):
            start = time.monotonic()
            touch()
            calls.append(time.monotonic() - start)
            wait_for_hints(sockets)
            hints.append(time.monotonic() - start)
    finally:
        for one in sockets:
            one.close()
    return [row(f"memory of one of {SIZES['sockets']} idle WebSockets", max(each, 0.1), "kB", 1, LIMIT_SOCKET_KB,
                beside="1 kB"),
            row(f"all {SIZES['sockets']} WebSockets told of a commit", statistics.median(hints) * 1000, "ms",
                statistics.median(calls) * 1000, LIMIT_HINT_MS, beside="the call that commits")]


def make_uploader(world, token):
    """Sends photos nobody sent before, each in one part."""
    caller = Caller(world, token)

    def upload():
        data = b"\xff\xd8\xff" + os.urandom(UPLOAD_BYTES)
        metadata = f"sha256 {b64(hashlib.sha256(data).hexdigest())},type {b64('image/jpeg')}"
        made, _ = caller.send("POST", "/v1/uploads", status=201, Tus_Resumable="1.0.0", Upload_Length=str(len(data)),
                              Upload_Metadata=metadata)
        caller.send("PATCH", made.getheader("Location"), data, 204, "application/offset+octet-stream",
                    Tus_Resumable="1.0.0", Upload_Offset="0")
    return upload


def make_importer(world):
    """Rosters of graduates nobody knows yet."""
    caller, numbers = Caller(world, world.tokens["supervisor"]), iter(range(100))

    def import_roster():
        kind = next(numbers)
        lines = ["school,batch,name,number,code\n"]
        lines += [f"某大学,roster {kind},欧阳小红,32019{kind:02}{index:011},\n" for index in range(SIZES["roster"])]
        caller.send("POST", "/v1/roster", "".join(lines).encode(), media_type="text/csv; charset=utf-8")
    return import_roster


def memory_row(world):
    """The most the process ever held: feeds, operations, claims, uploads and imports at once."""
    bodies = read_cursors(world, world.tokens["operator"], SIZES["page"])
    tokens = sign_in_stations(world, 2 + UPLOADERS)
    batches = Batches(world, world.orders)
    steps = [Beside(make_uploader(world, token)) for token in tokens[2:]]
    steps += [Beside(lambda: batches.send(batches.make())), Beside(make_importer(world)),
              Beside(make_toucher(world), COMMITS_PER_SECOND)]
    with tempfile.TemporaryDirectory(prefix="retake-wrk-") as folder:
        wrk = Wrk(folder, "ours", world.server.url, [(path, token) for token in tokens[:2] for path in bodies])
        pages = wrk.start(SIZES["memory_s"])
        try:
            for step in steps:
                step.__enter__()
            rate = wrk.read(pages)
        finally:
            pages.kill()
            for step in steps:
                step.over.set()
            for step in steps:
                step.thread.join()
    for step in steps:
        step.__exit__(None)
    done = [step.n for step in steps]
    if 0 in (sum(done[:UPLOADERS]), *done[UPLOADERS:]):
        raise NotMeasured("it was over before all of the load was there")
    load = (f"{sum(done[:UPLOADERS])} uploads of {UPLOAD_BYTES // 1_000_000} MB, {done[UPLOADERS + 1]} imports of"
            f" {SIZES['roster']}, {done[UPLOADERS]} batches of operations, {rate:.0f} pages a second")
    return [row("most memory (VmHWM) beside uploads and roster imports", memory_of(world, "VmHWM"), "MB",
                world.start_mb, LIMIT_MEMORY_MB, beside=f"the server's process after its start; the load: {load}")]


def claim_rows(_world):
    if not os.access(BENCH_CLAIMS, os.X_OK):
        raise NotMeasured("tests/server/bench-claims was not built")
    done = subprocess.run([BENCH_CLAIMS, "--waiting", str(SIZES["waiting"]), "--runs", str(SIZES["claim_runs"]),
                           "--seconds", str(SIZES["claim_s"])], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NotMeasured(f"bench-claims ended with {done.returncode}: {done.stderr.strip()[-200:]}")
    said = json.loads(done.stdout)

    def median_of(kind):
        return statistics.median(run[kind]["p99_ms"] for run in said["runs"])
    names = {"claim": "", "claim_school": ", filter school", "claim_batch": ", filter batch",
             "claim_engine": ", filter verdict"}
    title = f"claim p99, {said['reviewers']} reviewers, {said['waiting']} waiting"
    rows = [row(title + more, median_of(kind), "ms", median_of("renew"), LIMIT_CLAIM_MS,
                beside="p99 of the smallest call that writes (a renewal), by the same reviewers beside their claims")
            for kind, more in names.items()]
    rows.append(row(f"most memory (VmHWM) beside {said['waiting']} waiting", said["memory_mb"], "MB", 1, LIMIT_MEMORY_MB,
                    beside="1 MB"))
    return rows


ROWS = {"feed": feed_row, "feed-missed": missed_row, "feed-changing": changing_row, "operations": operations_row,
        "sockets": sockets_row, "memory": memory_row, "claims": claim_rows}
