"""The folder of export files that were brought here from elsewhere."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from flawless.errors import StoreError, UsageError
from flawless.timetravel.files.export_format import SUFFIX
from flawless.timetravel.files.writing import write_whole

FOLDER: Final = "imports"
"""Within the data folder."""
NAME_CHARS_MAX: Final = 200
"""Names of files are longer nowhere; the ids of children may be."""


class Imports:
    """Export files by the ids of their executions, within a data folder.

    Nothing here is run, and no engine looks at it: it is what `flawless replay ID` finds.
    """

    def __init__(self, data: Path) -> None:
        self.folder = data / FOLDER

    def path(self, execution: str) -> Path:
        """Return where the file of an execution is, or would be."""
        name = execution
        if len(name) > NAME_CHARS_MAX:
            digest = hashlib.sha256(execution.encode()).hexdigest()
            name = f"{execution[: NAME_CHARS_MAX - 33]}.{digest[:32]}"
        return self.folder / f"{name}{SUFFIX}"

    def find(self, execution: str) -> Path | None:
        """Return the file of an execution, or None."""
        if "/" in execution or "\0" in execution:
            return None
        path = self.path(execution)
        return path if path.is_file() else None

    def add(self, execution: str, content: bytes, *, replace: bool = False) -> tuple[Path, bool]:
        """Keep a file, which must have been checked; return where, and whether it is new.

        Raises `UsageError` when there is another one for that execution and it may not be replaced,
        `StoreError` when the folder cannot be written.

        Durability: when this returns, the file is whole and durable.
        """
        path = self.path(execution)
        try:
            if path.exists():
                if path.read_bytes() == content:
                    return path, False
                if not replace:
                    raise UsageError(
                        f"another recording of {execution!r} was imported before ({path}): replace "
                        "it with --replace"
                    )
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            raise StoreError(
                "keep an imported file",
                f"{self.folder}: {error.strerror or error}",
                "Check that it is a folder this user may write to, or name another data folder "
                "with --data.",
                retriable=False,
            ) from error
        return path, True
