# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that holds every answer against docs/openapi.yaml and remembers what it saw."""

import collections
import http.client
import json
import re

from privacy import Secrets

# Of HTTP itself, or of every answer; all others stand in the document.
COMMON_HEADERS = {"cache-control", "connection", "content-length", "content-type", "date", "keep-alive",
                  "transfer-encoding", "server"}
STATUS_HEADERS = {401: "www-authenticate", 405: "allow", 429: "retry-after", 503: "retry-after"}
PROBLEM = "application/problem+json"


class Undocumented(AssertionError):
    """An answer that docs/openapi.yaml does not allow."""


class Answer:
    """Status, headers with lower-case names, bytes; `json` when it is JSON."""

    def __init__(self, status, headers, body):
        self.status, self.body, self.json = status, body, None
        self.headers = {}
        for name, value in headers:
            self.headers.setdefault(name.lower(), []).append(value)

    def get(self, name):
        return ", ".join(self.headers.get(name.lower(), [])) or None

    @property
    def problem(self):
        """The end of the problem's type, or None."""
        if self.status < 400 or not isinstance(self.json, dict):
            return None
        return str(self.json.get("type", "")).rsplit(":", 1)[-1]


def _refuse_twice(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a member stands twice")
    return dict(pairs)


def parse_json(body):
    """Strict JSON: UTF-8, no member twice, no NaN."""
    def refuse(name):
        raise ValueError(name)
    return json.loads(body.decode("utf-8"), object_pairs_hook=_refuse_twice, parse_constant=refuse)


def _check_headers(document, operation, response, answer, wrong):
    allowed = {name.lower(): document.resolve(one) for name, one in (response or {}).get("headers", {}).items()}
    for name, values in answer.headers.items():
        if len(values) > 1 and name not in ("allow", "link", "vary"):
            wrong.append(f"the header {name} stands {len(values)} times")
        if name in allowed:
            schema, value = allowed[name].get("schema", {}), values[0]
            if document.resolve(schema).get("type") == "integer" and re.fullmatch(r"\d+", value):
                value = int(value)
            wrong += [f"header {name}{one}" for one in document.problems_of(schema, value)]
        elif name not in COMMON_HEADERS and name != STATUS_HEADERS.get(answer.status):
            wrong.append(f"undocumented header {name}")
    wrong += [f"the header {name} is missing" for name, one in allowed.items()
              if name not in answer.headers and one.get("required")]
    wanted = STATUS_HEADERS.get(answer.status)
    if wanted is not None and wanted not in answer.headers:
        wrong.append(f"the header {wanted} is missing")
    if answer.status in (429, 503) and not re.fullmatch(r"[1-9]\d{0,5}", answer.get("retry-after") or ""):
        wrong.append("retry-after is not a number of seconds")
    if answer.status == 401 and (answer.get("www-authenticate") or "").split(" ")[0] != "Bearer":
        wrong.append("www-authenticate is not Bearer")
    if "cache-control" not in answer.headers:
        wrong.append("the header cache-control is missing")
    if "server" in answer.headers:
        wrong.append("the header server tells what runs here")


def _check_problem(document, answer, wrong):
    """RFC 9457, as far as the schema does not say it."""
    if not isinstance(answer.json, dict):
        return
    if answer.json.get("status") != answer.status:
        wrong.append("the problem's status is not the answer's")
    title = answer.json.get("title", "")
    if not re.fullmatch(r"[A-Z][^\n]{3,200}\.", str(title)):
        wrong.append("the problem's title is not a sentence")


def _check_body(document, response, method, answer, wrong):
    kind = (answer.get("content-type") or "").split(";")[0].strip()
    content = response.get("content", {})
    if method == "HEAD" or answer.status in (204, 304):
        if answer.body:
            wrong.append("a body where there is none")
        return
    if not content:
        if answer.body:
            wrong.append("an undocumented body")
        return
    if kind not in content:
        wrong.append(f"undocumented media type {kind!r}")
        return
    if not kind.endswith("json") or "schema" not in content[kind]:
        return
    try:
        answer.json = parse_json(answer.body)
    except ValueError as error:
        wrong.append(f"the body is not JSON: {error}")
        return
    wrong += document.problems_of(content[kind]["schema"], answer.json)


def check_answer(document, operation, method, path, answer):
    """What is wrong with an answer, as a list of lines."""
    wrong = []
    if operation is None:
        known = document.methods_of(path)
        if answer.status not in ((405,) if known else (404,)) + (400, 413, 503):
            return [f"status {answer.status} of an undocumented route"]
        response = document.tree["components"]["responses"]["Problem"]
        if answer.status == 405 and set(re.split(r", *", answer.get("allow") or "")) != known:
            wrong.append(f"allow is {answer.get('allow')}, documented is {', '.join(sorted(known))}")
    else:
        response = operation.find_response(answer.status)
        if response is None:
            return [f"undocumented status {answer.status} ({answer.body[:200]!r})"]
    _check_headers(document, operation, response, answer, wrong)
    _check_body(document, response, method, answer, wrong)
    if answer.status >= 400 and method != "HEAD":
        _check_problem(document, answer, wrong)
    return wrong


class Client:
    """Sends requests over one connection; every answer is checked, and counted by operation and status."""

    def __init__(self, document, address):
        self.document, self.address = document, address
        self.connection = None
        self.seen = collections.Counter()
        self.problems = collections.Counter()
        self.wrong = []
        self.secrets = Secrets()
        # operation's name -> the last request that it took: (path, headers, body)
        self.taken = {}

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _send(self, method, path, body, headers):
        for attempt in (1, 2):
            fresh = self.connection is None
            if fresh:
                self.connection = http.client.HTTPConnection(*self.address, timeout=60)
            try:
                self.connection.putrequest(method, path, skip_accept_encoding=True)
                for name, value in headers.items():
                    self.connection.putheader(name, value)
                if body is not None or method in ("POST", "PUT", "PATCH"):
                    self.connection.putheader("Content-Length", str(len(body or b"")))
                self.connection.endheaders(body)
                reply = self.connection.getresponse()
                answer = Answer(reply.status, reply.getheaders(), reply.read())
                if reply.will_close:
                    self.close()
                return answer
            except (http.client.HTTPException, OSError):
                self.close()
                # An idle connection may be closed by the server at any time: once more on a new one.
                if fresh or attempt == 2:
                    raise
        raise AssertionError

    def request(self, method, path, body=None, token=None, headers=None, media_type=None, status=None):
        """Sends JSON (or bytes as they are), checks the answer and returns it.

        `status`: what it must be; a number or several.
        """
        plain = path.split("?", 1)[0]
        operation = self.document.find(method, plain)
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body, media_type = json.dumps(body, ensure_ascii=False).encode(), media_type or "application/json"
        if media_type is not None:
            sent["Content-Type"] = media_type
        answer = self._send(method, path, body, sent)
        wrong = check_answer(self.document, operation, method, plain, answer)
        self.secrets.gather(plain, token, body, answer)
        if answer.status >= 400:
            wrong += [f"the problem tells {one}" for one in self.secrets.find_in_problem(answer.json)]
        if wrong:
            name = operation.name if operation is not None else f"{method} of an undocumented route"
            lines = [f"{name} -> {answer.status}: {line}" for line in wrong]
            self.wrong += lines
            raise Undocumented("; ".join(lines))
        if operation is not None:
            self.seen[operation.name, answer.status] += 1
            if answer.status < 300:
                self.taken[operation.name] = (path, {k: v for k, v in sent.items() if k != "Authorization"}, body)
        if answer.problem:
            self.problems[answer.problem] += 1
        for result in answer.json.get("results", []) if isinstance(answer.json, dict) else []:
            if isinstance(result, dict) and result.get("problem"):
                self.problems[result["problem"]["type"].rsplit(":", 1)[-1]] += 1
        wanted = (status,) if isinstance(status, int) else status
        if wanted is not None and answer.status not in wanted:
            raise AssertionError(f"{method} {plain} answered {answer.status} {answer.problem} instead of {wanted}")
        return answer
