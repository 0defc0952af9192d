"""Hostile input at every endpoint: the engine stays healthy, and what it keeps stays as it is."""

from __future__ import annotations

import json
import random
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from flawless.api import PREFIX
from flawless.server.openapi import OPERATIONS
from serving import DESK, SHOP, serving

REQUESTS = {"share": 400, "whole": 20_000}
SEED = 7
ANSWER_S_MAX = 5.0

DEEP = b"[" * 100_000
IDS = [
    *(
        "done",
        "listening",
        "nobody",
        "done~1",
        "done~0",
        "~",
        "..",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    ),
    *(
        "%00",
        "a%0d%0aX-Injected:%201",
        "%ff%fe",
        "x" * 5_000,
        "%F0%9F%92%A5",
        "'; DROP TABLE execution",
    ),
    *("<script>alert(1)</script>", "${7*7}", "-1", "done/../listening", "done;x", "done?x", "*"),
]
QUERIES = [
    *("", "?", "?limit=-1", "?limit=99999999999999999999", "?limit=1e3", "?limit=%00", "?from=-0"),
    *("?before=" + "x" * 9_000, "?wait=nan", "?wait=-inf", "?wait=1e400", "?status=running%00"),
    *("?attribute==", "?attribute=a", "?attribute=" + "a=b&attribute=" * 200, "?a[]=1&a[]=2"),
    *(
        "?created_after=tomorrow",
        "?created_before=0000-00-00T00:00:00Z",
        "?prefix=%ff",
        "?runs=maybe",
    ),
    *("?include=../../etc/passwd", "?include=" + "journal," * 500, "?last_event_id=" + "9" * 400),
]
VALUES: list[Any] = [
    *(None, True, -1, 10**400, 1e308, "", "\x00", "\ud800", "x" * 70_000, [], {}, [[]] * 50),
    *(
        {"__proto__": {"x": 1}},
        {"$type": "datetime", "value": "never"},
        {"": ""},
        ":cancel",
        "a\r\nb",
    ),
]
FIELDS = [
    *(
        "workflow",
        "input",
        "id",
        "wait",
        "wait_s",
        "deadline_s",
        "delay_s",
        "start_at",
        "attributes",
    ),
    *("name", "payload", "reason", "grace_s", "by", "from_start", "effect", "ok", "error", "retry"),
    *("rights", "ttl_s", "messages", "files", "modules", "label", "token", "unknown"),
]
BODIES = [
    *(
        b"",
        b"{",
        b"null",
        b"[]",
        b"NaN",
        b"\xff\xfe\x00",
        b'{"a":1}{"a":2}',
        DEEP,
        b'{"a":' * 50_000,
    ),
    *(
        b'{"workflow":"shop.echo","workflow":"shop.greet"}',
        b"\xef\xbb\xbf{}",
        b'"' + b"\\ud800" * 99,
    ),
    *(b"x" * 200_000, b'{"input":' + b"9" * 100_000 + b"}"),
]
HEADERS = [
    *("", "Content-Type: text/plain\r\n", "Content-Type: application/json; charset=utf-16\r\n"),
    *(
        "Authorization: Bearer \x7f\r\n",
        "Authorization: Basic OjpAOg==\r\n",
        "Cookie: " + "a=b;" * 500,
    ),
    *("X-Big: " + "x" * 100_000 + "\r\n", "Last-Event-ID: \x01\r\n", "Accept: text/html\r\n"),
    *("X-A: 1\r\n" * 300, "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n"),
    *(
        "Origin: http://evil.example\r\n",
        "Origin: null\r\n",
        "Range: bytes=0-\r\n",
        "No colon here\r\n",
    ),
    *("Content-Length: -1\r\n", "Content-Length: 99999999999\r\n", "Upgrade: websocket\r\n"),
    *("Forwarded: host=evil\r\nX-Forwarded-Prefix: //evil\r\n", "Traceparent: 00-zz-zz-zz\r\n"),
]
METHODS = [
    "GET",
    "POST",
    "POST",
    "PUT",
    "DELETE",
    "HEAD",
    "OPTIONS",
    "PATCH",
    "TRACE",
    "GÉT",
    "get",
]
PATHS = [
    *(operation.path if operation.root else PREFIX + operation.path for operation in OPERATIONS),
    *(
        "/",
        "/ui/",
        "/ui/static/../../../../etc/passwd",
        "/ui/static/%2e%2e/%2e%2e/app.py",
        "/login",
    ),
    *(
        "/logout",
        "/flawless.js",
        "//evil.example/",
        "/api/v1/../../",
        "/api/v2/executions",
        "\\",
        "*",
    ),
]


