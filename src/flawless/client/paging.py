"""Reading what comes in pages: children, journals and logs, while they grow and runs follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from flawless import api
from flawless.client.call import Call, Query, get, path_of
from flawless.client.execution_calls import list_executions
from flawless.client.plans import Give, Item, Plan, Series


class Paged(Protocol):
    """A page of a list; `next` is the place behind it, None where the list ends."""

    @property
    def next(self) -> str | None:
        """Return the place."""
        ...


N = TypeVar("N", bound=Paged)
P = TypeVar("P", api.JournalPage, api.LogPage)

LogLines: TypeAlias = list[api.LogLine]


def executions(
    *,
    status: str | None = None,
    workflow: str | None = None,
    prefix: str = "",
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    attributes: Mapping[str, str] | None = None,
    runs: bool = False,
) -> Series[api.Execution]:
    """Yield all executions that fulfil the conditions, newest first, page after page.

    Those that are created meanwhile are not among them.
    """

    def look(before: str | None) -> Call[api.ExecutionPage]:
        return list_executions(
            status=status,
            workflow=workflow,
            prefix=prefix,
            created_after=created_after,
            created_before=created_before,
            attributes=attributes,
            limit=api.PARKED_LIMIT_MAX if status == "parked" else api.LIST_LIMIT_MAX,
            before=before,
            runs=runs,
        )

    return newest_first(look, lambda page: page.executions)


def inbox() -> Series[api.InboxItem]:
    """Yield the effects, of all executions, that wait for a person's decision."""
    return newest_first(
        lambda before: get("/inbox", api.InboxPage, *behind(before)), lambda page: page.items
    )


def newest_first(
    look: Callable[[str | None], Call[N]], items: Callable[[N], Iterable[Item]]
) -> Series[Item]:
    """Yield the items of all pages of a list; `look` asks for the page behind a place."""
    before: str | None = None
    while True:
        page = yield from look(before)
        for item in items(page):
            yield Give(item)
        before = page.next
        if before is None:
            return


def behind(before: str | None) -> Query:
    """Return the query for the page behind a place; None is the beginning."""
    return () if before is None else (("before", before),)


def messages(id: str) -> Series[api.Message]:  # noqa: A002 (the word of the API)
    """Yield the messages that wait in an execution's inbox, in the order in which they came."""
    place: int | None = 1
    while place is not None:
        page = yield from get(path_of(id, "/messages"), api.MessagePage, ("from", place))
        for message in page.messages:
            yield Give(message)
        place = page.next


def children(id: str) -> Series[api.Execution]:  # noqa: A002 (the word of the API)
    """Yield the executions that this one has started, in order."""
    place: int | None = 0
    while place is not None:
        where = ("from", place), ("limit", api.LIST_LIMIT_MAX)
        page = yield from get(path_of(id, "/children"), api.ChildrenPage, *where)
        for child in page.children:
            yield Give(child)
        place = page.next


def journal(id: str) -> Series[dict[str, Any]]:  # noqa: A002 (the word of the API)
    """Yield all entries of an execution's journal, in order; see `journal_pages`."""
    tail = Tail(id, api.JournalPage)
    while not tail.ended:
        for entry in (yield from tail.read()).entries:
            yield Give(entry)


def journal_pages(id: str) -> Series[api.JournalPage]:  # noqa: A002 (the word of the API)
    """Yield an execution's journal in pages.

    It is the journal of one run, also when the next run begins while it is read.
    """
    tail = Tail(id, api.JournalPage)
    while not tail.ended:
        yield Give((yield from tail.read()))


def logs(id: str, position: int = 0) -> Plan[tuple[LogLines, int]]:  # noqa: A002 (the word of the API)
    """Return the messages from a journal position on, and the position to go on from later."""
    tail = Tail(id, api.LogPage, position)
    lines: LogLines = []
    while not tail.ended:
        lines += (yield from tail.read()).logs
    return lines, tail.position


class Tail(Generic[P]):
    """Reads the pages of one run's journal or logs, whether it is still the latest run or not."""

    def __init__(
        self,
        id: str,  # noqa: A002 (the word of the API)
        type_: type[P],
        position: int = 0,
        *,
        run: int = 0,
    ) -> None:
        self.position = position
        self.run = run
        """Which run it reads; 0 until it is known."""
        self.ended = False
        """Whether everything was read that there was."""
        self.over = False
        """Whether a later run has begun."""
        self._id = id
        self._type: type[P] = type_

    def read(self) -> Plan[P]:
        """Return the next page."""
        page = yield from self._page(f"{self._id}~{self.run}" if self.over else self._id)
        if self.run and page.run != self.run:
            self.over = True
            page = yield from self._page(f"{self._id}~{self.run}")
        self.run = page.run
        self.ended = page.next is None
        self.position = max(self.position, page.length) if page.next is None else page.next
        return page

    def _page(self, id: str) -> Plan[P]:  # noqa: A002 (the word of the API)
        is_journal = self._type is api.JournalPage
        limit = api.JOURNAL_LIMIT if is_journal else api.JOURNAL_LIMIT_MAX
        path = path_of(id, "/journal" if is_journal else "/logs")
        page: P = yield from get(path, self._type, ("from", self.position), ("limit", limit))
        return page


class LogReader:
    """Reads an execution's messages as they come. One run after the other, from the present one."""

    def __init__(self, id: str) -> None:  # noqa: A002 (the word of the API)
        self._id = id
        self._tail = Tail(id, api.LogPage)

    def read(self) -> Plan[LogLines]:
        """Return what is new."""
        lines: LogLines = []
        while True:
            self._tail.ended = False
            while not self._tail.ended:
                lines += (yield from self._tail.read()).logs
            if not self._tail.over:
                return lines
            self._tail = Tail(self._id, api.LogPage, run=self._tail.run + 1)
