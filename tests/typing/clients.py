"""The clients and the mounted engine as users write them: checked by mypy, never run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine, Generator
from datetime import UTC, datetime
from typing import Any, assert_type

from starlette.requests import HTTPConnection

from flawless import AsyncClient, Client, Engine, api
from flawless.client import Changes, Event


def blocking() -> None:
    """A client of an ordinary program."""
    with Client("http://127.0.0.1:27288", "token", retry_s=5) as client:
        assert_type(client, Client)
        started = client.start("app.w", {"a": 1}, id="x", attributes={"of": "me"}, delay_s=3)
        assert_type(started, api.StartedExecution)
        assert_type(client.get("x"), api.ExecutionDetail)
        assert_type(client.list(created_after=datetime.now(UTC)), api.ExecutionPage)
        assert_type(client.executions(status="failed"), Generator[api.Execution, None, None])
        assert_type(client.result("x", timeout_s=3), Any)
        assert_type(client.wait("x"), api.Outcome)
        assert_type(client.state("x"), api.State)
        assert_type(client.send("x", "confirm", {"by": "ann"}, message_id="m"), bool)
        assert_type(client.cancel("x", "why", grace_s=1), api.Execution)
        assert_type(client.resolve("x", ok=None), api.Resolution)
        assert_type(client.capability("x", ["state"], ttl_s=60), api.Capability)
        assert_type(client.whoami(), api.Whoami)
        for event in client.events("x", include=["state", "journal"]):
            assert_type(event, Event)
        for state in client.watch("x"):
            assert_type(state.version, int | None)
        for changes in client.changes(prefix="x"):
            assert_type(changes, Changes)
        client.start()  # type: ignore[call-arg]  # a workflow is needed
        client.start("app.w", wait=3)  # type: ignore[call-arg]  # it is wait_s
        client.send("x", 5)  # type: ignore[arg-type]  # a name is a text
        client.events("x", include=["everything"])  # type: ignore[list-item]  # no such part
        client.cleint()  # type: ignore[attr-defined]  # a slip


async def awaiting() -> None:
    """A client of an asyncio program."""
    async with AsyncClient() as client:
        assert_type(client, AsyncClient)
        assert_type(await client.start("app.w"), api.StartedExecution)
        later = assert_type(client.get("x"), Coroutine[Any, Any, api.ExecutionDetail])
        assert_type(await later, api.ExecutionDetail)
        assert_type(client.executions(), AsyncGenerator[api.Execution, None])
        assert_type(await client.parked("x"), list[api.ParkedEffect])
        async for state in client.watch("x"):
            assert_type(state, api.State)
        await client.send("x")  # type: ignore[call-arg]  # a name is needed
        client.start("app.w").id  # type: ignore[attr-defined]  # noqa: B018 (it was not awaited)


async def who(request: HTTPConnection) -> tuple[str, str] | None:
    """A function of the application that knows its users."""
    return request.headers["x-user"], "operate"


def somebody(request: HTTPConnection) -> str:
    """One that forgets the role."""
    return request.headers["x-user"]


def mounted(engine: Engine) -> None:
    """An engine in a web application."""
    served = engine.asgi(access=lambda request: ("ann", "operate"), token="x" * 16, local=True)
    assert_type(engine.capability("x", ["state", "send"], ttl="2h", messages=["a"]), str)
    served.lifespan()
    engine.asgi(access=who)
    engine.asgi(access=somebody)  # type: ignore[arg-type]  # a name alone is no role
    with Engine("app.db", modules=["app"]) as opened:
        assert_type(opened, Engine)
