"""Bytes on the server's socket: requests, several in a row, and what is none.

What must hold: no answer says that the server is at fault (5xx, but for 503), each error is a
problem document as `docs/guides/http-api.md` has it, nothing goes wrong on the event loop, and the
server answers the next request as before.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from fuzzed_server import Served, served
from puppet import NAME, told

from flawless.api import PREFIX

HOST = "Host: 127.0.0.1\r\n"
PROBLEM = "application/problem+json"
WORDS = (
    *(f"{method} " for method in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")),
    *(f"{PREFIX}/executions/done{part}" for part in (
        "/result?wait=0", "/response", "/state", "/children?from=0&limit=1", "/parked",
        "/journal?from=0&limit=5", "/logs", "/messages", "/cancel", "/terminate", "/retry",
        "/resolve", "/export?contents=journal", "/fork", "/capability", "/path", "/path/lines",
        "/path/variables", "/events?from=0",
    )),
    *(f"{PREFIX}/{part}" for part in (
        "workflows", "health", "deployments", "inbox?limit=2", "whoami", "stats", "restarts",
        "events", "openapi.json", "executions?status=failed&limit=1", "executions?before=_5",
    )),
    *("/healthz", "/readyz", "/metrics", "/login", "/", "/executions/done", " HTTP/1.1\r\n", HOST),
    *("Content-Type: application/json\r\n", "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "%00"),
    *("Content-Length: 2\r\n", "Connection: close\r\n", "Expect: 100-continue\r\n", "%ff%2e%2e"),
    *("Authorization: Bearer ", "Authorization: Basic ", "Cookie: ", "Origin: http://evil.example"),
    *("If-None-Match: ", "Last-Event-ID: 1\r\n", "Range: bytes=0-1\r\n", "Accept: text/html\r\n"),
    *("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", "&attribute=a=b"),
    *('{"workflow":"fuzz.run"', ',"input":[]', ',"id":"x"', ',"wait_s":0', ',"deadline_s":1'),
    *(',"start_at":"2027-01-01T00:00:00Z"', ',"attributes":{"a":"b"}', '"name":"m"', '"payload":'),
    *('"effect":1', '"from_start":true', '"reason":"r"', '"grace_s":1', '"rights":["state"]'),
    *('"ttl_s":60', '"ok":1', '"error":', '"retry":true', '"at":1', "1e999", "\\ud800", "[[[[[[["),
    *("created_after=2026-01-01T00:00:00Z", "?prefix=", "?runs=true", "?wait=1e400", "&limit=-1"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes


def target(data: bytes) -> None:
    """Send the bytes as one connection, and look at what comes back."""
    if re.search(rb"deployments", data) and b"POST" in data:
        return  # what is uploaded is the matter of other targets; code in Python runs natively
    system = served()
    prepare(system)
    for answer in answers(system.send(data)):
        assert answer.status < 500 or answer.status == 503, answer
        assert b"Traceback" not in answer.body, answer
        if answer.status >= 400 and answer.body:
            assert answer.headers.get("content-type") == PROBLEM, answer
            problem = json.loads(answer.body)
            assert problem["status"] == answer.status, answer
            assert problem["title"], answer
            assert isinstance(problem["detail"], str), answer
            assert problem["type"], answer
    status, document = system.get(f"{PREFIX}/health")
    assert (status, document["status"]) == (200, "ok"), document


def prepare(system: Served) -> None:
    """See to it that there is something to ask for."""
    if system.started == 0:
        for id_, script in (
            ("done", b'{"op":"publish","value":[1]}\n!end {"ok":{"$":"tuple","v":[1]}}'),
            ("failed", b'!end {"error":{"type":"E","message":"no"}}'),
        ):
            system.engine.start(NAME, *told(script), id=id_)
    system.started += 1


def answers(data: bytes) -> list[Answer]:
    """Return the answers of a connection; one that was cut off has what there is of its body."""
    found = []
    while data:
        head, sign, data = data.partition(b"\r\n\r\n")
        if not sign:
            break
        first, *lines = head.decode("latin-1").split("\r\n")
        status = re.fullmatch(r"HTTP/1\.1 ([1-5][0-9]{2}) .*", first)
        assert status is not None, first
        headers = {}
        for line in lines:
            name, sign_, value = line.partition(": ")
            assert sign_, line
            assert re.fullmatch(r"[A-Za-z0-9-]+", name), line
            headers[name.lower()] = value
        if headers.get("transfer-encoding") == "chunked":
            body, data = chunks(data)
        else:
            size = int(headers.get("content-length", 0))
            if data.startswith(b"HTTP/1.1 "):
                size = 0  # the answer to HEAD
            body, data = data[:size], data[size:]
        found.append(Answer(int(status[1]), headers, body))
    return found


def chunks(data: bytes) -> tuple[bytes, bytes]:
    """Return a body that is sent in chunks, and what is behind it."""
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body, data = body + data[:length], data[length + 2 :]
        if not length:
            break
    return body, data
