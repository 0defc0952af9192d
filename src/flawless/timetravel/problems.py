"""What can go wrong with a replay that is no fault of the execution."""

from __future__ import annotations

from flawless.errors import Divergence, EngineError, UsageError


class ReplayTooLong(EngineError):
    """A traced replay took longer than its reader allows."""

    def __init__(self, execution: str, limit_s: float) -> None:
        self.execution = execution
        self.limit_s = limit_s
        super().__init__(
            f"the replay of {execution} took more than {limit_s:g} s and was given up: trace its "
            "effects without lines, or a part of it, or use the command line, which waits longer"
        )


class JournalTooLong(EngineError):
    """The journal has more entries than are replayed beside an engine that works."""

    def __init__(self, execution: str, entries: int, limit: int) -> None:
        self.execution = execution
        self.entries = entries
        self.limit = limit
        super().__init__(
            f"the journal of {execution} has {entries:,} entries, and the path is shown of those "
            f"with {limit:,} at most: use `flawless replay` or `flawless debug`"
        )


class ReplayLost(EngineError):
    """The replayed guest is gone: what was asked of it did not end, or broke it."""


class TracingChangesPath(Divergence):
    """A traced replay leaves the recorded path, which a replay without tracer follows.

    The tracer needs memory, so objects have other addresses with it. A workflow whose path depends
    on them (it goes through a set of objects that are hashed by address, or shows an `id()`) may
    take another path then.
    """

    def __init__(self, found: Divergence) -> None:
        super().__init__(
            found.execution, found.position, found.recorded, found.requested, found.where
        )
        at = f" at {found.where}" if found.where else ""
        text = (
            f"tracing changes the path of execution {found.execution!r}, because it depends on the "
            f"addresses of objects: at entry {found.position} the journal holds {found.recorded}, "
            f"and the traced code asked for {found.requested}{at}. Without a tracer they fit "
            "together. Look for a set of objects that are hashed by address, such as the tasks "
            "that asyncio.wait() returns, and go through a list instead; what was shown before "
            "that entry is right"
        )
        self.args = (text,)


class NoSuchFrame(EngineError):
    """The stack has no frame of that number, or a value no longer has its number."""


class NoSuchPlace(UsageError):
    """The path of the execution has no such place."""
