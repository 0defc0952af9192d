"""Files that are imported: what is read of them, and how they are kept."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from flawless import UsageError
from flawless.errors import StoreError
from flawless.timetravel import Imports, open_export
from flawless.timetravel.files import importing
from flawless.timetravel.files.importing import read_file
from flawless.timetravel.files.writing import write_whole


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Folders, pipes, devices without an end, and what is not there."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero"), tmp_path / "nothing.flawless"):
        for read in (open_export, read_file):
            with pytest.raises(UsageError, match="cannot be read"):
                read(path)


def test_no_more_is_read_than_a_file_may_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither of one that is too large, nor of one that grows after its size was looked at."""
    file = tmp_path / "it.flawless"
    file.write_bytes(bytes(100))
    monkeypatch.setattr(importing, "FILE_BYTES_MAX", 100)
    assert read_file(file) == bytes(100)
    file.write_bytes(bytes(101))
    with pytest.raises(UsageError, match="too large to be an export file"):
        read_file(file)
    monkeypatch.setattr(importing, "_check_size", lambda *_: None)
    with pytest.raises(UsageError, match="too large to be an export file"):
        read_file(file)


def test_imports_are_found_by_id(tmp_path: Path) -> None:
    """The same file again is no news; another one must be allowed to take its place."""
    imports = Imports(tmp_path)
    assert imports.find("order:1") is None
    path, new = imports.add("order:1", b"one")
    assert (path, new, path.stat().st_mode & 0o777) == (imports.find("order:1"), True, 0o600)
    assert imports.add("order:1", b"one") == (path, False)
    with pytest.raises(UsageError, match="--replace"):
        imports.add("order:1", b"two")
    assert imports.add("order:1", b"two", replace=True) == (path, True)
    assert path.read_bytes() == b"two"
    assert [file.name for file in imports.folder.iterdir()] == ["order:1.flawless"]


def test_an_import_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content reaches the disk before its name does, and the name before the call returns."""
    imports = Imports(tmp_path)
    synced: list[tuple[bool, list[str]]] = []

    def sync(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        synced.append((is_folder, [file.name for file in imports.folder.glob("[!.]*")]))

    monkeypatch.setattr(os, "fsync", sync)
    imports.add("order", b"one")
    assert synced == [(False, []), (True, ["order.flawless"])]


def test_what_was_there_stays_when_a_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half of the new one takes its place, and none is left beside it."""
    file = tmp_path / "it.flawless"
    write_whole(file, b"one")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"two")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [(file.name, b"one")]


def test_ids_of_any_length_can_be_imported(tmp_path: Path) -> None:
    """Those of children may be longer than names of files."""
    imports = Imports(tmp_path)
    names = ["x" * 1_000, "x" * 999, "x" * 200, "a~1"]
    for name in names:
        imports.add(name, name.encode())
    assert [imports.find(name).read_bytes() for name in names] == [name.encode() for name in names]  # type: ignore[union-attr]  # they are there
    assert imports.find("../imports/a~1") is None


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """The error names it."""
    (tmp_path / "imports").write_text("in the way")
    with pytest.raises(StoreError, match="imports"):
        Imports(tmp_path).add("x", b"one")
