"""Finds executions for lists, with bounded work.

Whatever is asked for, the executions are walked in the order of creation, newest first, along one
of several ways: all of them, those with a status, those with an attribute, or those whose ids begin
with a text. Each way passes only some executions; what else is asked for is looked up in each. One
call walks `SCANNED_MAX` steps at most. So the best way is the one that comes furthest back with
that many steps, and measuring how far each comes costs one walk over an index.

There is no index of times: it would have to be written with every execution. Instead `creation`
tells when each block of 1,024 was created, so that whole blocks are left out, also where a clock
was set back in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from flawless.core.status import Status
from flawless.ids import ExecutionId
from flawless.stores.base import SCANNED_MAX, Page, Record, Selection
from flawless.stores.selection import cursor, place
from flawless.stores.sqlite.rows import EARLIER_RUN, STATUS_NUMBER, record
from flawless.stores.sqlite.sql import QUERIES

BLOCK_BITS: Final = 10
BLOCK_KEYS: Final = 1 << BLOCK_BITS
"""Executions of a block: part of the file format (see the table `creation`)."""

_NOTHING: Final = Page([])
_BEHIND_ALL_IDS: Final = b""
"""In SQLite any blob is greater than any text."""


class _Way(NamedTuple):
    """The rows that are walked along: a FROM clause, the column of their key, and a condition."""

    source: str
    key: str
    condition: str = "1"
    values: tuple[Any, ...] = ()
    to_execution: str = ""
    """How the execution is joined, where the way is along another table."""


class _Stretch(NamedTuple):
    """A way from the key `end` (exclusive) back to `begin`, in `steps` steps or fewer."""

    begin: int
    steps: int
    way: _Way


_ALL: Final = _Way("execution AS e", "e.key")

_HAS_ATTRIBUTE: Final = f"EXISTS ({QUERIES['has_attribute']})"


class Search:
    """Searches on one connection, within a transaction of its owner."""

    def __init__(self, execute: Callable[..., Any]) -> None:
        self._execute = execute

    def page(self, wanted: Selection, limit: int, before: str | None) -> Page:
        """See `Store.list`."""
        begin, end = self._keys(wanted, before)
        workflow = None
        if wanted.workflow is not None:
            workflow = self._execute(QUERIES["name_key"], (wanted.workflow,)).get
            if workflow is None:
                return _NOTHING
        if limit < 1 or begin >= end:
            return _NOTHING
        stretch = self._shortest(wanted, begin, end)
        conditions, values = _conditions(wanted, workflow)
        way = stretch.way
        found = [
            key
            for (key,) in self._execute(
                _written("walk", way, conditions=conditions),
                (*way.values, stretch.begin, end, *values, limit + 1),
            )
        ]
        if len(found) > limit:
            return Page(self._records(found[:limit]), cursor(found[limit - 1]))
        more = cursor(stretch.begin) if stretch.begin > begin else None
        return Page(self._records(found), more)

    def _records(self, keys: list[int]) -> list[Record]:
        rows = self._execute(QUERIES["records_of_keys"], (msgspec.json.encode(keys).decode(),))
        return [record(row) for row in rows]

    def _keys(self, wanted: Selection, before: str | None) -> tuple[int, int]:
        """Return between which keys everything lies that can match."""
        newest = self._execute(QUERIES["newest_key"]).get
        if newest is None:
            return 0, 0
        begin, end = 1, newest + 1
        if before is not None:
            known = place(before)
            if known is None:
                known = self._execute(QUERIES["execution_key"], (ExecutionId(before),)).get or 0
            end = min(end, known)
        open_block = newest >> BLOCK_BITS << BLOCK_BITS
        if wanted.created_before_us is not None:
            limit = (wanted.created_before_us,)
            earliest = self._execute(QUERIES["earliest_from"], (open_block,)).get
            if earliest >= wanted.created_before_us:
                last = self._execute(QUERIES["last_block_before"], limit).get
                end = min(end, 0 if last is None else (last + 1) << BLOCK_BITS)
        if wanted.created_after_us is not None:
            first = self._execute(QUERIES["first_block_after"], (wanted.created_after_us,)).get
            begin = max(begin, open_block if first is None else first << BLOCK_BITS)
        return begin, end

    def _shortest(self, wanted: Selection, begin: int, end: int) -> _Stretch:
        """Return the way that comes furthest back, and among those the shortest."""
        stretches = [_Stretch(max(begin, end - SCANNED_MAX), min(SCANNED_MAX, end - begin), _ALL)]
        stretches += [self._measured(way, begin, end) for way in _ways(wanted)]
        if wanted.prefix:
            way = _ids_alike(wanted.prefix)
            count = self._execute(QUERIES["count_prefix"], (*way.values, SCANNED_MAX + 1)).get
            if count <= SCANNED_MAX:  # else they cannot be put into the order of creation
                stretches.append(_Stretch(begin, count, way))
        return min(stretches, key=lambda stretch: stretch[:2])

    def _measured(self, way: _Way, begin: int, end: int) -> _Stretch:
        """Return how far a way comes back, counted on its index alone."""
        steps, last = self._execute(
            _written("measure", way), (*way.values, begin, end, SCANNED_MAX)
        ).fetchone()
        return _Stretch(last if steps == SCANNED_MAX else begin, steps, way)


def _ways(wanted: Selection) -> list[_Way]:
    """Return the ways along an index that is in the order of creation."""
    ways = [
        _Way(
            "attribute AS a",
            "a.key",
            "a.name = ? AND a.value = ?",
            attribute,
            " CROSS JOIN execution AS e ON e.key = a.key",
        )
        for attribute in wanted.attributes.items()
    ]
    if wanted.status not in (None, Status.COMPLETED) and not wanted.runs:
        assert wanted.status is not None
        source, condition = (
            "execution AS e INDEXED BY execution_status",
            "e.status = ? AND e.status < 5",
        )
        ways.append(_Way(source, "e.key", condition, (STATUS_NUMBER[wanted.status],)))
    return ways


def _ids_alike(prefix: str) -> _Way:
    """Return the way along ids. The sign keeps SQLite from walking along the keys."""
    return _Way("execution AS e", "+e.key", "e.id >= ? AND e.id < ?", (prefix, _after(prefix)))


def _conditions(wanted: Selection, workflow: int | None) -> tuple[str, list[Any]]:
    """Return what is looked up in each execution. Signs keep SQLite from choosing its own way."""
    conditions: list[str] = ["1"]
    values: list[Any] = []
    if wanted.status is not None:
        number = STATUS_NUMBER[wanted.status]
        conditions.append("+e.status IN (?, ?)")
        values += [number, number + EARLIER_RUN if wanted.runs else number]
    elif not wanted.runs:
        conditions.append("+e.status < ?")
        values.append(EARLIER_RUN)
    if workflow is not None:
        conditions.append("e.workflow = ?")
        values.append(workflow)
    if wanted.prefix:
        conditions.append("substr(e.id, 1, ?) = ?")
        values += [len(wanted.prefix), wanted.prefix]
    if wanted.created_after_us is not None:
        conditions.append("e.created_us >= ?")
        values.append(wanted.created_after_us)
    if wanted.created_before_us is not None:
        conditions.append("e.created_us < ?")
        values.append(wanted.created_before_us)
    for name, value in wanted.attributes.items():
        conditions.append(_HAS_ATTRIBUTE)
        values += [name, value]
    return " AND ".join(conditions), values


def _written(query: str, way: _Way, *, conditions: str = "") -> str:
    """Return a query that goes along a way. What comes from callers is never part of its text."""
    return QUERIES[query].format(
        source=way.source,
        execution=way.to_execution,
        key=way.key,
        way=way.condition,
        conditions=conditions,
    )


def _after(prefix: str) -> str | bytes:
    """Return what is behind all texts that begin with `prefix`, for the index."""
    last = ord(prefix[-1])
    return prefix[:-1] + chr(last + 1) if last < 0xD7FF else _BEHIND_ALL_IDS
