"""What the tests of the API ask again and again."""

from __future__ import annotations

from typing import Any

import httpx

SLUG = "urn:flawless:problem:"


def start(shop: httpx.Client, workflow: str, given: Any = None, **more: Any) -> httpx.Response:
    """Start an execution; anything but success fails the test."""
    response = shop.post("/executions", json={"workflow": workflow, "input": given, **more})
    assert response.is_success, response.text
    return response


def act(shop: httpx.Client, execution: str, verb: str, **body: Any) -> httpx.Response:
    """Do something to an execution; anything but success fails the test."""
    response = shop.post(f"/executions/{execution}/{verb}", json=body)
    assert response.is_success, response.text
    return response


def end(shop: httpx.Client, execution: str) -> dict[str, Any]:
    """Wait for the end of an execution."""
    response = shop.get(f"/executions/{execution}/result", params={"wait": 60})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def entries(shop: httpx.Client, execution: str) -> list[dict[str, Any]]:
    """Return the journal."""
    found: list[dict[str, Any]] = shop.get(f"/executions/{execution}/journal").json()["entries"]
    return found


def await_kind(shop: httpx.Client, execution: str, kind: str, count: int = 1) -> None:
    """Wait until the durable journal has so many entries of this kind."""
    while sum(entry["kind"] == kind for entry in entries(shop, execution)) < count:
        shop.get(f"/executions/{execution}/result", params={"wait": 0.05})


def await_status(shop: httpx.Client, execution: str, status: str) -> dict[str, Any]:
    """Wait until an execution stands so; return its document."""
    while True:
        found: dict[str, Any] = shop.get(f"/executions/{execution}").json()
        if found["status"] == status:
            return found
        shop.get(f"/executions/{execution}/result", params={"wait": 0.05})


def expect(response: httpx.Response, status: int, slug: str, text: str = "") -> dict[str, Any]:
    """Check that a response is a problem of this kind; return it."""
    assert response.headers["Content-Type"] == "application/problem+json", response.text
    problem: dict[str, Any] = response.json()
    assert (response.status_code, problem["type"]) == (status, SLUG + slug), problem
    assert problem["status"] == status
    assert problem["title"]
    assert text in problem["detail"], problem
    return problem
