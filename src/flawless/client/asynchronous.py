"""`flawless.AsyncClient`: speaks to a server from asyncio programs."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import TypeVar

import httpx

from flawless.client import (
    action_calls,
    deployment_calls,
    engine_calls,
    execution_calls,
    paging,
    path_calls,
    streams,
    waiting,
)
from flawless.client.address import Address
from flawless.client.driving import AsyncDriver
from flawless.client.methods import async_method, async_series
from flawless.client.plans import Item, Series, Work
from flawless.client.retrying import RETRY_S, Retrying
from flawless.client.tails import AsyncLogTail
from flawless.ids import new_random

T = TypeVar("T")


class AsyncClient:
    """Speaks to a Flawless server from an asyncio program; else as `Client`.

    Example::

        async with AsyncClient() as client:
            started = await client.start("app.checkout", {"order": 42}, id="order-42")
            print(await client.result(started.id, timeout_s=60))
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        retry_s: float = RETRY_S,
        chance: random.Random | None = None,
    ) -> None:
        address = Address(url, token)
        self._retrying = Retrying(address.url, retry_s, chance=chance or new_random())
        self._http = httpx.AsyncClient(**address.options())
        self.url = address.url
        """The server's address."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.url}>"

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def run(self, work: Work[T]) -> T:
        """Do what a call or a plan asks for; what the methods stand on."""
        return await AsyncDriver(self._http).run(self._retrying.steps(iter(work)))

    def iterate(self, work: Series[Item]) -> AsyncGenerator[Item, None]:
        """Give what a series gives; what the methods stand on."""
        return AsyncDriver(self._http).iterate(self._retrying.steps(work))

    # --- the engine ---------------------------------------------------------------------------

    about = async_method(engine_calls.about)
    workflows = async_method(engine_calls.workflows)
    health = async_method(engine_calls.health)
    stats = async_method(engine_calls.stats)
    restarts = async_method(engine_calls.restarts)
    whoami = async_method(engine_calls.whoami)

    # --- deployments --------------------------------------------------------------------------

    deployments = async_series(deployment_calls.deployments)
    deployment = async_method(deployment_calls.deployment)
    module_source = async_method(deployment_calls.module_source)
    deploy = async_method(deployment_calls.deploy)
    deploy_component = async_method(deployment_calls.deploy_component)

    # --- executions ---------------------------------------------------------------------------

    start = async_method(execution_calls.start)
    fork = async_method(execution_calls.fork)
    get = async_method(execution_calls.get_execution)
    list = async_method(execution_calls.list_executions)
    executions = async_series(paging.executions)
    outcome = async_method(execution_calls.outcome)
    wait = async_method(waiting.wait)
    result = async_method(waiting.result)
    reply = async_method(execution_calls.reply)
    wait_for_reply = async_method(waiting.wait_for_reply)
    response = async_method(waiting.response)
    state = async_method(execution_calls.state)
    parked = async_method(execution_calls.parked)
    children = async_series(paging.children)
    journal = async_series(paging.journal)
    journal_pages = async_series(paging.journal_pages)
    logs = async_method(paging.logs)
    export = async_method(execution_calls.export)
    path = async_method(path_calls.path)
    path_lines = async_method(path_calls.path_lines)
    point = async_method(path_calls.point)

    def log_tail(self, id: str) -> AsyncLogTail:  # noqa: A002 (the word of the API)
        """Return a reader of the messages as they come, through all runs from now on."""
        return AsyncLogTail(self.run, id)

    # --- streams ------------------------------------------------------------------------------

    events = async_series(streams.events)
    watch = async_series(streams.watch)
    changes = async_series(streams.changes)

    # --- talking, ending, repairing -----------------------------------------------------------

    send = async_method(action_calls.send)
    messages = async_series(paging.messages)
    inbox = async_series(paging.inbox)
    cancel = async_method(action_calls.cancel)
    terminate = async_method(action_calls.terminate)
    retry = async_method(action_calls.retry)
    resolve = async_method(action_calls.resolve)
    capability = async_method(action_calls.capability)
