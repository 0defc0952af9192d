"""What the operating system knows of this process."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

_STATM: Final = Path("/proc/self/statm")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def memory_bytes() -> int:
    """Return the memory this process has resident; where the system does not say, its peak."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def cpu_s() -> float:
    """Return the time this process has computed, in all its threads, children left out."""
    times = os.times()
    return times.user + times.system
