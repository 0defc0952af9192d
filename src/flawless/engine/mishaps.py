"""What goes wrong inside, told to the log without going wrong once more.

Handlers and filters of logs are anybody's. One that raises, which may be the very thing that there
is to report, is no reason to stop what goes on.
"""

from __future__ import annotations

import contextlib
import logging
from typing import Any


def report(log: logging.Logger, text: str, execution: str | None = None) -> None:
    """Log the exception that is being handled: a bug of ours, or of what hears from us.

    `text` has a `%s` for the execution, if one is given.
    """
    with contextlib.suppress(Exception):
        log.exception(text, *(_known(execution).values()), extra=_known(execution))


def complain(log: logging.Logger, text: str, *values: Any, execution: str | None = None) -> None:
    """Log an error."""
    with contextlib.suppress(Exception):
        log.error(text, *values, extra=_known(execution))


def _known(execution: str | None) -> dict[str, str]:
    return {} if execution is None else {"execution": execution}
