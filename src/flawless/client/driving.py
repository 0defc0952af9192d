"""Doing the steps of plans: once for programs that block, once for those that await.

Here is everything in which the two clients differ.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any, Final, TypeVar

import httpx

from flawless.client.address import ANSWER_S_MAX
from flawless.client.call import Call
from flawless.client.plans import Connect, Give, Pause, Read, Send
from flawless.client.retrying import EVENT_STREAM, Primitive

T = TypeVar("T")

SILENT_S_MAX: Final = 40.0
"""Servers send a sign of life each 15 s: after this long without one, a stream is dead."""


class Driver:
    """Does one plan with a client that blocks."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._open = ExitStack()
        self._bytes: Iterator[bytes] = iter(())

    def run(self, plan: Generator[Primitive, Any, T]) -> T:
        """Return what the plan returns."""
        with _Steps(plan) as steps, self._open:
            while (step := steps.next()) is not None:
                try:
                    steps.brought = self._do(step)
                except Exception as error:
                    steps.failed = error
        found: T = steps.returned
        return found

    def iterate(self, plan: Generator[Primitive, Any, None]) -> Generator[Any, None, None]:
        """Yield what the plan gives."""
        with _Steps(plan) as steps, self._open:
            while (step := steps.next()) is not None:
                if isinstance(step, Give):
                    yield step.item
                    continue
                try:
                    steps.brought = self._do(step)
                except Exception as error:
                    steps.failed = error

    def _do(self, step: Primitive) -> object:
        match step:
            case Send(call):
                return self._http.request(**request_of(call))
            case Connect(call, last_event_id):
                self._open.close()
                request = stream_request_of(call, last_event_id)
                response = self._open.enter_context(self._http.stream(**request))
                if not response.is_success:
                    response.read()
                self._bytes = response.iter_bytes()
                return response
            case Read():
                return next(self._bytes, None)
            case Pause(seconds):
                time.sleep(seconds)
                return None
        raise AssertionError(f"no driver does {step}")


class AsyncDriver:
    """Does one plan with a client that awaits."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._open = AsyncExitStack()
        self._bytes: AsyncIterator[bytes] | None = None

    async def run(self, plan: Generator[Primitive, Any, T]) -> T:
        """Return what the plan returns."""
        with _Steps(plan) as steps:
            async with self._open:
                while (step := steps.next()) is not None:
                    try:
                        steps.brought = await self._do(step)
                    except Exception as error:
                        steps.failed = error
        found: T = steps.returned
        return found

    async def iterate(self, plan: Generator[Primitive, Any, None]) -> AsyncGenerator[Any, None]:
        """Yield what the plan gives."""
        with _Steps(plan) as steps:
            async with self._open:
                while (step := steps.next()) is not None:
                    if isinstance(step, Give):
                        yield step.item
                        continue
                    try:
                        steps.brought = await self._do(step)
                    except Exception as error:
                        steps.failed = error

    async def _do(self, step: Primitive) -> object:
        match step:
            case Send(call):
                return await self._http.request(**request_of(call))
            case Connect(call, last_event_id):
                await self._open.aclose()
                request = stream_request_of(call, last_event_id)
                response = await self._open.enter_async_context(self._http.stream(**request))
                if not response.is_success:
                    await response.aread()
                self._bytes = response.aiter_bytes()
                return response
            case Read():
                return None if self._bytes is None else await anext(self._bytes, None)
            case Pause(seconds):
                await asyncio.sleep(seconds)
                return None
        raise AssertionError(f"no driver does {step}")


class _Steps:
    """Goes through the steps of a plan; what the last one brought, or how it failed, goes in."""

    def __init__(self, plan: Generator[Primitive, Any, Any]) -> None:
        self.brought: Any = None
        self.failed: Exception | None = None
        self.returned: Any = None
        self._plan = plan

    def __enter__(self) -> _Steps:
        return self

    def __exit__(self, *_: object) -> None:
        self._plan.close()

    def next(self) -> Primitive | None:
        """Return the next step; None when there is none, and the plan has returned."""
        brought, failed = self.brought, self.failed
        self.brought = self.failed = None
        try:
            return self._plan.send(brought) if failed is None else self._plan.throw(failed)
        except StopIteration as end:
            self.returned = end.value
            return None


def request_of(call: Call[Any]) -> dict[str, Any]:
    """Return the arguments with which httpx sends a call."""
    return {
        "method": call.method,
        "url": call.path,
        "params": httpx.QueryParams([(name, _text(value)) for name, value in call.query]),
        "content": call.body,
        "headers": {} if call.body is None else {"Content-Type": call.media},
        "timeout": httpx.Timeout(ANSWER_S_MAX, read=ANSWER_S_MAX + call.wait_s),
    }


def stream_request_of(call: Call[Any], last_event_id: str) -> dict[str, Any]:
    """Return the arguments with which httpx asks for a stream."""
    headers = {"Accept": EVENT_STREAM, "Cache-Control": "no-store"}
    if last_event_id:
        headers["Last-Event-ID"] = last_event_id
    timeout = httpx.Timeout(ANSWER_S_MAX, read=SILENT_S_MAX)
    return request_of(call) | {"headers": headers, "timeout": timeout}


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}" if value < 1e6 else str(value)
