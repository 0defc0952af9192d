"""Moves committed pages from the write-ahead log into the database, beside the commits.

SQLite by itself does this inside the commit that makes the log long, which then takes many times
as long as the others. Here a thread with its own connection does it: that blocks neither writer
nor readers. One problem remains: the log can begin anew only when *every* page in it was moved,
and while the thread copies, new commits arrive. So after the thread's pass the writer itself moves
the few pages that came meanwhile, at a moment when no commit waits (`finish_due`).
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Final

import apsw

LOG_PAGES_MAX: Final = 2_000
"""A checkpoint begins when the log has this many pages (4 MB)."""


class Checkpointer:
    """Watches the log of `writer` (by its commit hook) and empties it from a thread.

    `connect` opens the thread's own connection.
    """

    def __init__(
        self,
        writer: apsw.Connection,
        connect: Callable[[], apsw.Connection],
        *,
        log_pages_max: int = LOG_PAGES_MAX,
    ) -> None:
        self._log_pages_max = log_pages_max
        self._writer = writer
        self._connect = connect
        self._log_pages = 0
        self._asked = False
        self._next_ask = log_pages_max
        self._requests: SimpleQueue[bool] = SimpleQueue()
        self._thread = Thread(target=self._run, name="flawless-checkpoint", daemon=True)
        self.finish_due = False
        """Whether the writer should call `finish` when it has a moment."""

    def start(self) -> None:
        """Begin to watch."""
        self._writer.set_wal_hook(self._on_commit)
        self._thread.start()

    def stop(self) -> None:
        """Wait for a pass that is under way, then end."""
        self._writer.set_wal_hook(None)
        self._requests.put(False)
        self._thread.join()

    def finish(self) -> None:
        """Move the rest, on the writer's connection and in the writer's thread."""
        self.finish_due = False
        _checkpoint(self._writer)

    def _on_commit(self, _: apsw.Connection, __: str, log_pages: int) -> int:
        if log_pages < self._log_pages:  # the log began anew
            self._next_ask = self._log_pages_max
        self._log_pages = log_pages
        if log_pages >= self._next_ask and not self._asked:
            self._asked = True
            self._next_ask = log_pages + self._log_pages_max // 4
            self._requests.put(True)
        return apsw.SQLITE_OK

    def _run(self) -> None:
        connection: apsw.Connection | None = None
        try:
            while self._requests.get():
                try:
                    if connection is None:
                        connection = self._connect()
                    moved = _checkpoint(connection)
                except apsw.Error:
                    # A commit that finds the disk full or broken reports it; a pass that could not
                    # be made is only repeated, when the log has grown by another quarter.
                    moved = -1
                self.finish_due = 0 <= moved < self._log_pages
                self._asked = False
        finally:
            if connection is not None:
                connection.close()


def _checkpoint(connection: apsw.Connection) -> int:
    """Move what can be moved without waiting; return how many pages of the log are now moved."""
    _, moved = connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
    return moved
