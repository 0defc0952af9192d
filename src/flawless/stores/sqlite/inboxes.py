"""Puts messages into inboxes and takes them out, within the writer's transaction.

The row of an inbox has its last number and how much waits in it, so that no write counts messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from flawless.core.signals import SIGN
from flawless.core.status import Status
from flawless.ids import ExecutionId
from flawless.stores.base import MESSAGE_END, Send, Sent
from flawless.stores.sqlite.rows import STATUS, STATUS_NUMBER
from flawless.stores.sqlite.sql import QUERIES
from flawless.stores.sqlite.tails import Tail, Tails

_WAKEABLE: Final = (STATUS_NUMBER[Status.WAITING], STATUS_NUMBER[Status.PARKED])


class _Recipient(NamedTuple):
    """A row of the queries `recipient` and `recipient_of_origin`."""

    key: int
    origin: int
    id: ExecutionId
    status: int
    wake_us: int | None
    listening: int


class _Level(NamedTuple):
    """A row of the query `inbox`."""

    last: int
    waiting: int
    waiting_bytes: int


class Inboxes:
    """The inboxes of all executions."""

    def __init__(self, execute: Callable[..., Any], tails: Tails) -> None:
        self._execute = execute
        self._tails = tails

    def send(self, write: Send) -> Sent:
        """Carry out a `Send`."""
        row = self._execute(QUERIES["recipient"], (write.id,)).fetchone()
        if row is None:
            return Sent("unknown")
        to = _Recipient(*row)
        if (
            write.message_id is not None
            and to.status in STATUS_NUMBER.values()  # else: an earlier run, which has no inbox
            and self._execute(QUERIES["message_known"], (to.origin, write.message_id)).get
        ):
            return Sent("duplicate")
        if STATUS[to.status].final:
            return Sent("ended")
        level = self._level(to.origin)
        if level.last + 1 >= MESSAGE_END:
            return Sent("full")
        if not write.name.startswith(SIGN) and (
            level.waiting >= write.waiting_max
            or level.waiting_bytes + len(write.payload) > write.bytes_max
        ):
            return Sent("full")
        number = self._put(to, level, write.name, write.payload, write.at_us, write.message_id)
        return Sent("sent", number)

    def signal(
        self,
        origin: int,
        name: str,
        payload: bytes,
        at_us: int,
        *,
        also_failed: bool = False,
    ) -> ExecutionId | None:
        """Send a signal of the store's own to whoever began as `origin`, unless that has ended.

        Returns the id of who got it.
        """
        to = _Recipient(*self._execute(QUERIES["recipient_of_origin"], (origin,)).fetchone())
        level = self._level(origin)
        status = STATUS[to.status]
        ended = status.final and not (also_failed and status is Status.FAILED)
        if ended or level.last + 1 >= MESSAGE_END:
            return None
        self._put(to, level, name, payload, at_us, None)
        return to.id

    def has_waking(self, tail: Tail, seen: int, *, listening: bool) -> bool:
        """Whether something behind the number `seen` wakes an execution."""
        base = tail.origin * MESSAGE_END
        row = self._execute(
            QUERIES["waking_message"], (base + seen, base + MESSAGE_END, int(listening))
        ).fetchone()
        return row is not None

    def receive(self, tail: Tail, numbers: Sequence[int]) -> None:
        """Take messages out."""
        count = size = 0
        base = tail.origin * MESSAGE_END
        for number in numbers:
            if not 0 < number < MESSAGE_END:
                continue
            row = self._execute(QUERIES["receive_message"], (base + number,)).fetchone()
            if row is not None and not row[0].startswith(SIGN):
                count += 1
                size += row[1]
        if count:
            self._execute(QUERIES["free_inbox"], (tail.origin, count, size))

    def clear(self, tail: Tail) -> None:
        """Take everything out. The last number stays, and so do the ids that are known."""
        level = self._execute(QUERIES["inbox"], (tail.origin,)).fetchone()
        if level is None:
            return
        base = tail.origin * MESSAGE_END
        self._execute(QUERIES["delete_messages"], (base, base + MESSAGE_END))
        self._execute(QUERIES["save_inbox"], (tail.origin, level[0], 0, 0))

    def keep_unread(self, tail: Tail) -> None:
        """Take out only what tells the execution what to do: it has failed, and may be retried."""
        base = tail.origin * MESSAGE_END
        self._execute(QUERIES["delete_orders"], (base, base + MESSAGE_END))

    def _level(self, origin: int) -> _Level:
        row = self._execute(QUERIES["inbox"], (origin,)).fetchone()
        return _Level(0, 0, 0) if row is None else _Level(*row)

    def _put(
        self,
        to: _Recipient,
        level: _Level,
        name: str,
        payload: bytes,
        at_us: int,
        message_id: str | None,
    ) -> int:
        number = level.last + 1
        is_signal = name.startswith(SIGN)
        waiting, size = level.waiting, level.waiting_bytes
        if not is_signal:
            waiting, size = waiting + 1, size + len(payload)
        self._execute(QUERIES["save_inbox"], (to.origin, number, waiting, size))
        self._execute(
            QUERIES["insert_message"],
            (to.origin * MESSAGE_END + number, name, payload, at_us, message_id),
        )
        if message_id is not None:
            self._execute(QUERIES["insert_message_id"], (to.origin, message_id))
        if (
            to.status in _WAKEABLE
            and (is_signal or to.listening)
            and (to.wake_us is None or to.wake_us > at_us)
        ):
            self._execute(QUERIES["wake"], (to.key, at_us))
        tail = self._tails.cached.get(to.id)
        if tail is not None:
            tail.may_have_inbox = True
        return number
