"""Playing jobs in forked children, which may be killed, or kill themselves."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


def fork(job: dict[str, Any], live: Callable[[dict[str, Any]], None]) -> int:
    """Begin `live(job)` in a child that writes what it prints to `job["output"]`; return its id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with Path(job["output"]).open("ab", buffering=0) as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            os.close(0)
            os.open(os.devnull, os.O_RDONLY)
            live(job)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return child


def ended(child: int) -> int:
    """Wait for a child and return its exit status, -9 when it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
