"""What workflow code prints and logs becomes log effects."""

from __future__ import annotations

import io
import logging
import sys
import time as _time
from typing import Any

from flawless import _host
from flawless._tracebacks import format_exception

_LINE_CHARS_MAX = 65_536
"""A line that goes on for longer is logged in pieces."""


class Stream(io.TextIOBase):
    """Standard output or error: each line is one log message."""

    def __init__(self, logger: str, level: int) -> None:
        self.name = f"<{logger}>"
        self._logger = logger
        self._level = level
        self._rest = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here
        """The encoding, for those who ask; nothing is encoded."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]  # read-only here
        """How encoding errors are handled, for those who ask."""
        return "backslashreplace"

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Take text; log each line that is complete."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if "\n" in text:
            lines = (self._rest + text).split("\n")
            self._rest = lines.pop()
            for line in lines:
                _host.log(self._level, self._logger, line)
        else:
            self._rest += text
            if len(self._rest) > _LINE_CHARS_MAX:
                self.finish()
        return len(text)

    def flush(self) -> None:
        """Keep an incomplete line: it is logged when it is complete, or at the end."""

    def finish(self) -> None:
        """Log what is left of an incomplete line."""
        if self._rest:
            rest, self._rest = self._rest, ""
            _host.log(self._level, self._logger, rest)


class Handler(logging.Handler):
    """Sends log records to the engine."""

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record, its exception with the user's lines."""
        try:
            message = self.format(record)
        except Exception as error:  # a wrong format string must not end the workflow
            shown = f"{record.msg!r} with {record.args!r}"
            message = f"cannot be formatted: {shown} ({type(error).__name__}: {error})"
        _host.log(record.levelno, record.name, message)


class _Formatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(message)s")

    def formatException(self, ei: Any) -> str:  # noqa: N802 (the name in logging)
        return format_exception(ei[1]).rstrip() if ei[1] is not None else ""


class _Clock:
    """The `time` module as logging sees it: a record's time is the last one known, at no cost."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_time, name)

    @staticmethod
    def time_ns() -> int:
        return _host.session.now_us * 1000

    @staticmethod
    def time() -> float:
        return _host.session.now_us / 1e6


stdout = Stream("print", logging.INFO)
stderr = Stream("stderr", logging.WARNING)


def install() -> None:
    """Put streams and log handler in place."""
    sys.stdout = stdout
    sys.stderr = stderr
    logging.time = _Clock()  # type: ignore[attr-defined]  # the module imports it by this name
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.logAsyncioTasks = False  # type: ignore[attr-defined]  # typeshed lacks it
    handler = Handler()
    handler.setFormatter(_Formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    original = logging.basicConfig

    def basic_config(**options: Any) -> None:
        """Set the level only: where records go is the engine's business."""
        if options.get("force"):
            original(**options)
        elif options.get("level") is not None:
            root.setLevel(options["level"])

    logging.basicConfig = basic_config


def finish() -> None:
    """Log incomplete lines at the end of the workflow."""
    stdout.finish()
    stderr.finish()
