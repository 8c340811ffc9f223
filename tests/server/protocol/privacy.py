# SPDX-License-Identifier: GPL-3.0-or-later
"""What identifies somebody or opens something, gathered from a whole day of requests: none of it may be in an error
or in the log."""

import json
import re

PRIVATE = {"code", "number", "phone", "address", "password", "new_password", "secret", "access_token", "refresh_token",
           "code_key", "name"}
# "name" is of a graduate only here; elsewhere it is a member of staff, a desk or a school.
NAMED = re.compile(r"/v1/(roster|batches/[^/]+/naming)")
# A page of the feed has order numbers, which are no secret: of answers only these are looked through.
ANSWERS = re.compile(r"/v1/(session|online/(accounts|session)|stations$|bootstrap|batches/[^/]+/naming|prints/)")


class Secrets:
    def __init__(self):
        self.words = set()
        # Off where made-up bodies hold what any sentence may have.
        self.is_on = True

    def _add(self, word):
        # A short word may stand anywhere by chance.
        if len(word) >= (2 if re.search("[\u4e00-\u9fff]", word) else 8):
            self.words.add(word)

    def _walk(self, path, value, key=None):
        if isinstance(value, dict):
            for name, each in value.items():
                self._walk(path, each, name)
        elif isinstance(value, list):
            for each in value:
                self._walk(path, each, key)
        elif isinstance(value, str) and key in PRIVATE and (key != "name" or NAMED.match(path)):
            self._add(value)

    def gather(self, path, token, body, answer):
        if not self.is_on:
            return
        if token:
            self._add(token)
        if path == "/v1/roster" and body:
            for line in body.decode("utf-8", "replace").splitlines()[1:]:
                for word in line.split(",")[2:]:
                    self._add(word)
        else:
            try:
                self._walk(path, json.loads(body or b"null"))
            except ValueError:
                pass
        if answer.status < 400 and ANSWERS.match(path):
            self._walk(path, answer.json)

    def find_in_problem(self, problem):
        """A conflict may show the present order: masked, and with the number that the order has."""
        if not isinstance(problem, dict):
            return []
        return self.find_in(json.dumps({**problem, "order": None}, ensure_ascii=False))

    def find_in(self, text):
        """Beginnings of what is found."""
        return sorted(word[:4] + "..." for word in self.words if word in text)


def distinct(log):
    """A log without its times: each line once."""
    return "\n".join({re.sub(r'"(time|ms)":"[^"]*",?', "", line) for line in log.splitlines()})
