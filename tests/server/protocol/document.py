# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/openapi.yaml as the tests use it: operations, their answers, and what a schema allows."""

import os
import re

import jsonschema
import yaml

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
PATH = os.path.join(TOP, "docs/openapi.yaml")
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
ROLES = ("operator", "reviewer", "supervisor", "account")
# What any route may answer by its `default`; every other status stands at the route by name.
GENERAL = {400, 401, 403, 405, 413, 415, 422, 429, 500, 503, 507}
TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z")

_formats = jsonschema.FormatChecker(formats=())


@_formats.checks("date-time")
def _is_time(value):
    return not isinstance(value, str) or TIME.fullmatch(value) is not None


class _Loader(yaml.SafeLoader):
    """YAML 1.2 as far as it matters: a key that stands twice is an error."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"{key} stands twice at {node.start_mark}")
        return super().construct_mapping(node, deep)


class Operation:
    """One method of one path."""

    def __init__(self, document, method, path, shared, content):
        self.document, self.method, self.path, self.content = document, method, path, content
        self.name = f"{method} {path}"
        self.who = list(content.get("x-who", []))
        self.is_public = self.who == ["public"]
        self.parameters = [document.resolve(one) for one in shared + content.get("parameters", [])]
        self.responses = {status: document.resolve(one) for status, one in content.get("responses", {}).items()}
        body = document.resolve(content.get("requestBody", {}))
        self.body_types = list(body.get("content", {}))
        self.body_schema = body.get("content", {}).get("application/json", {}).get("schema")
        self.pattern = re.compile(re.sub(r"\\\{[^}]*\\\}", "([^/]+)", re.escape(path)))
        self.names = re.findall(r"\{([^}]*)\}", path)

    def __repr__(self):
        return self.name

    @property
    def successes(self):
        """The documented statuses that are not problems."""
        return sorted(int(status) for status in self.responses if status.isdigit() and int(status) < 400)

    @property
    def failures(self):
        return sorted(int(status) for status in self.responses if status.isdigit() and int(status) >= 400)

    def find_response(self, status):
        """The documented answer of this status, or None."""
        if str(status) in self.responses:
            return self.responses[str(status)]
        return self.responses.get("default") if status in GENERAL else None

    def fill(self, **values):
        """The path with something in its places."""
        return re.sub(r"\{([^}]*)\}", lambda match: values[match.group(1)], self.path)

    def parameter(self, where, name):
        for one in self.parameters:
            if one["in"] == where and one["name"].lower() == name.lower():
                return one
        return None


class Document:
    """The whole of docs/openapi.yaml."""

    def __init__(self, path=PATH):
        with open(path, encoding="utf-8") as file:
            self.tree = yaml.load(file, Loader=_Loader)
        self.resolver = jsonschema.RefResolver.from_schema(self.tree)
        self.operations = []
        for route, item in self.tree["paths"].items():
            shared = item.get("parameters", [])
            self.operations += [Operation(self, method.upper(), route, shared, item[method])
                                for method in METHODS if method in item]

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = self.pointer(node["$ref"])
        return node

    def pointer(self, reference):
        """What a local reference means; KeyError when it leads nowhere."""
        if not reference.startswith("#/"):
            raise KeyError(reference)
        node = self.tree
        for part in reference[2:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            node = node[int(part)] if isinstance(node, list) else node[part]
        return node

    def find(self, method, path):
        """The operation of a request's path without query, a path in full before one with places; or None."""
        fits = [one for one in self.operations if one.method == method and one.pattern.fullmatch(path)]
        return min(fits, key=lambda one: len(one.names), default=None)

    def methods_of(self, path):
        fits = [one for one in self.operations if one.pattern.fullmatch(path)]
        # A word such as /v1/reviews/queue is no id.
        fewest = min((len(one.names) for one in fits), default=0)
        return {one.method for one in fits if len(one.names) == fewest}

    def problems_of(self, schema, value):
        """What is wrong with a value, as short lines that do not repeat it."""
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver, format_checker=_formats)
        errors = sorted(validator.iter_errors(value), key=lambda error: list(map(str, error.absolute_path)))
        return [f"/{'/'.join(map(str, error.absolute_path))}: {_say(error)}" for error in errors]

    def allows(self, schema, value):
        return not self.problems_of(schema, value)

    @property
    def problem_types(self):
        return self.tree["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]


def _say(error):
    if error.validator in ("additionalProperties", "required"):
        return error.message
    return f"{error.validator} {str(error.validator_value)[:200]}: {error.message[:300]}"
