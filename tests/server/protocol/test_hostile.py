#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends the server what nobody should: from each route's schema, and beside HTTP.

Every answer is a 4xx with a problem document of docs/openapi.yaml, or, where HTTP itself is broken, a closed
connection. At the end the server stands, its audit log and database hold, and it did not grow.

  test_hostile.py [--seed N] [--seconds N]    tools/fuzz --server runs it for longer
"""

import json
import os
import random
import re
import sqlite3
import sys
import threading
import time
import urllib.parse

from client import Client, Undocumented, parse_json
from document import TOP
from keys import new_id
from mutate import CANARY, TEXTS, Generator, any_value, garble, mutate, nested
from raw import Raw
from server import POSTGRES
from tap import expect, nothing, run
from test_protocol import callers, scenes, taken, world

JSON = "application/json"
MOST_MB = 200
SHAPE = {"bad-json", "unknown-member", "missing-member", "media-type"}


def option(name, fallback):
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else fallback


seed = option("--seed", 20260101)
# Six cases go on for a share of --seconds.
share = option("--seconds", 0) / 6
rng = random.Random(seed)


def rounds(count):
    """So many rounds, and more until this case's share of --seconds is over."""
    done, end_at = 0, time.monotonic() + share
    while done < count or time.monotonic() < end_at:
        yield done
        done += 1


def titles():
    """Every sentence in the sources: a title that is not one of them was put together from something."""
    text = ""
    folder = os.path.join(TOP, "src/server")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text += re.sub(r'"\s*\n\s*"', "", file.read())
    return set(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text))


KNOWN_TITLES = titles()


def judge(about, answer, wrong, allowed=None):
    """What must hold for every answer to anything."""
    if answer.status >= 500 and answer.status not in (503, 507) and answer.status not in (allowed or ()):
        wrong.append(f"{about}: {answer.status}")
    if answer.status >= 400 and answer.body:
        text = answer.body.decode("utf-8", "replace")
        if isinstance(answer.json, dict):
            # The documented members beside these are the two sides of a conflict.
            text = json.dumps([answer.json.get(name) for name in ("type", "title", "status", "detail", "instance")])
        if CANARY in text:
            wrong.append(f"{about}: repeats what was sent: {text[:300]}")
        if isinstance(answer.json, dict) and answer.json.get("title") not in KNOWN_TITLES:
            wrong.append(f"{about}: a title that is in no source")
    if allowed is not None and answer.status not in allowed:
        wrong.append(f"{about}: {answer.status} {answer.problem} instead of {sorted(allowed)}")


def send(about, wrong, *request, allowed=None, **more):
    try:
        answer = world.client.request(*request, **more)
    except Undocumented as error:
        wrong.append(f"{about}: {error}")
        return None
    except OSError as error:
        wrong.append(f"{about}: no answer ({error})")
        return None
    judge(about, answer, wrong, allowed)
    return answer


def prepare():
    """All scenes once: things exist, and for every operation there is a request that was good."""
    for _, scene in scenes():
        scene(world)
    # What is sent from here on may be a word of any sentence; CANARY is looked for instead.
    world.client.secrets.is_on = False
    world.client.secrets.words.clear()
    world.client.secrets.is_on = False
    world.client.secrets.words.clear()


def known_ids():
    """Ids and hashes of things that exist, from the requests that were good."""
    text = " ".join(f"{path} {body.decode('utf-8', 'replace') if body and len(body) < 5000 else ''}"
                    for path, _, body in world.client.taken.values())
    ids = set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text))
    return sorted(ids), sorted(set(re.findall(r"\b[0-9a-f]{64}\b", text)))


def is_slow(one):
    """Passwords are hashed there: fewer rounds."""
    return one.is_public and one.body_schema is not None and b'"password"' in (taken(one)[2] or b"")


def ends_sessions(one):
    return one.name == "DELETE /v1/session"


def token_for(one, tokens):
    """Of somebody who may; a password that is changed is that of an account nobody needs again."""
    if one.path == "/v1/session/password":
        return tokens["account"]
    return None if one.is_public else tokens["supervisor" if "supervisor" in one.who else one.who[0]]


def with_bodies():
    return [one for one in world.document.operations if one.body_schema is not None]


