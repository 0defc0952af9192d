"""Asking again after failures: what is safe to repeat, for how long, and with which pauses."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import httpx

from flawless.client.answers import (
    AnswerBroken,
    answer,
    error_of,
    stranger,
    unreachable,
)
from flawless.client.call import Call
from flawless.client.plans import Connect, Give, Lost, Pause, Read, Refused, Send, Step, TimeOver
from flawless.errors import FlawlessError, InputInvalid

T = TypeVar("T")

RETRY_S: Final = 30.0
"""How long a call is tried again, unless the client is told otherwise."""
PAUSE_S: Final = 0.1
PAUSE_S_MAX: Final = 5.0
RECONNECT_S_MAX: Final = 15.0
RETRY_AFTER_S_MAX: Final = 60.0

EVENT_STREAM: Final = "text/event-stream"

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""After these nothing has reached a server: any call may be repeated."""
_BROKEN_OFF = (
    httpx.NetworkError,
    httpx.TimeoutException,
    httpx.RemoteProtocolError,
    httpx.DecodingError,
)
"""After these nobody knows what was done."""
_NOT_DONE = frozenset({429})
"""Answers of a server that has done nothing, and may do better later."""
_MAYBE_DONE = frozenset({408, 425, 502, 503, 504})
"""Answers after which nobody knows what was done: a proxy's, or those of an engine that stops."""

Primitive = Send | Connect | Read | Pause | Give[Any]


@dataclass(slots=True)
class _Failure:
    """Why an attempt brought nothing."""

    error: Exception
    again: bool
    """Whether trying again is safe and of use."""
    after_s: float = 0.0
    """How long the server wants to be left alone."""


class Retrying:
    """Tries calls again, for `retry_s` in all, with pauses that grow and vary.

    No attempt begins later than that after the first one. What is tried again: whatever did not
    reach a server; calls that are safe to repeat, after broken connections and answers and when the
    server is busy, stopping, or away.
    """

    def __init__(
        self,
        url: str,
        retry_s: float = RETRY_S,
        *,
        chance: random.Random,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        if not retry_s >= 0:
            raise InputInvalid("retry_s is a number of seconds, 0 or more", path="retry_s")
        self._url = url
        self._retry_s = retry_s
        self._chance = chance
        self._now = now

    def steps(
        self, plan: Generator[Step | Call[Any] | Give[Any], Any, T]
    ) -> Generator[Primitive, Any, T]:
        """Return a plan with each of its calls as requests and pauses."""
        brought: Any = None
        failed: Exception | None = None
        try:
            while True:
                try:
                    step = plan.send(brought) if failed is None else plan.throw(failed)
                except StopIteration as end:
                    found: T = end.value
                    return found
                brought, failed = None, None
                try:
                    brought = yield from self._expanded(step)
                except Exception as error:
                    failed = error
        finally:
            plan.close()

    def _expanded(self, step: Step | Call[Any] | Give[Any]) -> Generator[Primitive, Any, Any]:
        match step:
            case Call():
                return (yield from self.attempts(step))
            case Connect():
                return (yield from self._connect(step))
            case Lost():
                return (yield from self._rest(step))
            case _:
                return (yield step)

    def attempts(self, call: Call[T]) -> Generator[Primitive, Any, T]:
        """Return the answer to a call, trying as long as it is safe and has time.

        Where its caller has less time than this one, it raises `TimeOver`.
        """
        bound_s = math.inf if call.within_s is None else call.within_s
        until = self._now() + min(self._retry_s, bound_s)
        tries = 0
        while True:
            try:
                response: httpx.Response = yield Send(call)
                return answer(call, response, self._url)
            except UnicodeEncodeError as error:
                raise InputInvalid(f"what is to be sent is no text: {error}") from error
            except httpx.RequestError as error:
                failure = self._not_answered(call, error)
            except FlawlessError as error:
                failure = _answered(call, response, error)
            pause_s = max(self.pause_s(tries), failure.after_s)
            if failure.again and bound_s < self._retry_s and self._now() + pause_s > until:
                raise TimeOver(failure.error)
            if not failure.again or self._now() + pause_s > until:
                raise failure.error
            tries += 1
            yield Pause(pause_s)

    def _connect(self, step: Connect) -> Generator[Primitive, Any, bool]:
        """Return whether there is more of the stream: after its `end`, servers answer so."""
        response: httpx.Response = yield step
        if response.status_code == httpx.codes.NO_CONTENT and step.last_event_id:
            return False
        if not response.is_success:
            failure = _answered(step.call, response, error_of(response, self._url))
            raise Refused(failure.error, failure.after_s) if failure.again else failure.error
        if not str(response.headers.get("Content-Type", "")).startswith(EVENT_STREAM):
            raise stranger(response, self._url)
        return True

    def _rest(self, lost: Lost) -> Generator[Primitive, Any, None]:
        """Wait before the next connection, unless the server was away for too long."""
        error = lost.error
        most = min(RECONNECT_S_MAX, lost.pause_s * 2.0 ** min(lost.tries, 16))
        pause_s = most * self._chance.uniform(0.5, 1.0)
        if isinstance(error, Refused):
            pause_s, error = max(pause_s, error.after_s), error.reason
        if error is not None and self._now() + pause_s > lost.heard_at + self._retry_s:
            raise unreachable(error, self._url) if isinstance(error, httpx.RequestError) else error
        yield Pause(pause_s)

    def pause_s(self, tries: int) -> float:
        """Return how long to wait after so many failures; many clients should not agree on it."""
        return min(PAUSE_S_MAX, PAUSE_S * 2.0 ** min(tries, 16)) * self._chance.uniform(0.5, 1.0)

    def _not_answered(self, call: Call[Any], error: httpx.RequestError) -> _Failure:
        again = isinstance(error, _NOT_SENT) or (call.repeatable and isinstance(error, _BROKEN_OFF))
        found = unreachable(error, self._url)
        found.__cause__ = error
        return _Failure(found, again)


def _answered(call: Call[Any], response: httpx.Response, error: FlawlessError) -> _Failure:
    status = response.status_code
    again = status in _NOT_DONE or (
        call.repeatable and (status in _MAYBE_DONE or isinstance(error, AnswerBroken))
    )
    return _Failure(error, again, retry_after_s(response))


def retry_after_s(response: httpx.Response) -> float:
    """Return how long the server asks to wait; 0 if it does not say so in seconds."""
    text = response.headers.get("Retry-After", "")
    return min(RETRY_AFTER_S_MAX, float(text)) if text.isascii() and text.isdigit() else 0.0
