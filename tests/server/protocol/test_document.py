#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds docs/openapi.yaml against OpenAPI 3.1, against the server's table of routes and against its sources."""

import json
import os
import re
import subprocess
import sys

from client import Answer, check_answer
from document import PATH, ROLES, TOP, Document
from tap import Skipped, expect, nothing, run

HERE = os.path.dirname(os.path.abspath(__file__))
VALIDATOR = os.path.join(HERE, "node_modules/@seriousme/openapi-schema-validator/bin/validate-api-cli.js")
LARGEST = 2**63 - 1
STRINGS = {"string"}

document = Document()
routes = json.loads(subprocess.run([os.environ["RTK_TEST_DUMP_ROUTES"]], check=True, capture_output=True).stdout)


def test_specification():
    """A validator that others wrote says that it is OpenAPI 3.1."""
    if not os.path.exists(VALIDATOR):
        raise Skipped("the validator is not installed: run tools/setup --test")
    done = subprocess.run(["node", VALIDATOR, PATH], capture_output=True, text=True, check=False)
    expect(done.returncode == 0 and json.loads(done.stdout)["valid"] is True, done.stdout, done.stderr)
    expect(document.tree["openapi"].startswith("3.1."), "it is not of version 3.1")


def walk(node, where=""):
    yield where, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        yield from walk(child, f"{where}/{name}")


def test_references():
    """Every reference leads somewhere, and every component is used."""
    wrong, used = [], set()
    for where, node in walk(document.tree):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            continue
        used.add(node["$ref"])
        try:
            document.pointer(node["$ref"])
        except (KeyError, IndexError):
            wrong.append(f"{where} refers to {node['$ref']}")
    for kind, parts in document.tree["components"].items():
        wrong += [f"#/components/{kind}/{name} is not used" for name in parts
                  if kind != "securitySchemes" and f"#/components/{kind}/{name}" not in used]
    nothing(wrong)


def test_operations():
    """Every operation says what it is, who may call it, and how it answers."""
    wrong, summaries = [], {}
    for one in document.operations:
        summary = one.content.get("summary", "")
        if not 5 <= len(summary) <= 120:
            wrong.append(f"{one} has no summary of one line")
        if summary in summaries:
            wrong.append(f"{one} has the summary of {summaries[summary]}")
        summaries[summary] = one
        if not one.who or (one.who != ["public"] and not set(one.who) <= set(ROLES)) or len(set(one.who)) != len(one.who):
            wrong.append(f"{one} has no right x-who")
        if one.is_public != (one.content.get("security") == []):
            wrong.append(f"{one} has a security that is not its x-who")
        if not one.successes:
            wrong.append(f"{one} has no answer but problems")
        if "default" not in one.responses:
            wrong.append(f"{one} has no answer for problems in general")
        for status, response in one.responses.items():
            if status == "default" or int(status) >= 400:
                kinds = list(response.get("content", {}))
                if kinds != ["application/problem+json"] and one.method != "HEAD":
                    wrong.append(f"{one} answers {status} with {kinds}")
        if one.names and one.method != "OPTIONS" and "404" not in one.responses:
            wrong.append(f"{one} has a place in its path and no 404")
        if one.names != [p["name"] for p in one.parameters if p["in"] == "path"]:
            wrong.append(f"{one} does not list the places of its path")
        wrong += [f"{one} takes {kind}" for kind in one.body_types
                  if kind not in ("application/json", "application/offset+octet-stream", "text/csv",
                                  "application/octet-stream")]
    nothing(wrong)


def test_closed_schemas():
    """No object may have members that are not listed."""
    wrong = []
    for where, node in walk(document.tree):
        if isinstance(node, dict) and node.get("type") == "object" and "properties" in node:
            if node.get("additionalProperties") is not False and node.get("unevaluatedProperties") is not False:
                wrong.append(f"{where} is open")
            wrong += [f"{where} requires {name}, which it does not list" for name in node.get("required", [])
                      if name not in node["properties"]]
    nothing(wrong)


def test_bounded_requests():
    """Every text and list that a caller sends has a largest size, every number its limits."""
    wrong = []

    def visit(schema, where, seen):
        schema = dict(document.resolve(schema))
        for other in schema.get("oneOf", []) + schema.get("anyOf", []) + schema.get("allOf", []):
            visit(other, where, seen)
        kinds = schema.get("type", [])
        kinds = {kinds} if isinstance(kinds, str) else set(kinds)
        if "string" in kinds and not {"maxLength", "pattern", "enum", "const", "format"} & set(schema):
            wrong.append(f"{where}: a text without maxLength")
        if kinds & {"integer", "number"} and "minimum" not in schema:
            wrong.append(f"{where}: a number without minimum")
        if "array" in kinds:
            if "maxItems" not in schema:
                wrong.append(f"{where}: a list without maxItems")
            visit(schema.get("items", {}), where + "[]", seen)
        for name, child in schema.get("properties", {}).items():
            visit(child, f"{where}.{name}", seen)

    for one in document.operations:
        if one.body_schema is not None:
            visit(one.body_schema, one.name, set())
        for parameter in one.parameters:
            if parameter["in"] == "query":
                visit(parameter.get("schema", {}), f"{one.name}?{parameter['name']}", set())
    nothing(wrong)


