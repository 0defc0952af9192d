"""Journals as files, and replaying them on the code of today.

The format is JSON text, documented in docs/guides/testing.md:

    {"format": "flawless-journal", "version": 1,
     "execution": ..., "run": ..., "workflow": ..., "deployment": ..., "status": ...,
     "entries": [{"what": words for people, "frame": base64}, ...],
     "chain": SHA-256 in hexadecimal}

A frame is the entry with its checksum, as stores keep it (`flawless.core.encoding`). The chain
begins with 32 zero bytes; each frame makes it SHA-256(chain + frame). So no entry can be changed,
left out or moved without being noticed. It holds what the execution was given and has seen, and no
code; later versions of the format only add fields.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import msgspec

from flawless.core.encoding import decode_entries, encode_entry
from flawless.core.entries import Entry, Invoked, describe
from flawless.core.limits import Limits
from flawless.engine.handle import Execution
from flawless.engine.replay import Replayed, replay
from flawless.errors import JournalDamaged, UsageError
from flawless.stores import MemoryStore
from flawless.testing.library import ReadyLibrary

T = TypeVar("T")

FORMAT = "flawless-journal"
VERSION = 1


class _Line(msgspec.Struct):
    frame: str
    what: str = ""


class _File(msgspec.Struct):
    format: str
    version: int
    execution: str
    run: int
    workflow: str
    deployment: str
    status: str
    entries: list[_Line]
    chain: str


def export_journal(execution: Execution[Any]) -> bytes:
    """Return an execution's durable journal as a file that `replay_journal` reads.

    It works with handles of any engine, so a production problem becomes a test. The file holds the
    arguments and everything the workflow saw: treat it as you treat that data.
    """
    entries = execution.journal()
    first = entries[0]
    assert isinstance(first, Invoked)
    frames = [encode_entry(n, entry) for n, entry in enumerate(entries)]
    lines = [
        _Line(base64.b64encode(frame).decode(), describe(entry))
        for frame, entry in zip(frames, entries, strict=True)
    ]
    file = _File(
        FORMAT,
        VERSION,
        execution.id,
        first.run,
        first.workflow,
        first.deployment,
        str(execution.status),
        lines,
        _chain(frames),
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def read_journal(source: bytes | str | Path) -> tuple[str, list[Entry]]:
    """Return the execution's id and its entries from an exported file, or its content (bytes).

    Raises `UsageError` when it is no exported journal, `JournalDamaged` when something was changed.
    """
    if isinstance(source, bytes):
        data, name = source, "this"
    else:
        name = str(source)
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise UsageError(f"the journal {name} cannot be read: {error}") from error
    try:
        head = msgspec.json.decode(data)
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise UsageError(f"{name} is no exported journal: make one with lab.save(run, path)")
        if head.get("version", 0) > VERSION:
            raise UsageError(
                f"{name} has version {head['version']} of the format, and this release reads up to "
                f"{VERSION}: use a newer one"
            )
        file = msgspec.convert(head, _File)
        frames = [base64.b64decode(line.frame, validate=True) for line in file.entries]
    except (msgspec.MsgspecError, UnicodeError, binascii.Error, TypeError) as error:
        raise UsageError(f"{name} is no exported journal ({error})") from error
    entries: list[Entry] = []
    for n, frame in enumerate(frames):
        entries += decode_entries(file.execution, n, frame, 1)
    if not entries or _chain(frames) != file.chain:
        reason = "entries were added, left out or moved since it was exported"
        raise JournalDamaged(file.execution, len(entries), reason)
    return file.execution, entries


def replay_journal(
    source: bytes | str | Path,
    modules: Sequence[str | Path | ModuleType],
    *,
    limits: Limits | None = None,
) -> Replayed:
    """Run the workflow of an exported journal again, on the present code; nothing is done.

    Raises `Divergence`, with the line of the workflow, when code and journal do not fit together:
    then executions that are under way could not go on with this code. `WorkflowNotFound` when the
    modules have no workflow of that name, and what `read_journal` raises.
    """
    execution, entries = read_journal(source)

    async def deployed() -> Any:
        store = MemoryStore()
        await store.open()
        library = ReadyLibrary(store, modules)
        await library.open(0)
        return await library.find(library.current.id)

    def run() -> Replayed:
        deployment, component = asyncio.run(deployed())
        return replay(execution, entries, deployment, component, limits=limits)

    return _in_thread(run)


def _in_thread(work: Callable[[], T]) -> T:
    """Do work where no loop runs: the caller may be an async test."""
    done: list[T] = []
    problems: list[BaseException] = []

    def do() -> None:
        try:
            done.append(work())
        except BaseException as error:  # raised again below
            problems.append(error)

    thread = threading.Thread(target=do, name="flawless-replay")
    thread.start()
    thread.join()
    if problems:
        raise problems[0]
    return done[0]


def _chain(frames: Sequence[bytes]) -> str:
    chain = bytes(32)
    for frame in frames:
        chain = hashlib.sha256(chain + frame).digest()
    return chain.hex()
