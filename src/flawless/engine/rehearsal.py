"""Importing uploaded code in a process of its own first, where it can break nothing.

What does not import, ends the process, crashes it or never returns is refused before it comes near
the engine. The process is told what to import on its standard input, and answers on its standard
output with one line of JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
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
OUTPUT_BYTES_MAX: Final = 4 * 1024 * 1024
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
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"from {__name__} import main; main()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(order.path)},
    )
    names = ", ".join(modules)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(REHEARSAL_S_MAX):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                process.stdin.write(msgspec.json.encode(order))
                process.stdin.close()
            told, said, _ = await asyncio.gather(
                _read(process.stdout), _read(process.stderr), process.wait()
            )
    except TimeoutError:
        raise DeploymentInvalid(
            f"{names} cannot be imported natively: it took longer than {REHEARSAL_S_MAX:g} s"
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    try:
        answer = msgspec.json.decode(told, type=_Answer)
    except msgspec.DecodeError:
        raise DeploymentInvalid(
            f"{names} cannot be imported natively: the process that tried ended with status "
            f"{process.returncode}",
            traceback=said.decode("utf-8", "replace")[-SHOWN_CHARS_MAX:],
        ) from None
    if answer.error is not None:
        raise DeploymentInvalid(
            f"{answer.error} (natively, where steps run)", traceback=answer.traceback
        )
    return answer.needed


async def _read(stream: asyncio.StreamReader) -> bytes:
    """Read to the end, and keep what there is room for: the end of it."""
    kept = b""
    while piece := await stream.read(65_536):
        kept = (kept + piece)[-OUTPUT_BYTES_MAX:]
    return kept


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