def test_routes():
    """The document has the server's routes, no more and no less, with the same callers."""
    wrong = []
    server = {f"{route['method']} {route['path']}": route for route in routes}
    documented = {one.name: one for one in document.operations}
    wrong += [f"{name} is not in docs/openapi.yaml" for name in server if name not in documented]
    wrong += [f"{name} is documented, but not a route" for name in documented if name not in server]
    for name, one in documented.items():
        if name in server and set(server[name]["who"]) != set(one.who):
            wrong.append(f"{name}: documented for {sorted(one.who)}, the server lets {sorted(server[name]['who'])} in")
    expect(len(server) == len(routes), "a route stands twice in the table")
    nothing(wrong)


def check_field(name, field, schema, required):
    """Holds one member of a body against the server's list."""
    schema = document.resolve(schema)
    kinds = schema.get("type", [])
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    parts = [document.resolve(part) for part in schema.get("oneOf", schema.get("anyOf", []))]
    takes_null = document.allows(schema, None)
    wanted = {"string": "string", "id": "string", "sha256": "string", "int": "integer", "array": "array", "bool": "boolean",
              "bool": "boolean", "boolean": "boolean", "object": "object"}.get(field["type"])
    if wanted is None:
        return [f"{name}: dump-routes.c does not know the type of the field"]
    values = [value for value in schema.get("enum", [schema.get("const")]) if value is not None]
    for part in parts:
        kinds |= {part["type"]} if isinstance(part.get("type"), str) else set(part.get("type", []))
        schema = {**part, **schema} if part.get("type") != "null" else schema
        values += [value for value in part.get("enum", []) if value is not None]
    wrong = []
    if wanted not in kinds and not (values and wanted == "string" and all(isinstance(one, str) for one in values)):
        wrong.append(f"{name} is documented as {sorted(kinds)}, the server wants {wanted}")
    if required != field["required"]:
        wrong.append(f"{name} is {'' if required else 'not '}required in the document only")
    if takes_null == field["required"]:
        wrong.append(f"{name}: null is {'' if takes_null else 'not '}allowed in the document only")
    if field["type"] == "int" and (schema.get("minimum") is None or schema["minimum"] < 0
                                   or schema.get("maximum", LARGEST) != field["max"]):
        wrong.append(f"{name} has the limits {schema.get('minimum')} to {schema.get('maximum')} instead of 0 to"
                     f" {field['max']}")
    if field["type"] == "string" and not values and schema.get("maxLength", LARGEST) != field["max"] \
            and "pattern" not in schema and schema.get("format") != "date-time":
        wrong.append(f"{name} has maxLength {schema.get('maxLength')} instead of {field['max']}")
    if field["type"] == "array" and schema.get("maxItems", LARGEST) > field["max"]:
        wrong.append(f"{name} has maxItems {schema.get('maxItems')} instead of {field['max']}")
    if field["type"] == "id" and document.allows(schema, "x") or field["type"] == "sha256" and document.allows(
            schema, "x"):
        wrong.append(f"{name} is not documented as {field['type']}")
    return wrong


def test_fields():
    """Bodies have the members that the server takes: names, types, limits, what is required."""
    wrong = []
    by_name = {one.name: one for one in document.operations}
    for route in routes:
        one = by_name.get(f"{route['method']} {route['path']}")
        if one is None:
            continue
        if (route["fields"] is None) != (one.body_schema is None):
            wrong.append(f"{one} takes JSON in {'the document' if route['fields'] is None else 'the server'} only")
            continue
        if route["bytes"] != bool(set(one.body_types) - {"application/json"}):
            wrong.append(f"{one} takes bytes on one side only")
        if route["fields"] is None:
            continue
        schema = document.resolve(one.body_schema)
        members, fields = schema.get("properties", {}), {field["name"]: field for field in route["fields"]}
        wrong += [f"{one}: the server takes {name}, the document does not" for name in fields if name not in members]
        wrong += [f"{one}: the document has {name}, the server does not" for name in members if name not in fields]
        for name in set(fields) & set(members):
            wrong += check_field(f"{one}: {name}", fields[name], members[name], name in schema.get("required", []))
    nothing(wrong)


def sources():
    folder = os.path.join(TOP, "src/server")
    for name in sorted(os.listdir(folder)):
        if name.endswith((".c", ".h")):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                yield name, file.read()


