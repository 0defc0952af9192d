"""Waiting for executions, through restarts of the server."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from flawless import api
from flawless.client import execution_calls
from flawless.client.answers import ServerUnreachable
from flawless.client.call import Call
from flawless.client.outcomes import ended, replied, value
from flawless.client.plans import Pause, Plan, TimeOver
from flawless.errors import EngineStopped, ResultTimeout

T = TypeVar("T")

POLL_S: Final = 30.0
"""Length of one long poll."""
ABSENCE_S_MAX: Final = 20.0
"""How long a server that answered before may be away while somebody waits: it may be restarting."""
ABSENCE_PAUSE_S: Final = 0.25


def wait(id: str, timeout_s: float | None = None) -> Plan[api.Outcome]:  # noqa: A002 (the word of the API)
    """Wait for the end of an execution, through restarts of the server.

    Raises `ResultTimeout` when `timeout_s` passes, also while no server answers; the execution goes
    on.
    """
    return _await(id, timeout_s, "ended", execution_calls.outcome, ended)


def wait_for_reply(id: str, timeout_s: float | None = None) -> Plan[api.Reply]:  # noqa: A002 (the word of the API)
    """Wait until an execution has responded, or ended without that; else as `wait`."""
    return _await(id, timeout_s, "responded", execution_calls.reply, replied)


def response(id: str, timeout_s: float | None = None) -> Plan[Any]:  # noqa: A002 (the word of the API)
    """Wait for what the workflow responds, or for its result if it ends without that.

    Raises as `result` does.
    """
    reply = yield from wait_for_reply(id, timeout_s)
    return value(reply) if reply.response is msgspec.UNSET else reply.response


def result(id: str, timeout_s: float | None = None) -> Plan[Any]:  # noqa: A002 (the word of the API)
    """Wait for the end and return the result as plain JSON.

    Raises `ResultTimeout`, `ExecutionFailed` when the workflow raised, and `ExecutionCancelled`
    when it was cancelled.
    """
    return value((yield from wait(id, timeout_s)))


def _await(
    id: str,  # noqa: A002 (the word of the API)
    timeout_s: float | None,
    what: str,
    look: Callable[[str, float], Call[T]],
    found: Callable[[T], T | None],
) -> Plan[T]:
    """Look again and again, through restarts of the server, until there is something."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    answered_at: float | None = None
    while True:
        left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
        call = look(id, POLL_S if left_s is None else min(left_s, POLL_S))
        try:
            came = found((yield from dataclasses.replace(call, within_s=left_s)))
            if came is not None:
                return came
            answered_at = time.monotonic()
        except TimeOver as over:
            if not left_s:
                raise ResultTimeout(
                    f"it is unknown whether execution {id!r} has {what}: within {timeout_s:g} s "
                    f"there was no answer ({over.reason})",
                    execution=id,
                ) from over.reason
            # The server may come back until then; the last look is at the very end.
            yield Pause(max(0.0, (deadline or 0.0) - time.monotonic()))
            continue
        except (ServerUnreachable, EngineStopped):
            away_s = None if answered_at is None else time.monotonic() - answered_at
            if away_s is None or away_s > POLL_S + ABSENCE_S_MAX:
                raise
            yield Pause(ABSENCE_PAUSE_S)
        if deadline is not None and time.monotonic() >= deadline:
            raise ResultTimeout(
                f"execution {id!r} has not {what} within {timeout_s:g} s; it goes on",
                execution=id,
            )
