"""Reading journals and logs page by page, while they grow and runs follow each other."""

from __future__ import annotations

from typing import Generic, TypeAlias, TypeVar

from flawless import api
from flawless.client.connection import Connection, path_of

P = TypeVar("P", api.JournalPage, api.LogPage)

LogLines: TypeAlias = list[api.LogLine]


class Tail(Generic[P]):
    """Reads the pages of one run's journal or logs, whether it is still the latest run or not."""

    def __init__(
        self,
        connection: Connection,
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
        self._connection = connection
        self._id = id
        self._type: type[P] = type_

    def read(self) -> P:
        """Return the next page."""
        page = self._page(f"{self._id}~{self.run}" if self.over else self._id)
        if self.run and page.run != self.run:
            self.over = True
            page = self._page(f"{self._id}~{self.run}")
        self.run = page.run
        self.ended = page.next is None
        self.position = max(self.position, page.length) if page.next is None else page.next
        return page

    def _page(self, id: str) -> P:  # noqa: A002 (the word of the API)
        journal = self._type is api.JournalPage
        tail, limit = (
            ("/journal", api.JOURNAL_LIMIT) if journal else ("/logs", api.JOURNAL_LIMIT_MAX)
        )
        query = {"from": self.position, "limit": limit}
        found: P = self._connection.get(path_of(id, tail), self._type, query)
        return found


class LogTail:
    """Reads an execution's messages as they come. One run after the other, from the present one."""

    def __init__(self, connection: Connection, id: str) -> None:  # noqa: A002 (the word of the API)
        self._connection = connection
        self._id = id
        self._tail = Tail(connection, id, api.LogPage)

    def read(self) -> LogLines:
        """Return what is new."""
        lines: LogLines = []
        while True:
            self._tail.ended = False
            while not self._tail.ended:
                lines += self._tail.read().logs
            if not self._tail.over:
                return lines
            self._tail = Tail(self._connection, self._id, api.LogPage, run=self._tail.run + 1)
