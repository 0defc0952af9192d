"""DBOS Transact, embedded: synchronous functions, on SQLite (in WAL mode) and on PostgreSQL."""

from __future__ import annotations

import platform
import sqlite3
import time
from abc import abstractmethod
from importlib.metadata import version
from typing import Any

from dbos import DBOS

from benchmarks.peers import postgres
from benchmarks.peers.marks import marker
from benchmarks.peers.peer import Embedded, Threaded

FOREVER_S = 3_600.0


@DBOS.step()
def noop_step(number: int) -> int:
    """Return what it is given."""
    return number


@DBOS.step()
def mark(tag: str, execution: str) -> int:
    """Leave a mark; `s1` blocks while the gate is shut."""
    own = marker()
    own.add(tag, execution)
    if tag == "s1" and own.blocked:
        time.sleep(FOREVER_S)
    return 1


@DBOS.workflow()
def noop() -> int:
    """See `benchmarks.peers.peer`, here and below."""
    return 0


@DBOS.workflow()
def steps(count: int) -> int:
    """Make steps."""
    return sum(noop_step(number) for number in range(count))


@DBOS.workflow()
def sleeper(seconds: float) -> int:
    """Sleep."""
    DBOS.sleep(seconds)
    return 1


@DBOS.workflow()
def nap(execution: str, seconds: float) -> int:
    """Mark, sleep, mark."""
    mark("a", execution)
    DBOS.sleep(seconds)
    return mark("b", execution)


@DBOS.workflow()
def blocked(execution: str, count: int) -> int:
    """Mark, and block in the second step."""
    return sum(mark(f"s{number}", execution) for number in range(count))


@DBOS.workflow()
def long(execution: str, count: int) -> int:
    """Make steps, and block in the last."""
    return sum(noop_step(number) for number in range(count)) + mark("s1", execution)


WORKFLOWS = {"noop": noop, "steps": steps, "sleeper": sleeper, "nap": nap, "blocked": blocked}
WORKFLOWS["long"] = long


class _Dbos(Embedded, Threaded):
    """What both stores have in common."""

    def versions(self) -> dict[str, str]:
        """See `Peer`."""
        return {
            "dbos": version("dbos"),
            "sqlalchemy": version("sqlalchemy"),
            "python": platform.python_version(),
        }

    @abstractmethod
    def url(self) -> str:
        """Return the address of the store, which exists."""

    def open(self) -> None:
        """See `Peer`."""
        DBOS(
            config={
                "name": "peers",
                "system_database_url": self.url(),
                "log_level": "WARNING",
                "enable_otlp": False,
                "application_version": "peers",  # the same after a restart: it recovers its own
            }
        )
        DBOS.launch()

    def close(self) -> None:
        """See `Peer`: nothing is left to do; threads that sleep would only hold it up."""

    def call(self, workflow: str, arguments: tuple[Any, ...]) -> Any:
        """See `Threaded`."""
        return DBOS.start_workflow(WORKFLOWS[workflow], *arguments).get_result()

    def start(self, workflow: str, arguments: tuple[Any, ...]) -> None:
        """See `Threaded`."""
        DBOS.start_workflow(WORKFLOWS[workflow], *arguments)


class OnSqlite(_Dbos):
    """On SQLite. DBOS leaves the rollback journal, half as fast; the file is put into WAL mode."""

    name = "dbos-sqlite"

    def settings(self) -> dict[str, str]:
        """See `Peer`."""
        return {
            "store": f"SQLite {sqlite3.sqlite_version}, put into WAL mode beforehand, "
            "synchronous=FULL",
            "engine": "embedded, defaults, synchronous functions; client threads in the same "
            "process",
        }

    def url(self) -> str:
        """See `_Dbos`."""
        path = self.folder / "dbos.db"
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA journal_mode = wal").fetchone()[0] == "wal"
        connection.close()
        return f"sqlite:///{path}"

    def store_bytes(self) -> int:
        """See `Peer`."""
        connection = sqlite3.connect(self.folder / "dbos.db", timeout=30)
        try:
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
        finally:
            connection.close()
        return (pages - free) * size


class OnPostgresql(_Dbos):
    """On PostgreSQL, which the benchmark has started, with its default settings."""

    name = "dbos-postgresql"

    @property
    def _database(self) -> str:
        return self.folder.name.replace("-", "_")

    def versions(self) -> dict[str, str]:
        """See `Peer`."""
        return super().versions() | {"postgresql": postgres.ask("SHOW server_version")}

    def settings(self) -> dict[str, str]:
        """See `Peer`."""
        shown = (f"{name}={postgres.ask(f'SHOW {name}')}" for name in postgres.DURABILITY)
        return {
            "store": f"PostgreSQL, defaults: {', '.join(shown)}",
            "engine": "embedded, defaults (20 connections), synchronous functions; client "
            "threads in the same process",
        }

    def url(self) -> str:
        """See `_Dbos`."""
        if not postgres.ask(f"SELECT 1 FROM pg_database WHERE datname = '{self._database}'"):
            postgres.ask(f"CREATE DATABASE {self._database}")
        return postgres.url(self._database).replace("postgresql:", "postgresql+psycopg:")

    def store_bytes(self) -> int:
        """See `Peer`."""
        return int(postgres.ask(f"SELECT pg_database_size('{self._database}')"))

    def numbers(self) -> list[int]:
        """See `Peer`: the server's processes are its as well."""
        return [*super().numbers(), *postgres.numbers()]