def test_bodies_from_schema():
    """What fits the schema is never refused for its shape; what does not fit is refused."""
    wrong, tokens = [], callers()
    for turn in rounds(25):
        ids, hashes = known_ids()
        generator = Generator(world.document, rng, ids, hashes)
        for one in with_bodies():
            if is_slow(one) and turn % 8:
                continue
            path, headers, good = taken(one)
            value = generator.make(one.body_schema)
            about = f"{one}, made from the schema, round {turn}"
            fits = world.document.allows(one.body_schema, value)
            answer = send(about, wrong, one.method, path, value, token=token_for(one, tokens),
                          headers={name: text for name, text in headers.items() if name != "Content-Type"})
            if answer is not None and fits and answer.problem in SHAPE:
                wrong.append(f"{about}: {answer.problem} for {json.dumps(value)[:300]}")
            if good:
                value = json.loads(good)
                for _ in range(rng.choice([1, 1, 2, 3])):
                    value = mutate(rng, value)
                about = f"{one}, changed, round {turn}"
                answer = send(about, wrong, one.method, path, value, token=token_for(one, tokens),
                              headers={name: text for name, text in headers.items() if name != "Content-Type"})
                if answer is not None and answer.status < 400 and not world.document.allows(one.body_schema, value):
                    wrong.append(f"{about}: {answer.status} for what the schema forbids: {json.dumps(value)[:300]}")
        if len(wrong) > 40:
            break
    nothing(wrong)


def test_garbled_bodies():
    """JSON that is none, and other types."""
    wrong, tokens = [], callers()
    for turn in rounds(12):
        for one in with_bodies():
            if is_slow(one) and turn % 6:
                continue
            path, headers, good = taken(one)
            headers = {name: text for name, text in headers.items() if name != "Content-Type"}
            data = garble(rng, good or b"{}")
            try:
                value = parse_json(data)
                fits = world.document.allows(one.body_schema, value)
            except (ValueError, RecursionError):
                fits = False
            answer = send(f"{one}, garbled, round {turn}", wrong, one.method, path, data,
                          token=token_for(one, tokens), headers=headers, media_type=JSON)
            if answer is not None and answer.status < 400 and not fits:
                wrong.append(f"{one}, garbled, round {turn}: {answer.status} for {data[:200]!r}")
        if len(wrong) > 40:
            break
    nothing(wrong)


def test_deep_and_large():
    """Nesting, and bodies beyond every limit."""
    wrong, tokens = [], callers()
    for one in with_bodies():
        path, headers, _ = taken(one)
        headers = {name: text for name, text in headers.items() if name != "Content-Type"}
        for data in (nested(33).encode(), nested(2000).encode(), b'{"a":' + b"[" * 8000, b"{" * 16000,
                     b'{"a":"' + b"\\u0041" * 2500 + b'"}', b"[" + b"1," * 5000 + b"1]"):
            send(f"{one}, {data[:12]!r}...", wrong, one.method, path, data, token=token_for(one, tokens),
                 headers=headers, media_type=JSON, allowed={400, 422})
        many = json.dumps({f"m{index}": index for index in range(1000)}).encode()
        send(f"{one}, many members", wrong, one.method, path, many, token=token_for(one, tokens), headers=headers,
             media_type=JSON, allowed={422})
    one = next(one for one in with_bodies() if not one.is_public and "account" not in one.who)
    send("five megabytes", wrong, one.method, taken(one)[0], b'{"a":"' + b"x" * 5000000 + b'"}',
         token=token_for(one, tokens), media_type=JSON, allowed={413})
    nothing(wrong)


