#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends every documented request to a real server and holds every answer against docs/openapi.yaml.

Scenes (scenes_*.py) make each operation answer with each documented status below 400 at least once; who adds a
route adds a scene. Refusals are made from the document.
"""

import importlib
import json
import os
import sys
import urllib.parse

from client import Undocumented
from document import ROLES
from keys import new_id
from privacy import distinct
from server import PASSWORD
from tap import expect, nothing, run
from world import World

HERE = os.path.dirname(os.path.abspath(__file__))
JSON = "application/json"
# Of a fault of the server: what has none does not show it.
NOT_OF_CALLERS = {"internal"}
world = World()


def scenes():
    for name in sorted(os.listdir(HERE)):
        if name.startswith("scenes_") and name.endswith(".py"):
            module = importlib.import_module(name.removesuffix(".py"))
            for each in vars(module).values():
                if getattr(each, "__name__", "").startswith("scene_"):
                    yield each.__name__.removeprefix("scene_").replace("_", "-"), each


def test_coverage():
    """Every documented status below 400 was seen."""
    nothing([f"no scene makes {one} answer {status}" for one in world.document.operations
             for status in one.successes if not world.client.seen[one.name, status]])


def callers():
    """A fresh session of every role: some refusals end sessions."""
    graduate = world.sign_up()
    for role in ROLES[:3]:
        world.sign_in(role)
    world.station = world.enrol("operator")
    return {**{role: world.tokens[role] for role in ROLES[:3]}, "account": graduate.token}


def taken(operation):
    """The last request that the server took: path, headers, body; else one made from the document."""
    values = {name: "0" * 64 if name == "sha256" else new_id() for name in operation.names}
    return world.client.taken.get(operation.name, (operation.fill(**values), {}, None))


def attempt(wrong, about, statuses, *request, **more):
    """Sends a request; what is not as documented, or has another status, becomes a line."""
    try:
        answer = world.client.request(*request, **more)
    except Undocumented as error:
        wrong.append(f"{about}: {error}")
        return None
    if answer.status not in statuses:
        wrong.append(f"{about}: {answer.status} {answer.problem} instead of {statuses}")
    return answer


def test_nobody():
    """Without a session, or with a made-up one: 401, whatever else is wrong."""
    wrong = []
    for one in world.document.operations:
        path, headers, body = taken(one)
        for name, token in (("no session", None), ("a made-up session", "x" * 43), ("an empty one", "")):
            if not one.is_public:
                attempt(wrong, f"{one}, {name}", (401,), one.method, path, body, token=token, headers=headers)
    nothing(wrong)


def test_wrong_role():
    """Every other role: 403, for ids that exist and for those that do not."""
    wrong, tokens = [], callers()
    for one in world.document.operations:
        if one.is_public:
            continue
        path, headers, body = taken(one)
        unknown = one.fill(**{name: "0" * 64 if name == "sha256" else new_id() for name in one.names})
        for role in set(ROLES) - set(one.who):
            for where in {path, unknown}:
                attempt(wrong, f"{one} as {role}", (403,), one.method, where, body, token=tokens[role],
                        headers=headers)
            attempt(wrong, f"{one} as {role}, broken", (403,), one.method, path, b"{", token=tokens[role],
                    headers={**headers, "Content-Type": JSON})
    nothing(wrong)


def test_unknown_ids():
    """What does not exist answers like what is somebody else's: the same 404 to the byte."""
    wrong, tokens, bodies = [], callers(), {}
    for one in world.document.operations:
        if not one.names or one.is_public or one.method == "HEAD":
            continue
        path, headers, body = taken(one)
        unknown = one.fill(**{name: "0" * 64 if name == "sha256" else new_id() for name in one.names})
        where = {"unknown": unknown, "somebody else's": path} if one.who == ["account"] else {"unknown": unknown}
        for name, each in where.items():
            role = "supervisor" if "supervisor" in one.who else one.who[0]
            answer = attempt(wrong, f"{one}, {name}", (404,), one.method, each, body, token=tokens[role],
                             headers=headers)
            if answer is not None and answer.status == 404:
                bodies.setdefault(answer.body, []).append(f"{one}, {name}")
    wrong += [f"another body: {', '.join(names)}" for names in sorted(bodies.values(), key=len)[:-1]]
    nothing(wrong)


