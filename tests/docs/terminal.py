"""A process that carries out one piece of code after another and reports how each ended.

bash (`page.bash`) and Python (`page_python.py`) are driven alike. The code is written to a file and
the file's name to the process's standard input; when the code has ended, the process writes one
line of numbers to a named pipe. Standard output and error go to a file rather than to a pipe,
because the servers that a page starts keep them open.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from time import monotonic

CODE_S_MAX = 300.0  # the first command of all may build the Python runtime component
CLOSE_S_MAX = 15.0
_LOOK_AGAIN_S = 0.2


class TerminalEnded(Exception):
    """The process ended, or did not answer in time."""


class Terminal:
    """One such process, in `folder`, with a session of its own; `close()` ends all of it."""

    def __init__(
        self, command: list[str], folder: Path, private: Path, environment: dict[str, str]
    ) -> None:
        private.mkdir()
        self._code = private / "code"
        self._output = private / "output"
        status = private / "status"
        os.mkfifo(status)
        # Open for reading and writing, so that it neither blocks now nor ever comes to an end.
        self._status = os.open(status, os.O_RDWR)
        self._seen_bytes = 0
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, str(status)],
                cwd=folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, code: str, where: str) -> list[int]:
        """Carry out `code` and return the numbers the process reports, its status first.

        `where` names the code in tracebacks. Raises `TerminalEnded`.
        """
        self._code.write_text(code)
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self._code} {where}\n".encode())
        self._process.stdin.flush()
        deadline = monotonic() + CODE_S_MAX
        while not select.select([self._status], [], [], _LOOK_AGAIN_S)[0]:
            if self._process.poll() is not None:
                raise TerminalEnded(f"the process ended with status {self._process.returncode}")
            if monotonic() > deadline:
                raise TerminalEnded(f"no answer within {CODE_S_MAX:g} s")
        return [int(word) for word in os.read(self._status, 4096).split()]

    def output(self) -> str:
        """Return what was printed since the last call."""
        with self._output.open("rb") as file:
            file.seek(self._seen_bytes)
            printed = file.read()
        self._seen_bytes += len(printed)
        return printed.decode(errors="replace")

    def close(self) -> None:
        """End the process and everything it started: asked first, then forced."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(CLOSE_S_MAX)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._status)
