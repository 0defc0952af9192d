"""Exit statuses; `flawless.cli.main` says what each means."""

from __future__ import annotations

from typing import Final

from flawless.errors import ExecutionError, FlawlessError, ResultTimeout, UsageError
from flawless.rust.failures import CompilationFailed

FAILED: Final = 1
USAGE: Final = 2
NOT_ENDED: Final = 3
TROUBLE: Final = 4
INTERRUPTED: Final = 130


def status_of(error: FlawlessError) -> int:
    """Return the exit status that tells a script about an error."""
    match error:
        case ResultTimeout():
            return NOT_ENDED
        case ExecutionError() | CompilationFailed():
            return FAILED
        case UsageError():
            return USAGE
        case _:
            return TROUBLE
