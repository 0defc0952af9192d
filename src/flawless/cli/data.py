"""The data folder."""

from __future__ import annotations

from pathlib import Path

from flawless.errors import StoreError


def make_folder(data: Path) -> Path:
    """Return the folder, made if it is not there, and kept out of version control."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = data / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise StoreError(
            "use the data folder",
            f"{data}: {error.strerror or error}",
            "Check that it is a folder this user may write to, or name another one with --data.",
            retriable=False,
        ) from error
    return data