def test_problem_types():
    """Every type is listed, sorted, explained in docs/problems.md, and made by the server."""
    prefix = "urn:retake:problem:"
    types = document.problem_types
    wrong = [f"{one} is not {prefix}NAME" for one in types if not re.fullmatch(prefix + "[a-z][a-z0-9-]*", one)]
    wrong += [f"{one} stands before {other}" for one, other in zip(types, types[1:]) if one >= other]
    names = {one.removeprefix(prefix) for one in types}
    with open(os.path.join(TOP, "docs/problems.md"), encoding="utf-8") as file:
        explained = re.findall(r"^\| `([a-z0-9-]+)` \| ([\d, ]+) \| ([^|]{10,}) \| ([^|]{5,}) \|$", file.read(), re.M)
    told = [row[0] for row in explained]
    wrong += [f"{name} is not explained in docs/problems.md" for name in sorted(names - set(told))]
    wrong += [f"docs/problems.md explains {name}, which is not listed" for name in sorted(set(told) - names)]
    wrong += [f"docs/problems.md explains {one} before {other}" for one, other in zip(told, told[1:]) if one >= other]
    text = "\n".join(content for _, content in sources())
    made = {}
    for status, name in re.findall(r'_fail(?:_\w+)? \(\s*\w+,\s*(\d{3}),\s*"([a-z0-9-]+)"', text):
        made.setdefault(name, set()).add(int(status))
    wrong += [f"the server makes {name}, which is not listed" for name in sorted(set(made) - names)]
    wrong += [f"{name} is listed, but is nowhere in src/server" for name in sorted(names) if f'"{name}"' not in text]
    for name, statuses, _, _ in explained:
        listed = {int(one) for one in statuses.split(",")}
        if made.get(name, set()) - listed:
            wrong.append(f"{name} also comes with {sorted(made[name] - listed)}")
    nothing(wrong)


def test_the_checker():
    """An answer that differs from the document in anything is found out: the other suites rely on it."""
    problem = {"type": "urn:retake:problem:not-found", "title": "There is no such resource.", "status": 404}
    order = document.find("GET", f"/v1/orders/{'0' * 8}-0000-7000-8000-{'0' * 12}")
    health = document.find("GET", "/healthz")

    def check(operation, status, content, headers=(), kind="application/json", path="/healthz", method="GET"):
        every = {"Cache-Control": "no-store", "Content-Type": kind, **dict(headers)}
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return check_answer(document, operation, method, path, Answer(status, list(every.items()), body))

    good = {"status": "ok", "version": "1"}
    more = {name: "ok" for name in document.resolve(health.responses["200"]["content"]["application/json"]["schema"])["required"]}
    kind = "application/problem+json"
    fine = [check(health, 200, {**more, **good}), check(order, 404, problem, kind=kind),
            check(order, 401, {**problem, "status": 401}, {"WWW-Authenticate": "Bearer"}, kind),
            check(None, 404, problem, kind=kind, path="/nowhere")]
    bad = {"a status": check(health, 202, good), "a status by default": check(order, 410, {**problem, "status": 410}, kind=kind),
           "a header": check(health, 200, {**more, **good}, {"X-Powered-By": "x"}),
           "a member": check(health, 200, {**more, **good, "host": "x"}), "no member": check(health, 200, {"status": "ok"}),
           "a value": check(health, 200, {**more, **good, "status": "fine"}), "a media type": check(health, 200, good, kind="text/plain"),
           "no JSON": check(health, 200, b"{"), "a member twice": check(health, 200, b'{"status":"ok","status":"ok","version":"1"}'),
           "another status": check(order, 404, {**problem, "status": 403}, kind=kind),
           "no sentence": check(order, 404, {**problem, "title": "oops"}, kind=kind),
           "a type": check(order, 404, {**problem, "type": "urn:retake:problem:new"}, kind=kind),
           "no challenge": check(order, 401, {**problem, "status": 401}, kind=kind),
           "no time to come back": check(order, 503, {**problem, "status": 503}, kind=kind),
           "a route": check(None, 200, good, path="/nowhere"),
           "no list of methods": check(None, 405, {**problem, "status": 405}, kind=kind, method="PUT"),
           "another list of methods": check(None, 405, {**problem, "status": 405}, {"Allow": "GET, PUT"}, kind, method="PUT")}
    expect(not any(fine), "what is right is not taken:", fine)
    nothing([f"{what} is not found out" for what, wrong in bad.items() if not wrong])


def main():
    cases = [(name.removeprefix("test_").replace("_", "-"), case) for name, case in globals().items()
             if name.startswith("test_")]
    return run("/server/document", cases)


if __name__ == "__main__":
    sys.exit(main())