def test_paths():
    """Path tricks lead nowhere, and never out of the folder."""
    wrong = []
    paths = ["//", "/..", "/../", "//v1/changes", "/v1//changes", "/v1/changes/",
             "/%2e%2e/%2e%2e/etc/passwd", "/v1/photos/..%2f..%2fserver.key", "/v1/photos/%00", "/%00", "/%", "/%zz", "/%ff%fe",
             "/v1/photos/" + "a" * 63 + "%00", "/v1/orders/%2e%2e%2f%2e%2e", "/v1%2fchanges", "/v1/changes%3fsince=", "/v1/changes;a=b",
             "/" + "a" * 4000, "/" + "a/" * 2000, "/" + "%61" * 1000, "/v1/orders/" + "0" * 36, "/v1/orders/" + new_id().upper(),
             "/v1/photos/" + "A" * 64, "/v1/uploads/" + new_id() + "/..", "/.git/config", "/server.key", "/data/server.db",
             "/v1/orders/" + urllib.parse.quote(new_id() + "' OR '1'='1"), "/v1/orders/" + urllib.parse.quote("\u202e王")]
    for path in paths:
        raw_request(f"path {path[:60]}", wrong, "GET", path, {400, 404})
    # Dots are taken out of a path before it is looked at, as RFC 3986 has it: no more comes of it than of the path itself.
    for path in ("/v1/../healthz", "/v1/./changes", "/x/../v1/changes", "/v1/orders/../changes"):
        raw_request(f"path {path}", wrong, "GET", path, {200, 404})
    for one in world.document.operations:
        if not one.names or ends_sessions(one):
            continue
        for text in ("", ".", "..", "*", "%2a", "0", "null", "%00", "a" * 300, new_id() + "%0a", "%20" + new_id(), new_id() + "."):
            path = one.fill(**{name: text for name in one.names})
            if world.document.find(one.method, path) is None or text:
                with_known = {200, 201, 204} if world.document.find(one.method, path) not in (None, one) else set()
                raw_request(f"{one.method} {path[:80]}", wrong, one.method, path, {400, 404, 405, 415, 422} | with_known)
    nothing(wrong)


def raw_request(about, wrong, method, path, allowed, headers=(), body=b""):
    """A request that the client's checks cannot know: only what must hold for all answers is checked."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {world.tokens['supervisor']}",
             f"Content-Length: {len(body)}", *headers, "", ""]
    with Raw(world.server.address) as raw:
        raw.send("\r\n".join(lines).encode("utf-8", "surrogateescape") + body)
        answer = raw.read(method == "HEAD")
    if answer is None:
        return
    if method != "HEAD":
        read_problem(about, answer, wrong)
    judge(about, answer, wrong, allowed)


def read_problem(about, answer, wrong):
    """A problem document; where the request line, a header or the target is not HTTP's, there may be no body."""
    is_broken_http = answer.status in (400, 501, 505) or " *" in about
    if answer.body and (answer.get("content-type") or "").endswith("json"):
        answer.json = parse_json(answer.body)
    elif answer.body or answer.status >= 400 and not is_broken_http:
        wrong.append(f"{about}: {answer.status} without a problem document")


def test_queries():
    """Query tricks at every route that takes one, and at those that do not."""
    wrong, tokens = [], callers()
    for one in world.document.operations:
        if one.method != "GET":
            continue
        path = taken(one)[0].split("?")[0]
        names = [parameter["name"] for parameter in one.parameters if parameter["in"] == "query"]
        queries = ["", "&&&", "=", "a", "%00=%00", "a=" + "b" * 3000, "&".join(["a=b"] * 500), "a[]=1&a[]=2", "\u202e="]
        for name in names:
            queries += [f"{name}={urllib.parse.quote(text[:500], safe='')}" for text in TEXTS]
            queries += [f"{name}", f"{name}=", f"{name}=1&{name}=2", f"{name}[]=1", f"{name}=%00", f"{name}=%ff", f"{name}=-0", f"{name}=+1", f"{name}=1.0", f"{name}=0x10", f"{name}=%31"]
        for query in queries:
            send(f"{one}?{query[:40]}", wrong, one.method, f"{path}?{urllib.parse.quote(query, safe='&=%[]+')}",
                 token=token_for(one, tokens))
    nothing(wrong)