def hostile(chance: random.Random, host: str) -> bytes:
    """Return one request, as bytes."""
    path = re.sub(r"{\w+(:path)?}", lambda _: chance.choice(IDS), chance.choice(PATHS))
    method = chance.choice(METHODS)
    if chance.random() < 0.6:
        fields = {chance.choice(FIELDS): chance.choice(VALUES) for _ in range(chance.randrange(5))}
        fields["workflow"] = chance.choice(["shop.echo", "shop.nap", chance.choice(VALUES)])
        body = json.dumps(fields).encode("utf-8", "surrogatepass")
    else:
        body = chance.choice(BODIES)
    headers = "".join(chance.choice(HEADERS) for _ in range(chance.randrange(3)))
    if headers and not headers.endswith("\r\n"):
        headers += "\r\n"
    length = len(body) + chance.choice([0, 0, 0, 0, -1, 1])
    if "Content-Length" not in headers and "chunked" not in headers:
        headers += f"Content-Length: {max(0, length)}\r\n"
    named = chance.choice([host] * 9 + ["evil.example"])
    query = chance.choice(QUERIES)
    head = f"{method} {path}{query} HTTP/1.1\r\nHost: {named}\r\nConnection: close\r\n{headers}\r\n"
    return head.encode("utf-8", "surrogatepass") + body


def ask(address: tuple[str, int], request: bytes) -> bytes:
    """Send a request, whole, and return the beginning of what comes back, if anything does."""
    with socket.create_connection(address, timeout=ANSWER_S_MAX) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return connection.recv(65_536)
        except OSError:
            return b""


def kept(client: httpx.Client) -> list[Any]:
    """Return all that the server keeps of what was there before."""
    return [
        client.get(f"/executions/{execution}{part}").json()
        for execution in ("done", "listening")
        for part in ("", "/journal", "/state")
    ]


def test_hostile_requests_change_nothing(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """No request makes the server fail, and what it kept before is the same after all of them."""
    seed = pytestconfig.getoption("--seed") or SEED
    chance = random.Random(seed)
    with serving(tmp_path / "data", [SHOP, DESK]) as (server, client):
        start = {"workflow": "shop.echo", "input": ["ok"], "id": "done", "wait_s": 30}
        assert client.post("/executions", json=start).json()["result"] == "ok"
        start = {"workflow": "desk.approve", "id": "listening"}
        assert client.post("/executions", json=start).status_code == 201
        while client.get("/executions/listening").json()["status"] != "waiting":
            pass
        before = kept(client)
        url = client.base_url
        address = (url.host, url.port or 80)
        wrong: list[tuple[bytes, bytes]] = []
        for _ in range(REQUESTS[pytestconfig.getoption("--sweep")]):
            request = hostile(chance, f"{url.host}:{url.port}")
            if re.match(rb"POST \S*/(done|listening)(~\d+)?/", request):
                continue  # what it asks for is allowed, and done
            answer = ask(address, request)
            if re.match(rb"HTTP/1\.1 5(?!03)", answer) or b"Traceback" in answer:
                wrong.append((request[:500], answer[:1_000]))
        assert not wrong, f"--seed={seed}: {wrong[0]}"
        assert server.process.poll() is None
        health = client.get("/health").json()
        assert health["status"] == "ok", health
        assert kept(client) == before
        start = {"workflow": "shop.echo", "input": ["still here"], "wait_s": 30}
        assert client.post("/executions", json=start).json()["result"] == "still here"
