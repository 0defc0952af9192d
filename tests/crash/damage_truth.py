"""What a store held at each of its commits, and what a damaged one turns out to hold."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from failing_files import LENGTH

from flawless.errors import FlawlessError
from flawless.stores import SQLiteStore

LOG_PAGES_MAX = 60
"""So small that the log begins anew several times."""
SECTOR_BYTES = 512
DATABASE, LOG, INDEX = "app.db", "app.db-wal", "app.db-shm"

Image = dict[str, bytes]
"""The files of a store by their names."""

_LEFT_OUT = {"session", "blob"}


def contents(connection: Any) -> str:
    """Return a digest of every row a store holds, but of what each opening changes."""
    digest = hashlib.sha256()
    tables = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
    ).fetchall()
    for (table,) in tables:
        if table not in _LEFT_OUT:
            rows = connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
            digest.update(repr((table, rows)).encode())
    rows = connection.execute("SELECT key, sha256, length(data) FROM blob ORDER BY 1").fetchall()
    digest.update(repr(rows).encode())
    return digest.hexdigest()[:16]


def found_in(path: Path) -> str:
    """Open a store as an engine would, and return the digest of what it holds.

    If it is refused, return the error after `refused: `. Anything else that is raised comes
    through: it should not be.
    """
    return asyncio.run(_found_in(SQLiteStore(path, log_pages_max=LOG_PAGES_MAX)))


async def _found_in(store: SQLiteStore) -> str:
    try:
        await store.open()
        try:
            assert store._parts is not None
            return store._read("read everything", lambda _: contents(store._parts.reading))  # type: ignore[union-attr]  # it is open
        finally:
            await store.close()
    except FlawlessError as error:
        return f"refused: {error}"


def put(path: Path, image: Image) -> Path:
    """Make the files at `path` what an image says, and nothing else; return the path."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        name = path.with_name(path.name + suffix)
        data = image.get(DATABASE + suffix)
        if data is None:
            name.unlink(missing_ok=True)
        else:
            name.write_bytes(data)
    return path


def take(path: Path) -> Image:
    """Return the files at `path`."""
    names = {suffix: path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")}
    return {DATABASE + suffix: name.read_bytes() for suffix, name in names.items() if name.exists()}


@dataclass(slots=True)
class Disk:
    """The files of a recorded life at one moment: as programs see them, and as the disk has them.

    `truths` are the digests at the commits so far.
    """

    seen: dict[str, bytearray] = field(default_factory=dict)
    durable: dict[str, bytearray] = field(default_factory=dict)
    pending: dict[str, list[tuple[int, bytes | None]]] = field(default_factory=dict)
    truths: list[str] = field(default_factory=list)
    last: tuple[str, int, int, bytes, int] | None = None
    """The latest write, if nothing came after it: where, how long, and what was there before."""

    def happen(self, kind: str, *what: Any) -> None:
        """Let one recorded operation happen."""
        self.last = None
        match kind, what:
            case "file", (name, data) if self.seen.get(name) != data:  # made by other means
                self.seen[name], self.durable[name] = bytearray(data), bytearray(data)
                self.pending[name] = []
            case "write", (name, offset, data):
                before = bytes(self.seen[name][offset : offset + len(data)])
                self.last = name, offset, len(data), before, len(self.seen[name])
                _write(self.seen[name], offset, data)
                self.pending[name].append((offset, data))
            case "truncate", (name, size):
                _write(self.seen[name], size, None)
                self.pending[name].append((size, None))
            case "sync", (name,):
                for offset, data in self.pending[name]:
                    _write(self.durable[name], offset, data)
                self.pending[name] = []
            case "dropped", (name,):
                self.pending[name] = []
            case "delete", (name,):
                for files in (self.seen, self.durable, self.pending):
                    files.pop(name, None)
            case (("opened" | "committed"), (truth,)):
                self.truths.append(truth)

    def killed(self, chance: Random | None = None) -> Image:
        """Return what a process leaves that is killed now: the operating system lives on.

        By `chance`, only the first sectors of the latest write were written.
        """
        image = {name: bytes(data) for name, data in self.seen.items()}
        if self.last is not None and chance is not None and chance.random() < 0.7:
            name, offset, length, before, size = self.last
            done = chance.randrange(length)
            done = max(0, done - (offset + done) % SECTOR_BYTES)
            data = image[name][: offset + done] + before[done:] + image[name][offset + length :]
            image[name] = data[: max(size, offset + done)]
        return image

    @property
    def moving(self) -> bool:
        """Whether pages are being moved from the log into the file: it is of no one moment."""
        return bool(self.pending.get(DATABASE))

    def powerless(self, chance: Random) -> Image:
        """Return what is there when the power fails now: of what was not synced, any sectors."""
        image = {}
        for name, durable in self.durable.items():
            data = bytearray(durable)
            odds = chance.choice([0.0, 0.1, 0.5, 0.9, 1.0])
            for offset, written in self.pending[name]:
                if written is None:
                    if chance.random() < odds:
                        _write(data, offset, None)
                    continue
                start = 0
                while start < len(written):
                    end = min(len(written), start + SECTOR_BYTES - (offset + start) % SECTOR_BYTES)
                    if chance.random() < odds:
                        _write(data, offset + start, written[start:end])
                    start = end
            image[name] = bytes(data)
        return image


def _write(file: bytearray, offset: int, data: bytes | None) -> None:
    """Write, or truncate to `offset`."""
    if data is None:
        del file[offset:]
        file.extend(bytes(offset - len(file)))
        return
    file.extend(bytes(max(0, offset - len(file))))
    file[offset : offset + len(data)] = data


def recorded(path: Path) -> list[tuple[Any, ...]]:
    """Return the operations that a life wrote down."""
    operations = []
    with path.open("rb") as file:
        while size := file.read(LENGTH.size):
            operations.append(tuple(msgspec.msgpack.decode(file.read(*LENGTH.unpack(size)))))
    return operations


if __name__ == "__main__":
    import shutil
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for file in Path(sys.argv[1]).parent.iterdir():
            shutil.copy(file, folder)
        print(found_in(Path(folder, Path(sys.argv[1]).name)))
