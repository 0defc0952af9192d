"""`flawless.Client`: speaks to a server, and blocks until it answers."""

from __future__ import annotations

import random
from collections.abc import Generator
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
from flawless.client.driving import Driver
from flawless.client.methods import method, series
from flawless.client.plans import Item, Series, Work
from flawless.client.retrying import RETRY_S, Retrying
from flawless.client.tails import LogTail
from flawless.ids import new_random

T = TypeVar("T")


class Client:
    """Speaks to a Flawless server.

    `url` and `token` come from `FLAWLESS_URL` and `FLAWLESS_TOKEN` unless given. What fails and is
    safe to repeat is tried again, for `retry_s` seconds in all; 0 gives up at once. All methods
    raise `ServerUnreachable` when nothing answers, `ServerError` when something else than Flawless
    does, and otherwise what the engine raised. Any number of threads may use one client.

    Example::

        with Client() as client:
            started = client.start("app.checkout", {"order": 42}, id="order-42")
            print(client.result(started.id, timeout_s=60))
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
        self._http = httpx.Client(**address.options())
        self.url = address.url
        """The server's address."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.url}>"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def run(self, work: Work[T]) -> T:
        """Do what a call or a plan asks for; what the methods stand on."""
        return Driver(self._http).run(self._retrying.steps(iter(work)))

    def iterate(self, work: Series[Item]) -> Generator[Item, None, None]:
        """Give what a series gives; what the methods stand on."""
        return Driver(self._http).iterate(self._retrying.steps(work))

    # --- the engine ---------------------------------------------------------------------------

    about = method(engine_calls.about)
    workflows = method(engine_calls.workflows)
    health = method(engine_calls.health)
    stats = method(engine_calls.stats)
    restarts = method(engine_calls.restarts)
    whoami = method(engine_calls.whoami)

    # --- deployments --------------------------------------------------------------------------

    deployments = series(deployment_calls.deployments)
    deployment = method(deployment_calls.deployment)
    module_source = method(deployment_calls.module_source)
    deploy = method(deployment_calls.deploy)
    deploy_component = method(deployment_calls.deploy_component)

    # --- executions ---------------------------------------------------------------------------

    start = method(execution_calls.start)
    fork = method(execution_calls.fork)
    get = method(execution_calls.get_execution)
    list = method(execution_calls.list_executions)
    executions = series(paging.executions)
    outcome = method(execution_calls.outcome)
    wait = method(waiting.wait)
    result = method(waiting.result)
    reply = method(execution_calls.reply)
    wait_for_reply = method(waiting.wait_for_reply)
    response = method(waiting.response)
    state = method(execution_calls.state)
    parked = method(execution_calls.parked)
    children = series(paging.children)
    journal = series(paging.journal)
    journal_pages = series(paging.journal_pages)
    logs = method(paging.logs)
    export = method(execution_calls.export)
    path = method(path_calls.path)
    path_lines = method(path_calls.path_lines)
    point = method(path_calls.point)

    def log_tail(self, id: str) -> LogTail:  # noqa: A002 (the word of the API)
        """Return a reader of the messages as they come, through all runs from now on."""
        return LogTail(self.run, id)

    # --- streams ------------------------------------------------------------------------------

    events = series(streams.events)
    watch = series(streams.watch)
    changes = series(streams.changes)

    # --- talking, ending, repairing -----------------------------------------------------------

    send = method(action_calls.send)
    messages = series(paging.messages)
    inbox = series(paging.inbox)
    cancel = method(action_calls.cancel)
    terminate = method(action_calls.terminate)
    retry = method(action_calls.retry)
    resolve = method(action_calls.resolve)
    capability = method(action_calls.capability)
