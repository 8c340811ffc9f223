# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that fit a schema, and values that were good until something was done to them. All from a seeded generator."""

import copy
import json

from keys import new_id, now

# Stands in every text that is made up here: no problem document may repeat it.
CANARY = "Zq7canary"
TEXTS = ["", " ", "\x7f", "\n", "\t\r\n", CANARY, f"{CANARY}' OR '1'='1", f"{CANARY}\"; DROP TABLE orders; --",
         f"../../../../{CANARY}", f"%s%n%d{CANARY}", f"<script>{CANARY}</script>", "${jndi:" + CANARY + "}", "\u202e" + CANARY,
         "e\u0301\u0301\u0301" * 20, "\U0001f600" * 16, "\U0010ffff\ufffe\uffff", "\ufeff" + CANARY, "\u2028\u2029", "ß" * 64, "王" * 64,
         "İI\u0131i", "null", "true", "0", "-1", "1e999", "NaN", "a" * 63, "a" * 64, "a" * 65, "A" * 64, "0" * 64, "9" * 20,
         "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff", "00000000-0000-7000-8000-00000000000G",
         "2026-01-01T00:00:00.000000Z", "0000-00-00T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z", "x" * 129, "x" * 1025,
         "x" * 2001, "x" * 20000]
NUMBERS = [0, 1, -1, 2, 500, 501, 2**31 - 1, 2**31, -2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -2**63, -2**63 - 1, 2**64, 2**64 + 1,
           10**30, 0.0, -0.0, 0.5, 1.0, 1e300, -1e-300]
OTHERS = [None, True, False, [], {}, [[]], [None], {"": None}, [{}] * 3]


def any_value(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return copy.deepcopy(rng.choice(OTHERS))
    return rng.choice(TEXTS)


def nested(depth, leaf=1):
    """Text of JSON this deep; json.dumps would recurse."""
    return '{"a":' * depth + json.dumps(leaf) + "}" * depth


def _places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key in list(value):
            yield from _places(value[key], path + (key,))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from _places(value[index], path + (index,))


def _replace(value, path, new):
    if not path:
        return new
    value = copy.copy(value)
    value[path[0]] = _replace(value[path[0]], path[1:], new)
    return value


def _at(value, path):
    for step in path:
        value = value[step]
    return value


def mutate(rng, value):
    """A copy of a JSON value with one thing done to it somewhere."""
    path = rng.choice(list(_places(value)))
    old = _at(value, path)
    what = rng.randrange(8)
    if what == 0 and isinstance(old, dict) and old:
        gone = rng.choice(sorted(old))
        return _replace(value, path, {key: one for key, one in old.items() if key != gone})
    if what == 1 and isinstance(old, dict):
        return _replace(value, path, {**old, rng.choice(["surprise", "", "__proto__", CANARY, "id\u200b", "ID"]): any_value(rng)})
    if what == 2 and isinstance(old, list):
        return _replace(value, path, old * rng.choice([2, 3, 100]) if old else [any_value(rng)] * rng.choice([1, 65, 600]))
    if what == 3 and isinstance(old, str):
        at = rng.randrange(len(old) + 1)
        return _replace(value, path, old[:at] + rng.choice(TEXTS) + old[at:])
    if what == 4 and isinstance(old, str):
        return _replace(value, path, rng.choice([old.upper(), old[:-1], old * 2, old[::-1], " " + old, old + "\n"]))
    if what == 5 and isinstance(old, int):
        return _replace(value, path, rng.choice([old + 1, old - 1, -old, old * 2**31, float(old) + 0.5, str(old)]))
    if what == 6:
        return _replace(value, path, rng.choice([[old], {"a": old}]))
    return _replace(value, path, any_value(rng))


def garble(rng, text):
    """Bytes of JSON with bytes done to them."""
    data = bytearray(text)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(data) + 1)
        what = rng.randrange(4)
        if what == 0 and data:
            data[at % len(data)] = rng.randrange(256)
        elif what == 1:
            data[at:at] = rng.choice([b"\0", b"\xff", b"\\", b"\"", b"{", b"}", b"]", b",", b":", b"\\u0000", b"\\ud800", b"//",
                                      b"/*", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80", b"1e", b"\r\n"])
        elif what == 2:
            del data[at:at + rng.choice([1, 3, 20])]
        else:
            data[at:at] = data[max(0, at - rng.choice([1, 8, 40])):at]
    return bytes(data)


class Generator:
    """Makes values that fit a schema; ids are mostly of things that exist."""

    def __init__(self, document, rng, ids, hashes):
        self.document, self.rng, self.ids, self.hashes = document, rng, list(ids), list(hashes)

    def _text(self, schema):
        rng = self.rng
        pattern = schema.get("pattern", "")
        if "[0-9a-f]{12}" in pattern:
            return rng.choice(self.ids) if self.ids and rng.random() < 0.8 else new_id()
        if "[0-9a-f]{64}" in pattern:
            return rng.choice(self.hashes) if self.hashes and rng.random() < 0.8 else f"{rng.getrandbits(256):064x}"
        if pattern.startswith("^[+0-9]"):
            return rng.choice(["10099990000", "+" * 20, "00000", "+8610099990000"])
        if "{86}==" in pattern:
            return "A" * 86 + "=="
        if schema.get("format") == "date-time":
            return now(rng.choice([0, -1e9, 1e9, 86400]))
        least, most = schema.get("minLength", 0), schema.get("maxLength", 64)
        text = rng.choice(TEXTS + ["operator", "reviewer", "supervisor", "cash", "a good text"])
        if rng.random() < 0.2:
            text = rng.choice("ax王\U0001f600") * rng.choice([least, most])
        text = text[:most].replace("\0", "")
        return text + "x" * (least - len(text))

    def _number(self, schema):
        low, high = schema.get("minimum", 0), schema.get("maximum", 2**63 - 1)
        return self.rng.choice([low, high, min(high, low + 1), max(low, high - 1), self.rng.randint(low, high), min(high, max(low, 1))])

    def make(self, schema, depth=0):
        """A value that the schema allows."""
        rng = self.rng
        schema = self.document.resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return rng.choice(schema["enum"])
        choices = schema.get("oneOf") or schema.get("anyOf")
        if choices:
            return self.make(rng.choice(choices), depth)
        kinds = schema.get("type", "null")
        kind = rng.choice(kinds) if isinstance(kinds, list) else kinds
        if kind == "object":
            required = schema.get("required", [])
            return {name: self.make(part, depth + 1) for name, part in schema.get("properties", {}).items()
                    if name in required or rng.random() < 0.7}
        if kind == "array":
            most = min(schema.get("maxItems", 3), 3)
            items = [self.make(schema.get("items", {}), depth + 1) for _ in range(rng.randint(schema.get("minItems", 0), most))]
            return items
        if kind == "string":
            return self._text(schema)
        if kind in ("integer", "number"):
            return self._number(schema)
        return rng.choice([True, False]) if kind == "boolean" else None