def test_headers():
    """Header tricks: 4xx, or the connection ends."""
    wrong = []
    good = world.tokens["supervisor"]
    for value in ("", "Bearer", "Bearer ", "bearer " + good[:-1], "Basic Og==", "Bearer " + "x" * 8000, "Bearer \xff", good,
                  f"Bearer {good} {good}", f"Bearer {good},{good}", "Bearer ' OR 1=1 --", "Bearer " + good.swapcase()):
        send(f"authorization {value[:20]!r}", wrong, "GET", "/v1/changes", headers={"Authorization": value}, allowed={400, 401, 431})
    upload = {"Tus-Resumable": "1.0.0", "Upload-Length": "10", "Upload-Metadata": "sha256 " + "YQ==" + ",type " + "YQ=="}
    for name, values in {"Upload-Length": ["", "-1", "x", "1e3", "0x10", "9" * 30, "1 2", " "],
                         "Upload-Metadata": ["", ",", "sha256", "sha256 !!!", "sha256 " + "QUFB" * 2000, "type aW1hZ2UvanBlZw==",
                                             "sha256 AA==,sha256 AA==", CANARY, "\xff"],
                         "Tus-Resumable": ["", "2", "1.0.0.0", CANARY]}.items():
        for value in values:
            send(f"{name}: {value[:20]!r}", wrong, "POST", "/v1/uploads", token=good, headers={**upload, name: value},
                 allowed={400, 412, 413, 431})
    basic = f"GET /v1/changes?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {good}\r\n".encode()
    for about, data, allowed in [
            ("a thousand headers", b"".join(b"X-A%d: b\r\n" % index for index in range(1000)), {200, 400, 431}),
            ("a header of a megabyte", b"X-A: " + b"b" * 1000000 + b"\r\n", {400, 413, 431}),
            ("a header without colon", b"nonsense\r\n", {200, 400}),
            ("a zero in a header", b"X-A: a\0b\r\n", {200, 400}),
            ("an empty name", b": a\r\n", {200, 400}),
            ("a space before the colon", b"X-A : a\r\n", {200, 400}),
            ("folded lines", b"X-A: a\r\n b\r\n", {200, 400}),
            ("a bare line feed", b"X-A: a\nX-B: b\r\n", {200, 400}),
            ("two sessions", f"Authorization: Bearer {'x' * 43}\r\n".encode(), {200, 400, 401}),
            ("two hosts", b"Host: y\r\n", {200, 400}),
            ("two lengths", b"Content-Length: 0\r\nContent-Length: 5\r\n", {200, 400}),
            ("a length and chunks", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", {200, 400}),
            ("a length that is none", b"Content-Length: abc\r\n", {200, 400}),
            ("a negative length", b"Content-Length: -5\r\n", {200, 400}),
            ("another encoding", b"Transfer-Encoding: gzip\r\n", {200, 400, 501}),
            ("an upgrade", b"Connection: Upgrade\r\nUpgrade: h2c\r\n", {200, 400, 426})]:
        exchange(about, basic + data + b"\r\n" + b"0\r\n\r\n" * (b"chunked" in data), wrong, allowed)
    nothing(wrong)


def exchange(about, data, wrong, allowed, patience=10, close=True):
    """Sends bytes and then nothing more; an answer of `allowed`, or a closed connection."""
    with Raw(world.server.address, patience) as raw:
        raw.send(data)
        if close:
            try:
                raw.socket.shutdown(1)
            except OSError:
                pass
        try:
            answer = raw.read()
        except (TimeoutError, ValueError, IndexError) as error:
            wrong.append(f"{about}: {type(error).__name__}")
            return None
    if answer is not None:
        read_problem(about, answer, wrong)
        judge(about, answer, wrong, allowed)
    return answer


def test_broken_http():
    """What is not HTTP gets a 4xx or is hung up on."""
    wrong = []
    for data in (b"\r\n\r\n", b"\0" * 100, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200, b"GET\r\n\r\n", b"GET / \r\n\r\n",
                 b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET http://other/healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"G\xffT / HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"A" * 100000, b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\n\r\n", b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /healthz\r\n\r\n", b"GET /healthz HTTP/1.0\r\n\r\n", b"\n\nGET /healthz HTTP/1.1\nHost: x\n\n",
                 b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                 b"POST /v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
                 b"POST /v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
                 b"POST /v1/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                 b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{",
                 b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}{}{}{}"):
        exchange(f"bytes {data[:40]!r}", data, wrong, {200, 400, 404, 405, 413, 414, 415, 422, 431, 501, 505})
    for _ in rounds(40):
        data = garble(rng, b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
        exchange(f"garbled {data!r}", data, wrong, {200, 400, 404, 405, 413, 414, 415, 422, 431, 501, 505})
    nothing(wrong)


def test_connections():
    """Pipelined, chunked, and Expect: 100-continue requests are answered in order; lies about lengths hurt nobody."""
    token = world.tokens["supervisor"]
    one = f"GET /v1/changes?limit=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    bad = b"GET /v1/nothing HTTP/1.1\r\nHost: x\r\n\r\n"
    with Raw(world.server.address) as raw:
        raw.send(one + bad + one + bad)
        expect([raw.read().status for _ in range(4)] == [200, 404, 200, 404], "pipelined")
    body = json.dumps({"user": "operator", "password": "wrong"}).encode()
    head = b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with Raw(world.server.address) as raw:
        raw.send(head + b"Transfer-Encoding: chunked\r\n\r\n")
        for byte in body:
            raw.send(b"1\r\n" + bytes([byte]) + b"\r\n")
        raw.send(b"0\r\n\r\n")
        expect(raw.read().status == 401, "chunked")
        raw.send(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        expect(raw.read().status == 100, "100-continue")
        raw.send(body)
        expect(raw.read().status == 401, "after 100-continue")
    # Too large by its length: refused although nothing is sent.
    with Raw(world.server.address) as raw:
        raw.send(head + b"Expect: 100-continue\r\nContent-Length: 90000000\r\n\r\n")
        answer = raw.read()
        expect(answer is None or answer.status in (413, 417), "a large body is announced", answer and answer.status)
    # More than was announced is another request, and not a good one.
    with Raw(world.server.address) as raw:
        raw.send(head + b"Content-Length: 2\r\n\r\n{}garbage\r\n\r\n")
        expect(raw.read().status == 422, "less than was sent")
        answer = raw.read()
        expect(answer is None or 400 <= answer.status < 500, "the rest")


def trickle(address, head, data, ended, index):
    """A byte every fifth of a second, until the server hangs up."""
    began = time.monotonic()
    with Raw(address, 20) as raw:
        raw.send(head)
        raw.socket.settimeout(0.2)
        for byte in data:
            if not raw.send(bytes([byte])):
                break
            try:
                if not raw.socket.recv(1000):
                    break
            except TimeoutError:
                continue
            except ConnectionResetError:
                break
            break
        else:
            return
    ended[index] = time.monotonic() - began


def test_slow_senders():
    """Who sends a byte now and then is hung up on, and keeps nobody waiting."""
    head = b"POST /v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    kinds = [(b"", b"G" * 200), (b"GET /healthz HTTP/1.1\r\n", b"X: " + b"a" * 200), (head, b"{" * 500)]
    ended = {}
    with world.another_server(extra=("--idle-seconds", "1")) as client:
        threads = [threading.Thread(target=trickle, args=(client.address, *kinds[index % 3], ended, index)) for index in range(9)]
        for thread in threads:
            thread.start()
        expect(client.request("GET", "/healthz").status == 200)
        expect(any(thread.is_alive() for thread in threads), "others wait until the last of them is gone")
        for thread in threads:
            thread.join()
    slowest = [ended.get(index) for index in range(9)]
    expect(all(one is not None for one in slowest), "the server never hung up", slowest)


def test_roster_files():
    """Files of the roster that are none: refused with the lines that are off, which repeat nothing."""
    wrong = []
    good = "school,batch,name,number,code\n" + "".join(f"示例大学,2026,王小明,32019919990101{n:04},TESTCODE9{n:07}\n" for n in range(5))
    files = [b"", b"\n" * 1000, b"\0" * 100, b"\xff\xfe" + good.encode("utf-16-le"), good.encode("utf-16-be"), b"a" * 100000, b"," * 100000,
             b"school,batch,name,number\n" + b"a,b,c,1\n" * 5000, b"school,school,school,number\na,b,c,1\n", b'"' * 1001,
             ("school,batch,name,number\n" + ",".join(["x" * 70000] * 4)).encode(), good.replace(",", ";").encode(), good.encode() + b"\x80\x80"]
    files += [("school,batch,name,number,code\n" + ",".join(rng.choices(TEXTS, k=5))).encode("utf-8", "surrogatepass") for _ in range(40)]

    def take(data):
        send(f"roster {data[:60]!r}", wrong, "POST", "/v1/roster", data, token=world.tokens["supervisor"],
             media_type="text/csv; charset=utf-8", allowed={200, 413, 415, 422})

    for data in files:
        take(data)
    for _ in rounds(60):
        take(garble(rng, good.encode(rng.choice(["utf-8", "gb18030"]))))
    nothing(wrong)


def test_replays():
    """Signed operations again, out of order, changed and mixed: what was done is done once, and all of it holds together."""
    world.sign_in("operator")
    world.station = world.enrol("operator")
    wrong = []
    graduates = [world.reviewed("rejected") for _ in range(3)]
    operations = [world.retake(graduate.order) for graduate in graduates for _ in range(2)]
    answers = {}
    for _ in rounds(8):
        batch = rng.sample(operations, rng.randint(1, len(operations))) + rng.choices(operations, k=2)
        rng.shuffle(batch)
        if rng.random() < 0.5:
            index = rng.randrange(len(batch))
            batch[index] = mutate(rng, batch[index])
        answer = send("a batch", wrong, "POST", "/v1/operations", {"operations": batch}, token=world.tokens["operator"],
                      allowed={200, 400, 413, 422})
        if answer is None or answer.status != 200:
            continue
        for sent, result in zip(batch, answer.json["results"]):
            if sent in operations and result["outcome"] in ("applied", "conflict", "refused"):
                if answers.setdefault(sent["id"], result["outcome"]) != result["outcome"]:
                    wrong.append(f"{answers[sent['id']]} became {result['outcome']}")
    nothing(wrong)
    for graduate in graduates:
        order = world.order(graduate.order)
        ids = [submission["id"] for submission in order["submissions"]]
        expect(len(set(ids)) == len(ids), "a submission stands twice")


def test_reordered():
    """All that was good once, again, in any order and from several callers at a time."""
    world.sign_in("operator")
    world.station = world.enrol("operator")
    tokens = callers()
    wrong, requests = [], []
    for one in world.document.operations:
        if one.name in world.client.taken and not is_slow(one) and not ends_sessions(one) and "staff/{id}" not in one.path:
            requests.append((one, *taken(one)))

    def go(own):
        client = Client(world.document, world.server.address)
        for one, path, headers, body in own:
            role = one.who[0] if one.who[0] not in tokens else rng.choice(one.who)
            try:
                answer = client.request(one.method, path, body, token=None if one.is_public else tokens[role], headers=headers)
                judge(f"{one}, again", answer, wrong)
            except (Undocumented, OSError) as error:
                wrong.append(f"{one}, again: {error}")
        client.close()

    for _ in rounds(1):
        threads = [threading.Thread(target=go, args=(rng.sample(requests, len(requests)),)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    nothing(wrong)


def test_many_large_bodies():
    """Many uploads at a time do not fill the memory."""
    begun = []
    token = world.tokens["operator"]
    try:
        for _ in range(30):
            raw = Raw(world.server.address)
            raw.send(f"PATCH /v1/uploads/{new_id()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\n"
                     "Upload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: 60000000\r\n\r\n".encode())
            begun.append(raw)
        block = b"\xff" * 1000000
        for _ in range(8):
            for raw in begun:
                raw.socket.settimeout(5)
                try:
                    raw.send(block)
                except TimeoutError:
                    pass
        world.call(None, "GET", "/healthz", status=200)
    finally:
        for raw in begun:
            raw.socket.close()


def test_afterwards():
    """The server stands; nothing leaked; audit log and database hold; it did not grow."""
    world.client.request("GET", "/healthz", status=200)
    expect(world.server.is_alive(), "the server ended")
    used = world.server.memory_mb()
    world.client.close()
    world.server.stop()
    is_sanitized = b"__asan_init" in open(os.environ["RTK_TEST_SERVER"], "rb").read()
    expect(is_sanitized or used < MOST_MB, f"{used:.0f} MB")
    wrong = world.server.check_log()
    if CANARY in world.server.log:
        wrong.append("the log repeats what was sent")
    nothing(wrong)
    expect("holds" in world.server.command("audit", "verify"))
    if POSTGRES is None:
        with sqlite3.connect(f"file:{world.server.data}/server.db?mode=ro", uri=True) as database:
            expect(database.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "integrity_check")
            expect(not database.execute("PRAGMA foreign_key_check").fetchall(), "foreign_key_check")


def main():
    print(f"# seed {seed}")
    try:
        prepare()
        cases = [(name.removeprefix("test_").replace("_", "-"), case) for name, case in globals().items()
                 if name.startswith("test_")]
        return run("/server/hostile", cases)
    finally:
        world.close()


if __name__ == "__main__":
    sys.exit(main())
