"""What streams of server-sent events carry, where it is no document of its own.

The others are `ExecutionDetail` (event `execution`), `State` (`state`) and `Outcome` (`end`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from flawless.api.executions import Execution
from flawless.api.journals import LogLine


class JournalEvent(msgspec.Struct):
    """Further entries of the journal of a run; `length` is how many it has by now."""

    entries: list[dict[str, Any]]
    run: int
    length: int


class LogsEvent(msgspec.Struct):
    """Further messages of a run, in order."""

    logs: list[LogLine]
    run: int


class ChangesEvent(msgspec.Struct):
    """Executions that have changed, as they are now."""

    executions: list[Execution]
