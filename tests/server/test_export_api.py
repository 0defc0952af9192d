"""Exports over HTTP: a file with what is durable, for those who may read."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from flawless import AsyncClient, Client
from flawless.core.entries import Completed, Failed, Invoked
from flawless.errors import ExecutionNotFound, InputInvalid
from flawless.timetravel import Recording, read_export


def started(shop: httpx.Client, workflow: str, given: list[object], name: str) -> str:
    """Start an execution, and wait for its end if it comes."""
    body = {"workflow": workflow, "input": given, "id": name, "wait_s": 30}
    assert shop.post("/executions", json=body).status_code == 201
    return name


def exported(shop: httpx.Client, name: str, component: str = "false") -> Recording:
    """Return what the server exports."""
    response = shop.get(f"/executions/{name}/export", params={"component": component})
    assert response.status_code == 200, response.text
    return read_export(response.content)


def test_an_execution_is_exported_as_a_file(shop: httpx.Client) -> None:
    """With its component, unless that is left out; browsers save it under the id, on any system."""
    name = started(shop, "shop.nap", [0.01], "export:1")
    response = shop.get(f"/executions/{name}/export")
    assert response.headers["content-type"] == "application/zip"
    assert response.headers["content-disposition"] == 'attachment; filename="export_1.flawless"'
    assert int(response.headers["content-length"]) == len(response.content) > 1_000_000
    whole = read_export(response.content)
    assert (whole.execution, whole.workflow, whole.status) == (name, "shop.nap", "completed")
    assert isinstance(whole.replay().end, Completed)
    small = exported(shop, name)
    assert (small.entries, small.wasm) == (whole.entries, b"")


def test_failed_ones_and_those_under_way_are_exported(shop: httpx.Client) -> None:
    """As far as they have come; exporting does nothing to them."""
    failed = exported(shop, started(shop, "shop.stumble", ["a stone"], "export-failed"))
    assert failed.status == "failed"
    assert isinstance(failed.replay().end, Failed)
    body = {"workflow": "desk.listen", "input": ["word"], "id": "export-listens"}
    shop.post("/executions", json=body)
    before = exported(shop, "export-listens")
    assert before.replay().end is None
    shop.post("/executions/export-listens/messages", json={"name": "word", "payload": "hello"})
    end = shop.get("/executions/export-listens/result", params={"wait": 30}).json()
    assert end["status"] == "completed"
    after = exported(shop, "export-listens")
    assert after.entries[: len(before.entries)] == before.entries
    assert isinstance(after.replay().end, Completed)


def test_earlier_runs_are_exported(shop: httpx.Client) -> None:
    """Each run has a recording of its own, under the id it is kept by."""
    name = started(shop, "desk.rounds", [2], "export-rounds")
    shop.get(f"/executions/{name}/result", params={"wait": 30})
    for run in (1, 2):
        found = exported(shop, f"{name}~{run}" if run < 2 else name)
        assert isinstance(found.entries[0], Invoked)
        assert found.run == run
        assert found.replay().end is not None


def test_the_clients_export(shop: httpx.Client) -> None:
    """Both return the file as bytes, and raise what the server says."""
    name = started(shop, "shop.greet", [], "export-client")
    url = str(shop.base_url).removesuffix("/api/v1/")
    with Client(url) as client:
        assert read_export(client.export(name, component=False)).execution == name
        with pytest.raises(ExecutionNotFound):
            client.export("nobody", component=False)
        with pytest.raises(InputInvalid):
            client.export("../etc", component=False)

    async def ask() -> bytes:
        async with AsyncClient(url) as client:
            return await client.export(name)

    assert read_export(asyncio.run(ask())).wasm


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/executions/nobody/export", 404),
        ("/executions/nobody/export?component=perhaps", 422),
        ("/executions/nobody/export?journal=true", 422),
    ],
)
def test_what_cannot_be_exported(shop: httpx.Client, path: str, status: int) -> None:
    """An id that nothing has, and parameters that mean nothing."""
    response = shop.get(path)
    assert response.status_code == status
    assert response.json()["hint"]
