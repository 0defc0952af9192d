"""What a visitor's browser is shown of an execution, and what is left out of that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from guarded import API, Guarded, guarded

from flawless.server.access.roles import Role

MODULE = """
from flawless import publish, step, workflow

@step(retries=1, backoff=3600, backoff_max=3600)
def dial() -> None:
    raise ValueError("the password hunter2 is wrong")

@workflow
def order(item: str) -> None:
    raise ValueError("sold out")

@workflow
def call() -> None:
    dial()
"""
OWNERS_ONLY = {"customer": "c-17"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give an application of one that fails, and one whose step is to be tried again."""
    folder: Path = tmp_path_factory.mktemp("visits")
    (folder / "visits.py").write_text(MODULE)
    with guarded(folder, folder / "visits.py") as server:
        yield server


@pytest.fixture(scope="module")
def ann(server: Guarded) -> str:
    """Give the token of a backend that has started both."""
    token = server.add("ann", Role.OPERATE)
    body = {"workflow": "visits.order", "id": "order", "input": ["a lamp"], "wait_s": 60}
    body["attributes"] = OWNERS_ONLY
    started = server.ask("POST", f"{API}/executions", token=token, json=body)
    assert "traceback" in started.json()["error"]
    body = {"workflow": "visits.call", "id": "call", "attributes": OWNERS_ONLY}
    assert server.ask("POST", f"{API}/executions", token=token, json=body).status_code == 201
    while not _attempts(server.ask("GET", f"{API}/executions/call", token=token).json()):
        server.ask("GET", f"{API}/executions/call/result?wait=0.05", token=token)
    return token


def _attempts(detail: Any) -> list[Any]:
    return [one for effect in detail["in_flight"] for one in effect["attempts"]]


def _ends(server: Guarded, token: str) -> list[Any]:
    """Return the error of the failed execution wherever it is shown."""
    base = f"{API}/executions/order"
    answers = [server.ask("GET", f"{base}/{name}", token=token) for name in ("result", "response")]
    stream = server.ask("GET", f"{base}/events", token=token).text
    end = stream.rpartition("event: end\n")[2].partition("data: ")[2].partition("\n")[0]
    return [answer.json()["error"] for answer in answers] + [json.loads(end)["error"]]


def test_visitors_see_no_code(server: Guarded, ann: str) -> None:
    """Why it failed is told to all who may know how it stands; where in the code it is not."""
    visitor = server.capability(ann, "order", ["state", "send"])
    for error in _ends(server, visitor):
        assert error == {"type": "ValueError", "module": "builtins", "message": "sold out"}
    reader = server.capability(ann, "order", ["state", "journal"])
    for token in (ann, reader):
        for error in _ends(server, token):
            assert "visits.py" in error["traceback"]


def test_visitors_see_no_attributes_and_no_reasons_of_attempts(server: Guarded, ann: str) -> None:
    """That something is tried again is shown, and not what the attempt said."""
    visitor = server.capability(ann, "call", ["state"])
    seen = server.ask("GET", f"{API}/executions/call", token=visitor).json()
    (attempt,) = _attempts(seen)
    assert (attempt["type"], attempt["message"], seen["attributes"]) == ("ValueError", "", {})
    order = server.capability(ann, "order", ["state"])
    assert "c-17" not in server.ask("GET", f"{API}/executions/order/events", token=order).text
    for token in (ann, server.capability(ann, "call", ["state", "journal"])):
        seen = server.ask("GET", f"{API}/executions/call", token=token).json()
        assert "hunter2" in _attempts(seen)[0]["message"]
        assert seen["attributes"] == OWNERS_ONLY