def test_methods():
    """Methods that are not documented: 405 and the list of those that are."""
    wrong = []
    paths = {}
    for one in world.document.operations:
        paths[one.path] = taken(one)[0].split("?")[0]
    for path in paths.values():
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
            if method not in world.document.methods_of(path):
                attempt(wrong, f"{method} {path}", (405,), method, path)
    for path in ("/", "/v1", "/v1/", "/v1/nothing", "/healthz/", "/v1/orders", "/V1/changes", "/v1/changes/"):
        if not world.document.methods_of(path):
            attempt(wrong, path, (404,), "GET", path)
    nothing(wrong)


def test_bodies():
    """Bodies that are not what the schema wants: 4xx before anything else is looked at."""
    wrong, tokens = [], callers()
    for one in world.document.operations:
        if one.body_schema is None:
            continue
        path, headers, body = taken(one)
        token = None if one.is_public else tokens[one.who[0]]
        members = json.loads(body) if body else {}
        schema = world.document.resolve(one.body_schema)

        def send(about, statuses, content, kind=JSON):
            attempt(wrong, f"{one}, {about}", statuses, one.method, path, content, token=token,
                    headers={name: value for name, value in headers.items() if name != "Content-Type"},
                    media_type=kind)

        for content in (b"", b"{", b"[]", b"null", b"{}{}", b"{'a':1}", b'{"a":1,}', b"\xff\xfe{\x00}\x00",
                        b'{"\xc3\x28":1}', b'{"a":"\x01"}', b"{}//", b'{"a":NaN}', b'{"a":01}', b"\xef\xbb\xbf{}"):
            send(f"body {content!r}", (400,), content)
        twice = json.dumps(members).encode()
        send("a member twice", (400,), twice[:-1] + b"," + twice[1:] if members else b'{"a":1,"a":1}')
        send("no media type", (415,), json.dumps(members).encode(), None)
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", "*/*"):
            send(f"media type {kind}", (415,), json.dumps(members).encode(), kind)
        send("an unknown member", (422,), {**members, "surprise": 1})
        for name in schema.get("required", []):
            send(f"without {name}", (422,), {key: value for key, value in members.items() if key != name})
        for name, part in schema.get("properties", {}).items():
            for value in (None, 1, -1, 1.5, "", "x" * 70000, True, [], {}, [[]], 2**63, -2**63, 1e300, "\ud800"):
                if not world.document.allows(part, value):
                    content = json.dumps({**members, name: value}).encode()
                    send(f"{name} of {str(value)[:20]!r}", (400, 413, 422), content)
    nothing(wrong)


def strings_of(document, schema, value):
    """Every place of a text with a greatest length: what it does to a body, and that length."""
    for name, part in document.resolve(schema).get("properties", {}).items():
        part = document.resolve(part)
        words = part.get("additionalProperties")
        words = document.resolve(words) if isinstance(words, dict) else {}
        if "password" in name or name == "secret":
            continue
        if "maxLength" in part and not {"enum", "pattern", "format"} & set(part):
            yield name, part["maxLength"], lambda text, name=name: {**value, name: text}
        elif "maxLength" in words:
            yield name, words["maxLength"], lambda text, name=name: {**value, name: dict.fromkeys(["gaze"], text)}


def test_characters():
    """Lengths are counted in characters: the longest Chinese text is taken wherever a short one is."""
    wrong, tokens, n = [], callers(), 0

    def send(one, place, path, content, headers):
        token = None if one.is_public else tokens["supervisor" if "supervisor" in one.who else one.who[0]]
        kind = {} if place.startswith("?") else {"media_type": JSON}
        answer = attempt(wrong, f"{one}, {place}", range(200, 500), one.method, path, content, token=token,
                         headers=headers, **kind)
        expect(answer is None or answer.status not in (405, 415))
        return answer

    for one in world.document.operations:
        path, headers, body = taken(one)
        plain = {name: value for name, value in headers.items() if name != "Content-Type"}
        # What is unknown is answered after the body was looked at, and changes nothing.
        unknown = one.fill(**{name: "0" * 64 if name == "sha256" else new_id() for name in one.names})
        places = []
        if one.body_schema is not None:
            members = json.loads(body) if body else {}
            if "reasons" in world.document.resolve(one.body_schema).get("properties", {}):
                members.update(verdict="rejected", reasons=["gaze"])
            for name, longest, put in strings_of(world.document, one.body_schema, members):
                def content(text, put=put):
                    fresh = {"id": new_id()} if "id" in members and len(members["id"]) == 36 else {}
                    return json.dumps({**put(text), **fresh} if name != "id" else put(text)).encode()
                places.append((name, longest, lambda text, content=content: (unknown, content(text), plain)))
        for parameter in one.parameters:
            schema = world.document.resolve(parameter["schema"])
            if parameter["in"] == "query" and "maxLength" in schema and "pattern" not in schema:
                def query(text, name=parameter["name"]):
                    return f"{path.split('?')[0]}?{name}={urllib.parse.quote(text)}", body, headers
                places.append((f"?{parameter['name']}", schema["maxLength"], query))
        for name, longest, make in places:
            # Some members want more than a word: what a short text is refused for is no matter of its length.
            where, what, more = make("学" * longest)
            answer = send(one, name, where, what, more)
            n += 1
            if answer is None or answer.status not in (400, 413, 422):
                continue
            where, what, more = make("学" * (longest // 4))
            shorter = send(one, name, where, what, more)
            if shorter is not None and shorter.status not in (400, 413, 422):
                wrong.append(f"{one}, {name}: {longest} characters are too long, a quarter of them are not")
    expect(n > 30)
    nothing(wrong)


def test_queries():
    """Numbers, ids and words in the query have the documented limits."""
    wrong, tokens = [], callers()
    for one in world.document.operations:
        path, headers, body = taken(one)
        for parameter in one.parameters:
            if parameter["in"] != "query":
                continue
            schema = world.document.resolve(parameter["schema"])
            bad = ["", "x", "1x", "0x1", "1e1", "1.0", "9" * 30, "%00", "%ff"] if schema.get("type") == "integer" else []
            bad += [schema[name] + step for name, step in (("minimum", -1), ("maximum", 1)) if name in schema]
            bad += ["nonsense"] if "enum" in schema or "[0-9a-f]{12}" in schema.get("pattern", "") else []
            bad += ["x" * (schema["maxLength"] + 1)] if "maxLength" in schema else []
            for value in bad:
                attempt(wrong, f"{one}?{parameter['name']}={str(value)[:40]}", (422,), one.method,
                        f"{path.split('?')[0]}?{parameter['name']}={value}", body, headers=headers,
                        token=None if one.is_public else tokens["supervisor" if "supervisor" in one.who else one.who[0]])
    nothing(wrong)


def test_coverage_of_refusals():
    """Every status that an operation lists was seen, and every type of problem that a caller can bring about."""
    wrong = [f"nothing makes {one} answer {status}" for one in world.document.operations
             for status in one.failures if not world.client.seen[one.name, status]]
    seen = {f"urn:retake:problem:{name}" for name in set(world.client.problems) | NOT_OF_CALLERS}
    wrong += [f"nothing brings {name} about" for name in world.document.problem_types if name not in seen]
    nothing(wrong)


def test_privacy():
    """After a day of all routes: no code, name, number, telephone, address, password or token in the log."""
    world.client.close()
    world.server.stop()
    secrets = world.client.secrets
    expect(len(secrets.words) > 100)
    for kind in ("TESTCODE", "32019919", "1009999", "王小明", PASSWORD):
        expect(any(kind in word for word in secrets.words))
    log = distinct(world.server.log)
    nothing([f"the log has no call of {one}" for one in world.document.operations if f'"{one.path}"' not in log])
    nothing([f"the log tells {one}" for one in secrets.find_in(log)])
    world.server.start()


def test_audit():
    """After all of it the server stands, its log has no secrets and the audit log holds."""
    world.client.close()
    world.server.stop()
    nothing(world.server.check_log() + world.client.wrong)
    expect("holds" in world.server.command("audit", "verify"))


def main():
    try:
        cases = [(f"scene/{name}", lambda scene=scene: scene(world)) for name, scene in scenes()]
        cases += [(name.removeprefix("test_").replace("_", "-"), case) for name, case in globals().items()
                  if name.startswith("test_")]
        return run("/server/protocol", cases)
    finally:
        world.close()


if __name__ == "__main__":
    sys.exit(main())
