"""Writing export files: an execution to be replayed elsewhere."""

from __future__ import annotations

import hashlib
import io
import zipfile
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Final

import msgspec

from flawless.engine.version import version
from flawless.errors import DeploymentInvalid, UsageError
from flawless.timetravel.files import packing
from flawless.timetravel.files.export_format import (
    ABOUT,
    BYTES_MAX,
    COMPONENT,
    DEPLOYMENT,
    FORMAT,
    JOURNAL,
    VERSION,
    About,
    Contents,
    Member,
    encoded,
    sealed,
)
from flawless.timetravel.files.journal_file import encode_journal
from flawless.timetravel.recording import Recording

_LEVEL: Final = 6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def write_export(
    recording: Recording, file: BinaryIO, *, now_us: int, contents: Contents = "all"
) -> About:
    """Write an export to a file that is open for writing and reading, and empty.

    The same recording at the same moment gives the same bytes. Raises `UsageError` when the
    recording lacks what is asked for, or its journal is larger than a file may hold.
    """
    deployment = None if contents == "journal" else recording.deployment
    component = None if deployment is None else deployment.manifest.component
    first = recording.invoked
    if deployment is not None and deployment.id != first.deployment:
        raise UsageError(
            f"the recording of {recording.execution!r} is on other code than it was made with: "
            "export the one it was made of"
        )
    journal = encode_journal(recording.execution, recording.status, recording.entries)
    members: dict[str, bytes] = {JOURNAL: journal}
    if deployment is not None:
        members[DEPLOYMENT] = deployment.encoded
    known = {name: _member(name, content) for name, content in members.items()}
    if contents == "all":
        assert component is not None
        file.write(packing.packed(component, lambda: _wasm(recording, component)))
        known[COMPONENT] = Member(component, _packed_bytes(file))
    about = sealed(
        About(
            FORMAT,
            VERSION,
            recording.execution,
            first.run,
            first.workflow,
            first.deployment,
            component,
            recording.status,
            len(recording.entries),
            _moment(now_us),
            f"flawless {version()}",
            known,
        )
    )
    with zipfile.ZipFile(file, "a") as made:
        for name, content in {**members, ABOUT: encoded(msgspec.to_builtins(about))}.items():
            made.writestr(packing.member(name), content, compresslevel=_LEVEL)
    return about


def export_bytes(recording: Recording, *, now_us: int, contents: Contents = "all") -> bytes:
    """Return an export as bytes; see `write_export`."""
    file = io.BytesIO()
    write_export(recording, file, now_us=now_us, contents=contents)
    return file.getvalue()


def _wasm(recording: Recording, sha256: str) -> bytes:
    wasm = recording.wasm or packing.known_wasm(sha256)
    if wasm is None:
        raise UsageError(
            f"the component {sha256[:16]} of {recording.execution!r} is not on this machine: "
            "export it where it ran, or without its component (--no-component)"
        )
    if hashlib.sha256(wasm).hexdigest() != sha256:
        raise DeploymentInvalid(
            f"the component of {recording.execution!r} is not {sha256[:16]}, as its deployment says"
        )
    return wasm


def _member(name: str, content: bytes) -> Member:
    if len(content) > BYTES_MAX[name]:
        raise UsageError(
            f"{name} would have {len(content):,} bytes, and an export file holds up to "
            f"{BYTES_MAX[name]:,}"
        )
    return Member(hashlib.sha256(content).hexdigest(), len(content))


def _packed_bytes(file: BinaryIO) -> int:
    with zipfile.ZipFile(file) as made:
        return made.getinfo(COMPONENT).file_size


def _moment(now_us: int) -> str:
    return f"{_EPOCH + timedelta(microseconds=now_us):%Y-%m-%dT%H:%M:%SZ}"
