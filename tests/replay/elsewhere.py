"""Replays of a store in what might be another machine: a process with nothing of this one's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = Path(__file__).resolve().with_name("other_machine.py")


def replayed_elsewhere(store: Path, folder: Path) -> dict[str, Any]:
    """Copy a store into an empty folder and replay it there; return what that process tells.

    It has another home, cache, time zone, language and seed of hashes.
    """
    folder.mkdir()
    shutil.copy(store, folder / "copy.db")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(folder),
        "FLAWLESS_CACHE": str(folder / "cache"),
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "tr_TR.ISO8859-9",
        "LANG": "tr_TR",
        "PYTHONHASHSEED": "4711",
    }
    other = subprocess.run(
        [sys.executable, PROGRAM, "copy.db"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert other.returncode == 0, other.stderr
    told: dict[str, Any] = json.loads(other.stdout)
    return told
