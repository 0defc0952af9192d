"""Requests nobody should send: each gets a clear problem, and the engine stays well."""

from __future__ import annotations

import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SLUG = "urn:flawless:problem:"


def expect(response: httpx.Response, status: int, slug: str, text: str = "") -> dict[str, Any]:
    """Check that a response is a problem of this kind; return it."""
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["type"]) == (status, SLUG + slug), problem
    assert problem["status"] == status
    assert problem["title"]
    assert text in problem["detail"], problem
    return problem


def post(shop: httpx.Client, body: bytes) -> httpx.Response:
    """Send a raw body as a start."""
    return shop.post("/executions", content=body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "truncated"),
        (b"{", "not valid JSON"),
        (b'{"workflow": "shop.greet",}', "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b'{"workflow": "\xff"}', "not valid JSON"),
        (b'{"workflow": "shop.greet", "input": [NaN]}', "not valid JSON"),
        (b'{"workflow": "shop.greet", "input": ["\\ud800"]}', "not valid JSON"),
        (b'{"workflow": "shop.greet", "input": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json(shop: httpx.Client, body: bytes, text: str) -> None:
    """A body that is no JSON is 400."""
    expect(post(shop, body), 400, "request-invalid", text)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], ""),
        ("shop.greet", ""),
        ({}, ""),
        ({"workflow": 5}, "workflow"),
        ({"workflow": "shop.greet", "id": 5}, "id"),
        ({"workflow": "shop.greet", "wait": "long"}, "wait"),
        ({"workflow": "shop.greet", "wait": -1}, "wait"),
        ({"workflow": "shop.greet", "wiat": 1}, ""),
        ({"workflow": "shop.greet", "id": ""}, "id"),
        ({"workflow": "shop.greet", "id": "a b"}, "id"),
        ({"workflow": "shop.greet", "id": "a" * 201}, "id"),
        ({"workflow": "shop.greet", "id": "../etc"}, "id"),
        ({"workflow": "shop.greet", "input": "Ada"}, "input"),
        ({"workflow": "shop.greet", "input": 5}, "input"),
        ({"workflow": "shop.greet", "input": {"name": 5}}, "name"),
        ({"workflow": "shop.greet", "input": {"nmae": "Ada"}}, "nmae"),
        ({"workflow": "shop.greet", "input": ["Ada", True]}, "input[1]"),
        ({"workflow": "shop.nap", "input": {}}, "seconds"),
        ({"workflow": "shop.nap", "input": ["long"]}, "seconds"),
        ({"workflow": "shop.buy", "input": [{"item": "tea", "count": "two"}]}, "order.count"),
        ({"workflow": "shop.buy", "input": [{"item": "tea", "count": -2}]}, "order"),
        ({"workflow": "shop.buy", "input": [{}]}, "order.item"),
        ({"workflow": "shop.echo", "input": [{"$": "dataclass", "c": "os:system"}]}, ...),
    ],
)
def test_what_does_not_fit(shop: httpx.Client, body: Any, path: Any) -> None:
    """A body of the wrong shape, or an argument that does not fit, is 422 and names the place."""
    problem = expect(post(shop, json.dumps(body).encode()), 422, "input-invalid")
    assert path is ... or problem["path"] == path


@pytest.mark.parametrize(
    "query",
    [
        "/executions?status=done",
        "/executions?limit=0",
        "/executions?limit=501",
        "/executions?limit=ten",
        "/executions?limit=1_0",
        "/executions?limit=%D9%A1",
        f"/executions?limit={'9' * 5000}",
        "/executions?limit=1&limit=2",
        "/executions?colour=red",
        "/executions/query/result?wait=nan",
        "/executions/query/result?wait=-1",
        "/executions/query/result?wait=inf",
        "/executions/query/result?wait=",
        "/executions/query/journal?from=-1",
        "/executions/query/journal?limit=100000",
        "/executions/query/logs?before=1",
    ],
)
def test_what_no_parameter_can_be(shop: httpx.Client, query: str) -> None:
    """Unknown, doubled and senseless query parameters are 422 and named."""
    name = query.partition("?")[2].partition("=")[0]
    assert expect(shop.get(query), 422, "input-invalid")["path"] == name


