"""Messages and signals: into the inbox of an execution, and from there to its guest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from flawless.core.protocol import CancelRequest, SendRequest
from flawless.core.signals import CANCEL, SIGN, CancelSignal
from flawless.core.values import unreadable
from flawless.engine.callers import Callers
from flawless.engine.clock import Clock
from flawless.engine.outcome import Outcome, host_error
from flawless.engine.settings import Settings
from flawless.errors import (
    ExecutionEnded,
    ExecutionNotFound,
    FlawlessError,
    InboxFull,
    InputInvalid,
    StoreError,
    ValueTooLarge,
)
from flawless.ids import ExecutionId
from flawless.stores.base import Result, Send, Sent, Store, Write

NAME_CHARS_MAX = 200
MESSAGE_ID_CHARS_MAX = 200

_STORE_PAUSE_S = 0.5
_SAFE = "asking again with the same message id is safe"

_NULL = Outcome(False, b"null")
_TRUE = Outcome(False, b"true")
_FALSE = Outcome(False, b"false")


class Post(Protocol):
    """How writes get to the store."""

    def __call__(
        self,
        write: Write | None,
        durable: Callable[[Result], None] | None,
        refused: Callable[[Exception], None] | None,
    ) -> None:
        """Queue a write."""
        ...


Fits = Callable[[str, str, bytes], None]
"""Raises `InputInvalid` unless an execution of this workflow takes a message of this name so."""


class Mail:
    """Sends to executions. `notify` is called with the id when something has come for one."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Settings,
        *,
        post: Post,
        notify: Callable[[ExecutionId], None],
        fits: Fits,
        callers: Callers,
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = settings.limits
        self._post = post
        self._notify = notify
        self._fits = fits
        self._callers = callers

    async def send(self, to: str, name: str, payload: bytes, message_id: str | None = None) -> bool:
        """Send a message of a user; False when one with this id was sent before.

        Raises `ExecutionNotFound`, `ExecutionEnded`, `InboxFull`, `ValueTooLarge`, and
        `InputInvalid` when name, id or payload are not as they should be.

        Durability: when this returns, the message is durable and will be delivered once.
        """
        check_message_id(message_id)
        await self._check(to, name, payload)
        put = self._put(to, name, payload, message_id)
        return await self._judge(to, await self._callers.wait(put, "keep the message", _SAFE))

    async def signal(
        self, to: str, name: str, signal: msgspec.Struct, message_id: str | None = None
    ) -> bool:
        """Send a signal of the engine; else as `send`."""
        put = self._put(to, name, msgspec.json.encode(signal), message_id)
        return await self._judge(to, await self._callers.wait(put, "keep the request", _SAFE))

    async def perform(self, sender: str, key: str, request: SendRequest | CancelRequest) -> Outcome:
        """Do what a workflow asked for, however long the store has trouble.

        Done twice, it happens once: the message has an id.
        """
        message_id = id_of(key, request)
        while True:
            try:
                return await self._perform(sender, message_id, request)
            except ExecutionEnded as error:
                if isinstance(request, CancelRequest):
                    return _FALSE
                return _told(error, execution=error.execution, status=error.status)
            except StoreError as error:
                if not error.retriable:
                    return _told(error)
                await asyncio.sleep(_STORE_PAUSE_S)
            except FlawlessError as error:
                return _told(error)

    async def _perform(
        self, sender: str, message_id: str, request: SendRequest | CancelRequest
    ) -> Outcome:
        if isinstance(request, SendRequest):
            to, name, payload = request.to, request.name, bytes(request.payload)
            if (why := unreadable(payload)) is not None:  # a guest has written it
                raise InputInvalid(f"the payload cannot be read: {why}", path="payload")
            await self._check(to, name, payload)
        else:
            to, name = request.execution, CANCEL
            payload = cancel_signal(sender, request)
        await self._judge(to, await self._put(to, name, payload, message_id))
        return _NULL if isinstance(request, SendRequest) else _TRUE

    def _put(
        self, to: str, name: str, payload: bytes, message_id: str | None
    ) -> asyncio.Future[Result]:
        execution = ExecutionId(to)
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()

        def durable(result: Result) -> None:
            if isinstance(result, Sent) and result.outcome == "sent":
                self._notify(execution)
            if not done.done():
                done.set_result(result)

        def refused(error: Exception) -> None:
            if not done.done():
                done.set_exception(error)

        limits = self._limits
        write = Send(
            execution,
            name,
            payload,
            self._clock.now_us(),
            message_id,
            limits.inbox_messages_max,
            limits.inbox_bytes_max,
        )
        self._post(write, durable, refused)
        return done

    async def _judge(self, to: str, sent: Result) -> bool:
        """Whether it was sent, and not a duplicate; the reason why neither as an error."""
        assert isinstance(sent, Sent)
        match sent.outcome:
            case "sent" | "duplicate":
                return sent.outcome == "sent"
            case "unknown":
                raise ExecutionNotFound(to)
            case "full":
                raise InboxFull(to, self._limits.inbox_messages_max)
            case "ended":
                record = await self._store.get(ExecutionId(to))
                raise ExecutionEnded(to, "" if record is None else record.status)

    async def _check(self, to: str, name: str, payload: bytes) -> None:
        if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
            raise InputInvalid(
                f"a message's name has 1 to {NAME_CHARS_MAX} printable characters", path="name"
            )
        if name.startswith(SIGN):
            raise InputInvalid(
                f"{name!r}: names that begin with {SIGN!r} are the engine's own", path="name"
            )
        limit = self._limits.value_bytes_max
        if len(payload) > limit:
            raise ValueTooLarge("the payload", len(payload), limit)
        record = await self._store.get(ExecutionId(to))
        if record is None:
            raise ExecutionNotFound(to)
        if record.status.final:
            return  # the store says so, unless it has the message already
        self._fits(record.workflow, name, payload)


def id_of(key: str, request: SendRequest | CancelRequest) -> str:
    """Return the id of a message that the run with this key sends; no user can send such an id.

    After a retry another request may have the same number.
    """
    mark = hashlib.blake2b(msgspec.json.encode(request), digest_size=8).hexdigest()
    return f"{SIGN}{key}/{request.id}/{mark}"


def effect_of(message_id: str) -> int | None:
    """Return by which effect an execution has sent the message with this id; None if none has."""
    number = message_id.rpartition("/")[0].rpartition("/")[2]
    return int(number) if message_id.startswith(SIGN) and number.isdigit() else None


def cancel_signal(sender: str, request: CancelRequest) -> bytes:
    """Return what an execution is sent that another one wants to cancel."""
    return msgspec.json.encode(CancelSignal(request.reason, by=sender))


def check_message_id(message_id: str | None) -> None:
    """Raise `InputInvalid` unless a message may have this id."""
    if message_id is None:
        return
    if not isinstance(message_id, str):
        raise InputInvalid("a message's id is a text", path="id")
    if not (0 < len(message_id) <= MESSAGE_ID_CHARS_MAX and message_id.isprintable()):
        raise InputInvalid(
            f"a message's id has 1 to {MESSAGE_ID_CHARS_MAX} printable characters", path="id"
        )
    if message_id.startswith(SIGN):
        raise InputInvalid(f"ids that begin with {SIGN!r} are the engine's own", path="id")


def _told(error: FlawlessError, **fields: Any) -> Outcome:
    return host_error(type(error).__name__, str(error), **fields)
