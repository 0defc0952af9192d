"""What `up` logs: lines for people, or one JSON object a line for programs.

Workflows' own logs are in their journals; this is what the engine and the libraries around it say.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from enum import StrEnum
from types import TracebackType
from typing import Any, Final

from flawless import api
from flawless.engine.context import current_step

TEXT: Final = "%(levelname)s %(name)s: %(message)s"
FIELDS: Final = (
    "execution", "workflow", "status", "effect", "step", "attempt", "reason", "replayed", "source",
)  # fmt: skip
"""What the engine says besides, where it is known; all else that a record carries is left out."""
OWN: Final = "flawless"
_CONTROLS: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What moves the cursor, begins a line, or turns around how a terminal shows what follows."""


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """From which level on something is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class TextLines(logging.Formatter):
    """A line for people. What others have written cannot begin a line, nor steer the terminal.

    Control characters are shown as Python writes them in a string; tracebacks keep their lines,
    which are indented.
    """

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """Return the line itself."""
        return _shown(super().formatMessage(record))

    def formatException(  # noqa: N802 (logging's name)
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        """Return the lines of a traceback."""
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"  {_shown(line)}" for line in lines)


class JsonLines(logging.Formatter):
    """One JSON object a line.

    Always there: `time` (RFC 3339, UTC), `level`, `logger`, `message`. Where they are known:
    `execution` and what else `FIELDS` has, and `exception` with its traceback. What is logged by a
    step carries its execution by itself.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": api.timestamp(round(record.created * 1_000_000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (said := getattr(record, "said", None)) is not None:
            line["message"] = said
        info = current_step.get()
        if info is not None:
            line |= {"execution": info.execution_id, "step": info.step, "attempt": info.attempt}
        for name in FIELDS:
            value = getattr(record, name, None)
            if isinstance(value, str | int):
                line[name] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        elif record.exc_text:
            line["exception"] = record.exc_text
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace").decode()


def log_to_stderr(form: LogFormat, level: LogLevel, *, workflows: bool = False) -> None:
    """Let this process log to standard error; what workflows log, only with `workflows`.

    The level is that of what Flawless logs. Libraries log from `warning` on, or above that level.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form is LogFormat.JSON else TextLines())
    number = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    if root.handlers:
        return  # whoever runs this command in a program of their own has said where logs go
    root.addHandler(handler)
    root.setLevel(max(number, logging.WARNING))
    logging.getLogger(OWN).setLevel(number)
    if workflows:
        logging.getLogger(f"{OWN}.workflow").setLevel(logging.DEBUG)


def _shown(text: str) -> str:
    """Return text in which control characters can be seen, and do nothing."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)
