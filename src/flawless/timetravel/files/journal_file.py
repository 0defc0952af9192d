"""Journals as JSON text: the format `flawless-journal`, documented in docs/guides/testing.md.

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

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from flawless.core.encoding import decode_entries, encode_entry
from flawless.core.entries import Entry, Invoked, describe
from flawless.core.soundness import check_sound
from flawless.errors import JournalDamaged, UsageError

FORMAT: Final = "flawless-journal"
VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class JournalFile:
    """What such a file says."""

    execution: str
    status: str
    deployment: str
    entries: list[Entry]


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


def encode_journal(execution: str, status: str, entries: Sequence[Entry]) -> bytes:
    """Return a journal as a file; entry 0 comes first."""
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
        execution,
        first.run,
        first.workflow,
        first.deployment,
        status,
        lines,
        _chain(frames),
    )
    return msgspec.json.format(msgspec.json.encode(file), indent=1) + b"\n"


def decode_journal(data: bytes, name: str = "this") -> JournalFile:
    """Return what a file says; `name` is what to call it.

    Raises `UsageError` when it is no exported journal, `JournalDamaged` when something was changed.
    """
    try:
        head = msgspec.json.decode(data)
        if not isinstance(head, dict) or head.get("format") != FORMAT:
            raise UsageError(f"{name} is no exported journal: make one with lab.save(run, path)")
        version = head.get("version")
        if type(version) is int and version > VERSION:
            raise UsageError(
                f"{name} has version {version} of the format, and this release reads up to "
                f"{VERSION}: use a newer one"
            )
        file = msgspec.convert(head, _File)
        frames = [base64.b64decode(line.frame, validate=True) for line in file.entries]
    except (
        msgspec.MsgspecError,
        UnicodeError,
        binascii.Error,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        raise UsageError(f"{name} is no exported journal ({error})") from error
    try:
        entries = _entries(file, frames)
    except JournalDamaged as error:  # its advice is about stores
        place = f"entry {error.position}: {error.reason}"
        text = f"{name} is damaged at {place}. Get it again from where it came from, or export it"
        error.args = (f"{text} again",)
        raise
    return JournalFile(file.execution, file.status, file.deployment, entries)


def _entries(file: _File, frames: Sequence[bytes]) -> list[Entry]:
    entries: list[Entry] = []
    for n, frame in enumerate(frames):
        entries += decode_entries(file.execution, n, frame, 1)
    if not entries or _chain(frames) != file.chain:
        reason = "entries were added, left out or moved since it was exported"
        raise JournalDamaged(file.execution, len(entries), reason)
    check_sound(file.execution, entries)
    return entries


def _chain(frames: Sequence[bytes]) -> str:
    chain = bytes(32)
    for frame in frames:
        chain = hashlib.sha256(chain + frame).digest()
    return chain.hex()