def test_what_does_not_exist(shop: httpx.Client) -> None:
    """Unknown workflows, executions and paths are 404, wrong methods 405."""
    unknown = {"workflow": "shop.gret", "input": None}
    problem = expect(shop.post("/executions", json=unknown), 404, "workflow-not-found", "shop.gret")
    assert "shop.greet" in problem["known"]
    for tail in ("", "/result", "/result?wait=1", "/journal", "/logs"):
        expect(shop.get(f"/executions/nobody{tail}"), 404, "execution-not-found", "nobody")
    for path in ("/executions/", "/executions/%2F", "/nothing", "/executions/%00%ff%F0%9F"):
        response = shop.get(path)
        assert response.status_code == 404
        assert response.json()["detail"]
    for method, path in (("DELETE", "/executions"), ("POST", "/health"), ("PUT", "/executions/x")):
        response = shop.request(method, path)
        assert response.status_code == 405
        assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize("mebibytes", [5, 40])
def test_what_is_too_large(shop: httpx.Client, mebibytes: int) -> None:
    """A body beyond the limit is 413 and tells the limit, be it a little or far too large."""
    body = json.dumps({"workflow": "shop.echo", "input": ["x" * (mebibytes << 20)]})
    try:
        response = post(shop, body.encode())
    except httpx.WriteError:
        assert mebibytes == 40  # the server heard enough and closed the connection
    else:
        problem = expect(response, 413, "value-too-large")
        assert problem["limit_bytes"] >= 4 << 20
    assert shop.get("/health").json()["status"] == "ok"


def test_an_input_just_above_the_limit(shop: httpx.Client) -> None:
    """The limit is one of the encoded input, whatever surrounds it in the body."""
    response = shop.post(
        "/executions", json={"workflow": "shop.echo", "input": ["x" * ((4 << 20) - 5)]}
    )
    expect(response, 413, "value-too-large", "the input")


def test_a_result_above_the_limit(shop: httpx.Client) -> None:
    """A workflow that returns too much fails, and its error says so."""
    body = {"workflow": "shop.large", "input": [5 << 20], "wait": 60}
    answer = shop.post("/executions", json=body).json()
    assert answer["status"] == "failed"
    assert "limit" in answer["error"]["message"]


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /api/v1/health HTTP/1.0\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"POST /api/v1/executions HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        b"POST /api/v1/executions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{",
    ],
)
def test_what_is_no_request(shop: httpx.Client, raw: bytes) -> None:
    """Broken HTTP is refused or dropped, and the next request is answered."""
    parts = urlsplit(str(shop.base_url))
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65_536)
        assert not answer or answer.split()[1][:1] == b"4", answer
    assert shop.get("/health").json()["status"] == "ok"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(st.sampled_from(["$", "v", "f", "c", "item"]), children, max_size=3)
    ),
    max_leaves=8,
)
workflow_names = st.sampled_from(["shop.greet", "shop.buy", "shop.echo", "shop.nap", "", "\0"])


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(max_size=40)
    | st.fixed_dictionaries(
        {"workflow": workflow_names}, optional={"input": json_values, "id": st.text(max_size=6)}
    )
    | st.dictionaries(st.sampled_from(["workflow", "input", "id", "wait"]), json_values)
)
def test_no_body_is_the_servers_fault(shop: httpx.Client, body: bytes | dict[str, Any]) -> None:
    """Whatever is posted, the answer is a success or a client's mistake."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode("utf-8", "surrogatepass")
    response = post(shop, raw)
    assert response.status_code < 500, response.text


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(
        ["/executions", "/executions/{}", "/executions/{}/journal", "/executions/{}/logs"]
    ),
    name=st.text(max_size=8),
    query=st.dictionaries(
        st.sampled_from(["status", "workflow", "prefix", "before", "limit", "from"])
        | st.text(max_size=3),
        st.text(max_size=6),
        max_size=3,
    ),
)
def test_no_address_is_the_servers_fault(
    shop: httpx.Client, path: str, name: str, query: dict[str, str]
) -> None:
    """Whatever is asked for, the answer is a success or a client's mistake."""
    try:
        url = httpx.URL(path=f"/api/v1{path.format(name)}", params=query)
        request = shop.build_request("GET", shop.base_url.join(url))
    except (UnicodeEncodeError, httpx.InvalidURL):
        return
    response = shop.send(request)
    assert response.status_code < 500, response.text
