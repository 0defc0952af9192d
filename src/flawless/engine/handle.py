"""Handles of executions, for programs that embed an engine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future as ThreadFuture
from typing import Any, Generic, Protocol, TypeVar, cast

import msgspec

from flawless import codec
from flawless.core.entries import Entry
from flawless.core.status import Status
from flawless.durations import Duration, seconds
from flawless.engine.control import ParkedEffect
from flawless.engine.endings import full_type
from flawless.engine.replay import Replayed
from flawless.engine.service import FOREVER_S, LogLine, Service
from flawless.engine.waiters import End, Known
from flawless.errors import (
    ExecutionCancelled,
    ExecutionFailed,
    InputInvalid,
    ResultTimeout,
    UsageError,
)
from flawless.ids import latest_run
from flawless.stores.base import Record

R = TypeVar("R")
T = TypeVar("T")

_UNKNOWN = Known()


class Caller(Protocol):
    """Gets work done on an engine's loop, from any thread but that loop's."""

    def submit(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> ThreadFuture[T]:
        """Begin the work."""
        ...

    def call(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """Do the work and wait for it."""
        ...

    def ask(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """Do work that needs no task before it first waits, and wait for it."""
        ...

    async def ask_async(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """The same from another loop."""
        ...


class Execution(Generic[R]):
    """One execution, as a handle: ask how it stands, wait for its result.

    Handles are cheap, and any number may exist for the same execution. In asyncio, `await run`
    waits for the result.
    """

    def __init__(
        self,
        caller: Caller,
        id: str,  # noqa: A002 (the public word)
        annotation: Any = Any,
        known: Known | None = None,
    ) -> None:
        self.id = id
        self._known = known or _UNKNOWN
        self._caller = caller
        self._call = caller.call
        self._annotation = annotation

    def __repr__(self) -> str:
        return f"<execution {self.id}>"

    def __await__(self) -> Generator[Any, None, R]:
        return self._wait().__await__()

    @property
    def status(self) -> Status:
        """How the execution stands now."""
        return self.info().status

    def info(self) -> Record:
        """Return what the store knows of the execution."""
        return self._call(lambda service: service.get(self.id))

    def result(self, timeout: float | None = None) -> R:
        """Wait for the end and return the workflow's result.

        `timeout` is in seconds. Raises `ResultTimeout` when it passes (the execution goes on),
        `ExecutionFailed` when the workflow raised, `ExecutionCancelled` when it was cancelled.
        """
        wait_s = FOREVER_S if timeout is None else timeout
        end = self._known.end or self._caller.ask(lambda service: service.end(self.id, wait_s))
        if end is None:
            raise ResultTimeout(
                f"execution {self.id!r} has not ended within {timeout} s; it goes on",
                execution=self.id,
            )
        return self._value(end)

    def ask(self, work: Callable[[Service], Coroutine[Any, Any, T]]) -> T:
        """Do work on the loop of the handle's engine and wait for it: what tools stand on."""
        return self._call(work)

    def journal(self) -> list[Entry]:
        """Return the execution's durable journal."""
        return self._call(lambda service: service.journal(self.id))

    def replay(self) -> Replayed:
        """Run the workflow again along its journal: the same path, and nothing is done.

        Raises `Divergence` when journal and code do not fit together.
        """
        return self._call(lambda service: service.replay(self.id))

    def logs(self) -> list[LogLine]:
        """Return what the workflow logged and printed."""
        return self._call(lambda service: service.logs(self.id))

    # --- talking ------------------------------------------------------------------------------

    def send(self, message: Any, payload: Any = None, *, id: str | None = None) -> bool:  # noqa: A002 (the word for it)
        """Send a message: `send("confirm", {"by": "ann"})`, or `send(Confirm(by="ann"))`.

        An object is sent under the name of its class. With an `id`, sending the same again does
        nothing and returns False. Raises `ExecutionNotFound`, `ExecutionEnded`, `InboxFull`, and
        `InputInvalid` when the payload is not what the workflow has declared for that name.

        Durability: when this returns, the message is durable, and the workflow receives it once.
        """
        name, value = (message, payload) if isinstance(message, str) else named(message, payload)
        try:
            data = codec.dumps(value, path="payload").encode()
        except codec.CodecError as error:
            raise InputInvalid(str(error), path=error.path) from error
        return self._call(lambda service: service.control.send(self.id, name, data, id))

    def state(self) -> Any:
        """Return what the workflow published last, or None."""
        visible = self._call(lambda service: service.control.state(self.id))
        return None if visible is None else codec.loads(visible.value, path="state")

    def response(self, timeout: float | None = None) -> Any:
        """Wait for what the workflow responds, or for its result if it ends without a response.

        `timeout` is in seconds; raises as `result` does.
        """
        wait_s = FOREVER_S if timeout is None else timeout
        came = self._call(lambda service: service.response(self.id, wait_s))
        if came is None:
            raise ResultTimeout(
                f"execution {self.id!r} has not responded within {timeout} s; it goes on",
                execution=self.id,
            )
        if isinstance(came, End):
            return self._value(came)
        return codec.loads(came.value, path="response")

    def children(self) -> list[Record]:
        """Return the executions that this one has started, in order."""
        return self._call(lambda service: service.control.children(self.id))

    # --- ending and repairing -----------------------------------------------------------------

    def cancel(self, reason: str = "", *, grace: Duration | None = None, by: str = "") -> None:
        """Ask the execution to end: `Cancelled` is raised where its workflow waits.

        The workflow may clean up, for `grace` at most if that is given. A second call ends it for
        good. Raises `ExecutionEnded` when it has ended.

        Durability: when this returns, the request is durable.
        """
        grace_s = None if grace is None else seconds(grace)
        self._call(
            lambda service: service.control.cancel(self.id, reason=reason, by=by, grace_s=grace_s)
        )

    def terminate(self, reason: str = "", *, by: str = "") -> None:
        """End the execution at once, without cleaning up; else as `cancel`."""
        self._call(lambda service: service.control.terminate(self.id, reason=reason, by=by))

    def parked(self) -> list[ParkedEffect]:
        """Return the effects that wait for a person's decision."""
        return self._call(lambda service: service.control.parked(self.id))

    def resolve(
        self,
        *,
        ok: Any = ...,
        error: str | None = None,
        retry: bool = False,
        effect: int | None = None,
        by: str = "",
    ) -> ParkedEffect:
        """Decide about a parked effect: the value it had (`ok`), an `error`, or `retry=True`.

        `effect` may be left out when only one is parked. Raises `NotParked`.

        Durability: when this returns, the decision is durable, with who (`by`) and when.
        """
        value = None if ok is ... else codec.dumps(ok, path="ok").encode()
        return self._call(
            lambda service: service.control.resolve(
                self.id, effect=effect, ok=value, error=error, retry=retry, by=by
            )
        )

    def retry(self, *, from_start: bool = False, effect: int | None = None, by: str = "") -> None:
        """Let a failed execution go on from the effect that failed, or begin again.

        See `docs/guides/repair.md`. Raises `RetryRefused`, which says why.

        Durability: when this returns, the retry is durable.
        """
        self._call(
            lambda service: service.control.retry(
                self.id, from_start=from_start, effect=effect, by=by
            )
        )

    def fork(
        self,
        *,
        at: int,
        id: str | None = None,  # noqa: A002 (the public word)
        deployment: str | None = None,
    ) -> Execution[R]:
        """Start an execution that shares the entries before position `at`; see `Engine.fork`."""
        fork, _ = self._call(
            lambda service: service.forking.fork(self.id, at, id, deployment=deployment)
        )
        return Execution(self._caller, fork, self._annotation)

    # --- inside -------------------------------------------------------------------------------

    async def _wait(self) -> R:
        end = self._known.end
        if end is None:
            end = await self._caller.ask_async(lambda service: service.end(self.id, FOREVER_S))
        assert end is not None
        return self._value(end)

    def _value(self, end: End) -> R:
        if end.continued:
            raise UsageError(
                f"the run {self.id!r} has no result: it went on as the next run; ask "
                f"{latest_run(self.id)!r}"
            )
        if end.status is Status.COMPLETED:
            try:
                return cast("R", codec.loads(end.payload, self._annotation, path="result"))
            except codec.CodecError:
                # Annotations are no promise in Python: what was returned is what counts.
                return cast("R", codec.loads(end.payload, path="result"))
        raise failure(self.id, end)


def named(message: Any, payload: Any) -> tuple[str, Any]:
    """Return name and payload of a message that is given as an object of a class."""
    if payload is not None or isinstance(message, type) or type(message).__module__ == "builtins":
        raise InputInvalid(
            'send a name and a payload, send("confirm", {...}), or one object of a class, '
            "send(Confirm(...))",
            path="name",
        )
    return type(message).__name__, message


def failure(execution: str, end: End) -> ExecutionFailed | ExecutionCancelled:
    """Return the error that tells a caller how an execution failed or was cancelled."""
    error = msgspec.json.decode(end.payload)
    message = str(error.get("message", ""))
    if end.status is Status.CANCELLED:
        return ExecutionCancelled(execution, message)
    return ExecutionFailed(
        execution, full_type(error), message, str(error.get("traceback", "")), error
    )
