"""What the writer remembers of the executions it last wrote to: where their next rows go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from flawless.errors import ExecutionNotFound, StoreConflict
from flawless.ids import ExecutionId
from flawless.stores.base import SEQ_END
from flawless.stores.sqlite.rows import EARLIER_RUN
from flawless.stores.sqlite.sql import QUERIES


class Tail:
    """Where the rows of one execution go, and what it certainly does not have.

    `base` is the key of the run times 2^24, `length` that of its journal, `origin` the key of the
    first run. Who was created with this tail in memory and never got more costs no look at its end.
    """

    __slots__ = (
        "base",
        "length",
        "may_have_attempts",
        "may_have_children",
        "may_have_inbox",
        "may_have_parent",
        "origin",
    )

    def __init__(self, key: int, origin: int, length: int) -> None:
        self.base = key * SEQ_END
        self.origin = origin
        self.length = length
        self.may_have_attempts = True
        self.may_have_children = True
        self.may_have_inbox = True
        self.may_have_parent = True


class Tails:
    """A bounded cache. Entries that were changed by a failed batch must be forgotten."""

    def __init__(
        self, execute: Callable[..., Any], count_max: int, before_reading: Callable[[], None]
    ) -> None:
        """`before_reading` is called before a journal's end is read: it must be in the table."""
        self._execute = execute
        self._before_reading = before_reading
        self._count_max = count_max
        self.cached: OrderedDict[ExecutionId, Tail] = OrderedDict()

    def find(self, id_: ExecutionId) -> Tail:
        """Return the tail of an execution; raises `ExecutionNotFound` or `StoreConflict`."""
        return self.cached.get(id_) or self.load(id_)

    def load(self, id_: ExecutionId) -> Tail:
        """Read an execution's keys and the length of its journal."""
        row = self._execute(QUERIES["execution_keys"], (id_,)).fetchone()
        if row is None:
            raise ExecutionNotFound(id_)
        key, origin, status, _ = row
        if status >= EARLIER_RUN:
            raise StoreConflict(f"{id_!r} is an earlier run, to which nothing is written any more")
        base = key * SEQ_END
        self._before_reading()
        last = self._execute(QUERIES["journal_end"], (base, base + SEQ_END)).fetchone()
        tail = Tail(key, origin, 0 if last is None else last[0] - base + last[1])
        self.remember(id_, tail)
        return tail

    def remember(self, id_: ExecutionId, tail: Tail) -> None:
        """Keep a tail, and let the one go that was kept first if there are too many."""
        self.cached[id_] = tail
        if len(self.cached) > self._count_max:
            self.cached.popitem(last=False)

    def forget(self, id_: ExecutionId) -> None:
        """Read it afresh next time."""
        self.cached.pop(id_, None)
