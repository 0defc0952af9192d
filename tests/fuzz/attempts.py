"""Handing input to a target so that whoever sees it fail can see it again."""

from __future__ import annotations

import tempfile
from pathlib import Path

from surfaces import SURFACES


def attempt(name: str, data: bytes) -> None:
    """Run a target; where it breaks a promise, keep the input and tell the line that shows it."""
    try:
        SURFACES[name].target()(data)
    except BaseException as error:
        file = Path(tempfile.gettempdir()) / f"flawless-fuzz-{name}-broken"
        file.write_bytes(data)
        error.add_note(f"python tests/fuzz/run.py {name} {file}")
        raise
