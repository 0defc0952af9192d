"""Moves committed pages from the write-ahead log into the database, beside the commits.

SQLite by itself does this inside the commit that makes the log long, which then takes many times
as long as the others. Here a thread with its own connection does it: that blocks neither writer
nor readers. One problem remains: the log can begin anew only when *every* page in it was moved,
and while the thread copies, new commits arrive. So after the thread's pass the writer itself moves
the few pages that came meanwhile, at a moment when no commit waits.

Pages are only moved up to a mark (`whole` tells what marks are good for). The writer sets one when
a pass is due, and a reader that begins right there keeps the thread from going further. When all
were moved, the file is sealed with another.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Final

import apsw

from flawless.stores.sqlite.sql import QUERIES

LOG_PAGES_MAX: Final = 2_000
"""A checkpoint begins when the log has this many pages (4 MB)."""


class Checkpointer:
    """Watches the log of `writer` (by its commit hook) and empties it from a thread.

    `connect` opens more connections; `mark` and `seal` set marks on the writer's. The writer is
    asked to call `work` soon when `due` is true, in its own thread.
    """

    def __init__(
        self,
        writer: apsw.Connection,
        connect: Callable[[], apsw.Connection],
        mark: Callable[[], None],
        seal: Callable[[], None],
        *,
        log_pages_max: int = LOG_PAGES_MAX,
    ) -> None:
        self._log_pages_max = log_pages_max
        self._writer = writer
        self._connect = connect
        self._mark = mark
        self._seal = seal
        self._log_pages = 0
        self._next_pass = log_pages_max
        self._pass_due = False
        self._pass_runs = False
        self._finish_due = False
        self._pin: apsw.Connection | None = None
        self._passes: SimpleQueue[bool] = SimpleQueue()
        self._thread = Thread(target=self._run, name="flawless-checkpoint", daemon=True)
        self.due = False

    def start(self) -> None:
        """Begin to watch."""
        self._writer.set_wal_hook(self._on_commit)
        self._thread.start()

    def stop(self) -> None:
        """Wait for a pass that is under way, then end."""
        self._writer.set_wal_hook(None)
        self._passes.put(False)
        self._thread.join()
        if self._pin is not None:
            self._pin.close()

    def work(self) -> None:
        """Set a mark, and move what the thread has left over, or let it begin.

        Raises `apsw.Error`; what could not be done stays due.
        """
        self._mark()
        if self._finish_due:
            if _checkpoint(self._writer) >= self._log_pages:
                self._seal()
            self._finish_due = False
        elif self._pass_due:
            self._stay_here()
            self._pass_due, self._pass_runs = False, True
            self._passes.put(True)
        self._look()

    def _stay_here(self) -> None:
        """Begin to read: what is committed from now on is not moved before `_go_on`."""
        if self._pin is None:
            self._pin = self._connect()
        try:
            self._pin.execute("BEGIN")
            self._pin.execute(QUERIES["marks"]).fetchall()
        except apsw.Error:
            self._go_on()
            raise

    def _go_on(self) -> None:
        assert self._pin is not None
        if self._pin.in_transaction:
            self._pin.execute("ROLLBACK")

    def _on_commit(self, _: apsw.Connection, __: str, log_pages: int) -> int:
        if log_pages < self._log_pages:
            self._next_pass = self._log_pages_max
        self._log_pages = log_pages
        if log_pages >= self._next_pass and not self._pass_runs:
            self._pass_due = True
            self._next_pass = log_pages + self._log_pages_max // 4
        self._look()
        return apsw.SQLITE_OK

    def _look(self) -> None:
        self.due = self._pass_due or self._finish_due

    def _run(self) -> None:
        connection: apsw.Connection | None = None
        try:
            while self._passes.get():
                try:
                    if connection is None:
                        connection = self._connect()
                    moved = _checkpoint(connection)
                except apsw.Error:
                    # A commit that finds the disk full or broken reports it; a pass that could not
                    # be made is only repeated, when the log has grown by another quarter.
                    moved = -1
                self._go_on()
                self._pass_runs = False
                if moved >= 0:
                    self._finish_due = self.due = True
        finally:
            if connection is not None:
                connection.close()


def _checkpoint(connection: apsw.Connection) -> int:
    """Move what can be moved without waiting; return how many pages of the log are now moved."""
    _, moved = connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
    return moved
