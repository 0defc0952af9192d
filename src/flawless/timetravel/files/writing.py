"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from flawless.wasm.writing import put_in_place


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, for its owner only, in place of what is there. Raises `OSError`.

    Durability: when this returns, the file is whole and durable under that name; else what was
    there before is as it was.
    """
    put_in_place(path, content, partial=".partial-")
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make names durable. File systems that cannot do that for folders need not."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
