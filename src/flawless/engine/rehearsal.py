"""Importing uploaded code in a process of its own first, where it can break nothing.

What does not import, ends the process, crashes it or never returns is refused before it comes near
the engine. The process is told what to import on its standard input, and answers on its standard
output with one line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from flawless.engine.imports import found_in, top
from flawless.engine.modules import import_by_name
from flawless.errors import DeploymentInvalid

REHEARSAL_S_MAX: Final = 60.0
"""How long importing all modules of an upload may take."""
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024
OUTPUT_BYTES_MAX: Final = 64 * 1024
"""What is kept of the output of the process: the end of it."""
LAST_WORDS_S_MAX: Final = 1.0
"""How long pipes are read after the process has ended, should others hold them open."""
SHOWN_CHARS_MAX: Final = 4_000
"""What is shown of the output of a process that died."""


class _Order(msgspec.Struct):
    folder: str
    tops: list[str]
    modules: list[str]
    path: list[str]


class _Answer(msgspec.Struct):
    error: str | None = None
    traceback: str = ""
    needed: list[str] = []


async def rehearse(folder: Path, tops: frozenset[str], modules: Sequence[str]) -> list[str]:
    """Import modules in a new process; return what else was imported for them, in order.

    Raises `DeploymentInvalid` when they do not import, with their traceback, or what the process
    last said.
    """
    order = _Order(str(folder), sorted(tops), list(modules), [e for e in sys.path if e])
    names = ", ".join(modules)
    transport, process = await asyncio.get_running_loop().subprocess_exec(
        _Process,
        sys.executable,
        "-c",
        f"from {__name__} import main; main()",
        env=os.environ | {"PYTHONPATH": os.pathsep.join(order.path)},
        start_new_session=True,  # what the modules start ends with it
    )
    orders = transport.get_pipe_transport(0)
    assert isinstance(orders, asyncio.WriteTransport)
    try:
        orders.write(msgspec.json.encode(order))
        orders.close()
        async with asyncio.timeout(REHEARSAL_S_MAX):
            await process.exited.wait()
    except TimeoutError:
        raise DeploymentInvalid(
            f"{names} cannot be imported natively: it took longer than {REHEARSAL_S_MAX:g} s"
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(transport.get_pid(), signal.SIGKILL)
        await process.exited.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S_MAX):
                await process.silent.wait()
        transport.close()
    try:
        answer = msgspec.json.decode(process.told.kept, type=_Answer)
    except msgspec.DecodeError:
        raise DeploymentInvalid(
            f"{names} cannot be imported natively: the process that tried ended with status "
            f"{transport.get_returncode()}",
            traceback=process.said.kept.decode("utf-8", "replace")[-SHOWN_CHARS_MAX:],
        ) from None
    if answer.error is not None:
        raise DeploymentInvalid(
            f"{answer.error} (natively, where steps run)", traceback=answer.traceback
        )
    return answer.needed


class _Process(asyncio.SubprocessProtocol):
    """What is heard of the process.

    Not `asyncio.subprocess`: its `wait` may wait for all who hold the pipes, and not for the
    process alone.
    """

    def __init__(self) -> None:
        self.told = _Tail(ANSWER_BYTES_MAX)
        self.said = _Tail(OUTPUT_BYTES_MAX)
        self.exited = asyncio.Event()
        self.silent = asyncio.Event()
        """Nobody holds the pipes any more."""
        self._open = {1, 2}

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        (self.told if fd == 1 else self.said).add(data)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open.discard(fd)
        if not self._open:
            self.silent.set()

    def process_exited(self) -> None:
        self.exited.set()


class _Tail:
    """The end of what a stream brings."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = bytearray()

    @property
    def kept(self) -> bytes:
        return bytes(self._bytes[-self._bytes_max :])

    def add(self, piece: bytes) -> None:
        self._bytes += piece
        if len(self._bytes) > 2 * self._bytes_max:  # not for every piece: it moves the rest
            del self._bytes[: -self._bytes_max]


def main() -> None:
    """Carry out an order; the body of the process."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=_Order)
    answers = os.dup(1)
    os.dup2(2, 1)  # what modules print does not belong into the answer
    sys.path[:] = order.path
    before = set(sys.modules)
    tops = frozenset(order.tops)
    answer = _Answer()
    try:
        with found_in(Path(order.folder), tops):
            for name in order.modules:
                import_by_name(name)
        answer.needed = [
            name for name in sys.modules if name not in before and top(name) not in tops
        ]
    except DeploymentInvalid as error:
        answer = _Answer(str(error), error.traceback)
    with os.fdopen(answers, "wb") as file:
        file.write(msgspec.json.encode(answer))
    os._exit(0)  # threads that the modules started do not matter
