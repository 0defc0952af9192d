"""Export files of a stranger: what `flawless import`, `replay` and `debug` are given.

The first byte says how the rest is meant:

    z  the file itself
    t  a journal as text, `journal.json`
    m  members, each with its name on a line of its own before it (`--- NAME`); hashes are made to
       fit
    j  what the guest will ask, line by line; behind a zero byte the bodies of entries, each with
       its length (two bytes) before it. All hashes, checksums and fingerprints are made to fit

What must hold: the file is read, or refused with an error of ours that says why. What was read can
be looked at and replayed, on a component that is there, or that is refused with an error of ours.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import warnings
import zipfile
from functools import cache

import msgspec
from puppet import NAME, puppet, told
from readers import is_a_sentence

from flawless.core.encoding import encode_entry
from flawless.core.entries import FORMAT, Entry, Invoked
from flawless.core.protocol import fingerprint
from flawless.engine.component import COMPONENT_LIMITS, make_component
from flawless.engine.deployment import Deployment
from flawless.errors import FlawlessError
from flawless.timetravel.files.export_format import encoded, seal_of
from flawless.timetravel.files.importing import open_export
from flawless.timetravel.labels import ending
from flawless.timetravel.recording import Recording
from flawless.wasm import Component

ENTRIES_MAX = 40
BEGAN_US = 1_700_000_000_000_000
WORDS = (
    "--- about.json\n", "--- journal.json\n", "--- deployment.json\n", "--- component.wasm\n",
    "PK\x03\x04", "PK\x01\x02", "PK\x05\x06", '"format":"flawless-export"', '"version":1',
    '"entries":', '"flawless-journal"', '"frame":"', '"chain":"', '"status":"completed"',
    '"execution":"order-1"', '{"op":"clock"}\n', '{"op":"step","id":1,"name":"a","args":{}}\n',
    '{"op":"next"}\n', "1e999", '{"op":"sleep","id":2,"seconds":1,"start":true}\n',
    '!end {"ok":1}\n', '{"op":"drop","id":2}\n', "\0\x00\x02\x92\x01\x05", "\x00\x04", "\x93\x0c",
    "\xc0", "\xc4\x01\x31", "\xc2", "\xc3", "[[[[[[[[",
)  # fmt: skip


@cache
def deployed() -> tuple[Deployment, Component, bytes]:
    """Return a deployment, its component compiled, and as bytes."""
    wasm = puppet()
    component = Component.load(wasm)
    made = asyncio.run(make_component(component, limits=COMPONENT_LIMITS))
    return made, component, wasm


def target(data: bytes) -> None:
    """Read a file, look at what it holds, and replay it."""
    kind, rest = data[:1], data[1:]
    if kind == b"m":
        rest = sealed(members(rest))
    elif kind == b"j":
        rest = forged(rest)
    elif kind not in (b"z", b"t"):
        return
    try:
        found = open_export(rest)
    except FlawlessError as error:
        is_a_sentence(error)
        return
    recording = found.recording
    repr(recording)
    if recording.ended:
        ending(recording.entries[-1])  # type: ignore[arg-type]  # it is one
    replayed(recording)


def replayed(recording: Recording) -> None:
    """Replay a recording on the component that it was made with, if that can be."""
    deployment, component, wasm = deployed()
    try:
        recording.on(deployment, wasm, component).replay()
        if not recording.journal_only and recording.deployment.id != deployment.id:
            recording.replay()
    except FlawlessError as error:
        is_a_sentence(error)


def members(text: bytes) -> dict[str, bytes]:
    """Return the members that a text tells."""
    found = {}
    for part in (b"\n" + text).split(b"\n--- ")[1:6]:
        name, _, content = part.partition(b"\n")
        found[name.decode("utf-8", "replace")[:50]] = content
    return found


def sealed(contents: dict[str, bytes]) -> bytes:
    """Return a file with these members, whose hashes and seal fit, as a forger would make it."""
    try:
        about = json.loads(contents.get("about.json", b"{}"))
        if isinstance(about, dict):
            about["members"] = about.get("members") or {
                name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
                for name, content in contents.items()
                if name != "about.json"
            }
            about["seal"] = seal_of(about)
            contents = contents | {"about.json": encoded(about)}
    except (ValueError, RecursionError, TypeError):
        pass  # it stays as it is
    file = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),  # zipfile warns of a name that is there twice
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name, content in contents.items():
            made.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def forged(data: bytes) -> bytes:
    """Return a file with a journal that fits what the guest asks, as far as it can."""
    script, _, bodies = data.partition(b"\0")
    deployment, _, _ = deployed()
    asked = told(script.decode("utf-8", "replace").encode())
    call = msgspec.json.encode({"a": asked, "k": {}})
    first = Invoked(FORMAT, NAME, deployment.id, BEGAN_US, bytes(32), call)
    requests = [bytes.fromhex(text[1:-1]) for text in asked if text.endswith(".")]
    requests = [raw for raw in requests if raw != b'{"op":"clock"}']  # no fingerprint is kept
    entries: list[Entry] = [first]
    answered = 0
    while len(bodies) > 2 and len(entries) < ENTRIES_MAX:
        size = int.from_bytes(bodies[:2], "big") % 2_048
        try:
            entry = msgspec.msgpack.decode(bodies[2 : 2 + size], type=Entry)
        except (msgspec.MsgspecError, UnicodeError):
            break
        bodies = bodies[2 + size :]
        if "fingerprint" in entry.__struct_fields__ and answered < len(requests):
            mark = fingerprint(requests[answered])
            entry = msgspec.structs.replace(entry, fingerprint=mark)
            answered += 1
        entries.append(entry)
    frames = [encode_entry(place, entry) for place, entry in enumerate(entries)]
    chain = bytes(32)
    for frame in frames:
        chain = hashlib.sha256(chain + frame).digest()
    return json.dumps(
        {
            "format": "flawless-journal",
            "version": 1,
            "execution": "order-1",
            "run": 1,
            "workflow": NAME,
            "deployment": deployment.id,
            "status": "completed",
            "entries": [{"frame": base64.b64encode(frame).decode()} for frame in frames],
            "chain": chain.hex(),
        }
    ).encode()
