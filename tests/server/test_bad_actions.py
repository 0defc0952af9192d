"""Actions nobody should ask for: each gets a clear problem, and nothing happens."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from asking import await_status, entries, expect, start
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ID = "untouched"


@pytest.fixture(scope="module")
def waiting(shop: httpx.Client) -> httpx.Client:
    """Give a client of a server with an execution that waits."""
    start(shop, "desk.approve", None, id=ID)
    await_status(shop, ID, "waiting")
    return shop


@pytest.mark.parametrize(
    ("verb", "body", "path"),
    [
        ("messages", {}, ""),
        ("messages", [], ""),
        ("messages", {"name": 5}, "name"),
        ("messages", {"name": ""}, "name"),
        ("messages", {"name": "x" * 201}, "name"),
        ("messages", {"name": "a\nb"}, "name"),
        ("messages", {"name": ":cancel"}, "name"),
        ("messages", {"name": "x", "id": ""}, "id"),
        ("messages", {"name": "x", "id": "x" * 201}, "id"),
        ("messages", {"name": "x", "id": 5}, "id"),
        ("messages", {"name": "x", "playload": 1}, ""),
        ("cancel", {"reason": None}, "reason"),
        ("cancel", {"reason": "x" * 1001}, "reason"),
        ("cancel", {"grace_s": -1}, "grace_s"),
        ("cancel", {"grace_s": "long"}, "grace_s"),
        ("cancel", {"grace_s": 1e300}, "grace_s"),
        ("cancel", {"by": "x" * 201}, "by"),
        ("cancel", {"id": ""}, "id"),
        ("cancel", {"id": "x" * 201}, "id"),
        ("terminate", {"reason": 1}, "reason"),
        ("terminate", {"grace_s": 1}, ""),
        ("terminate", {"by": "x" * 201}, "by"),
        ("retry", {"from_start": "yes"}, "from_start"),
        ("retry", {"effect": 1.5}, "effect"),
        ("retry", {"effect": True}, "effect"),
        ("retry", {"effect": 1, "from_start": True}, "effect"),
        ("retry", {"by": "x" * 201}, "by"),
    ],
)
def test_what_does_not_fit(waiting: httpx.Client, verb: str, body: Any, path: str) -> None:
    """A body of the wrong shape is 422 and names the field."""
    before = len(entries(waiting, ID))
    problem = expect(waiting.post(f"/executions/{ID}/{verb}", json=body), 422, "input-invalid")
    assert problem["path"] == path
    assert len(entries(waiting, ID)) == before


@pytest.mark.parametrize("verb", ["messages", "cancel", "terminate", "retry", "resolve"])
def test_what_holds_for_all(waiting: httpx.Client, verb: str) -> None:
    """No JSON is 400, unknown executions are 404, PUT is 405, parameters are 422, each told."""
    path = f"/executions/{ID}/{verb}"
    for body in (b"{", b"\xff\xfe"):
        expect(waiting.post(path, content=body), 400, "request-invalid", "not valid JSON")
    full = {"messages": {"name": "x"}, "resolve": {"retry": True}}.get(verb, {})
    for unknown in ("nobody", "nobody~1", "%00"):
        response = waiting.post(f"/executions/{unknown}/{verb}", json=full)
        assert response.status_code == 404, response.text
    allowed = {"GET", "HEAD", "POST"} if verb == "messages" else {"POST"}
    assert {*waiting.put(path).headers["Allow"].split(", ")} == allowed
    assert expect(waiting.post(f"{path}?by=me"), 422, "input-invalid")["path"] == "by"


@pytest.mark.parametrize(("verb", "slug"), [("retry", "retry-refused"), ("resolve", "not-parked")])
def test_what_does_not_need_it(waiting: httpx.Client, verb: str, slug: str) -> None:
    """What has not failed is not retried, and what is not parked not resolved: 409 and a hint."""
    body = {"ok": 1} if verb == "resolve" else {}
    problem = expect(waiting.post(f"/executions/{ID}/{verb}", json=body), 409, slug, ID)
    assert problem["hint"]


@pytest.mark.parametrize("size", [4 << 20, 5 << 20])
def test_what_is_too_large(waiting: httpx.Client, size: int) -> None:
    """A payload beyond the limit is 413, be it the body or just the value in it."""
    body = json.dumps({"name": "x", "payload": "x" * size})
    response = waiting.post(f"/executions/{ID}/messages", content=body)
    expect(response, 413, "value-too-large")


@pytest.mark.parametrize("deadline_s", [-1, 1e300, "soon", 1e10])
def test_deadlines_that_are_none(waiting: httpx.Client, deadline_s: Any) -> None:
    """A negative, endless or unreadable deadline starts nothing."""
    body = {"workflow": "desk.listen", "id": "no-deadline", "deadline_s": deadline_s}
    problem = expect(waiting.post("/executions", json=body), 422, "input-invalid")
    assert problem["path"] == "deadline_s"
    assert waiting.get("/executions/no-deadline").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "/executions?runs=yes",
        "/executions?runs=",
        f"/executions/{ID}/response?wait=-1",
        f"/executions/{ID}/response?wait=soon",
        f"/executions/{ID}/state?version=1",
        f"/executions/{ID}/children?from=-1",
        f"/executions/{ID}/children?limit=501",
        f"/executions/{ID}/parked?effect=1",
    ],
)
def test_what_no_parameter_can_be(waiting: httpx.Client, query: str) -> None:
    """Unknown and senseless query parameters are 422 and named."""
    name = query.partition("?")[2].partition("=")[0]
    assert expect(waiting.get(query), 422, "input-invalid")["path"] == name


@pytest.mark.parametrize("tail", ["state", "response", "response?wait=1", "children", "parked"])
def test_who_is_not_there(waiting: httpx.Client, tail: str) -> None:
    """Unknown executions are 404 wherever one looks."""
    expect(waiting.get(f"/executions/nobody/{tail}"), 404, "execution-not-found", "nobody")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
fields = st.sampled_from(
    ["name", "payload", "id", "reason", "grace_s", "by", "from_start", "effect", "ok", "error"]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    verb=st.sampled_from(["messages", "cancel", "terminate", "retry", "resolve"]),
    body=st.dictionaries(fields, json_values, max_size=4) | json_values,
)
def test_any_json_is_an_answer_away(shop: httpx.Client, verb: str, body: Any) -> None:
    """Whatever JSON is sent to an execution that has ended: never a 2xx, never a 5xx."""
    start(shop, "shop.greet", None, id="fuzzed", wait_s=30)
    try:
        content = json.dumps(body).encode()
    except UnicodeEncodeError:
        return
    response = shop.post(f"/executions/fuzzed/{verb}", content=content)
    assert 400 <= response.status_code < 500, response.text
