"""Reading export files, which may be anything: every check comes before any use."""

from __future__ import annotations

import contextlib
import hashlib
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from flawless.engine.deployment import MANIFEST_FORMAT, Deployment
from flawless.errors import FlawlessError, JournalDamaged, UsageError
from flawless.ids import can_be_child
from flawless.timetravel.files.export_format import (
    ABOUT,
    BYTES_MAX,
    COMPONENT,
    DEPLOYMENT,
    FORMAT,
    JOURNAL,
    VERSION,
    About,
    ExportDamaged,
    Member,
    encoded,
    seal_of,
)
from flawless.timetravel.files.journal_file import decode_journal
from flawless.timetravel.recording import Recording

FILE_BYTES_MAX: Final = sum(BYTES_MAX.values())
_ZIP: Final = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Export:
    """An export file that was read, with every check."""

    about: About | None
    """None where the file is a journal as text, which says less."""
    recording: Recording


def read_export(source: bytes | str | Path) -> Recording:
    """Return the recording that an export file holds, or an exported journal; see `open_export`."""
    return open_export(source).recording


def open_export(source: bytes | str | Path, *, name: str = "this") -> Export:
    """Read an export file, given by its path or its content, and check all that can be checked.

    `name` is what to call a content. Raises `ExportDamaged`, which names the member, and
    `UsageError` when it is no export file, was cut short, or was made by a newer release.
    """
    if isinstance(source, bytes):
        return _opened(io.BytesIO(source), name)
    with _open(source) as file:
        return _opened(file, str(source))


def read_file(path: Path) -> bytes:
    """Return the content of a file that may be an export file; raises `UsageError`."""
    with _open(path) as file:
        _check_size(file, str(path))
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:  # it grew meanwhile
        raise _too_large(str(path))
    return content


def looks_like_export(path: Path) -> bool:
    """Tell whether a file begins as a zip file or a JSON text does; raises `UsageError`."""
    with _open(path) as file:
        return file.read(len(_ZIP)) == _ZIP or _begins_as_json(file)


@contextlib.contextmanager
def _open(path: str | Path) -> Iterator[BinaryIO]:
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # opening others may wait for ever
            raise UsageError(f"{path} cannot be read: it is a folder, a pipe or a device")
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from error


def _opened(file: BinaryIO, name: str) -> Export:
    _check_size(file, name)
    if _begins_as_json(file):
        return _journal_only(_bounded(file, BYTES_MAX[JOURNAL], name), name)
    return _Reader(file, name).read()


def _begins_as_json(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(1) in (b"{", b"[")


def _check_size(file: BinaryIO, name: str) -> None:
    if file.seek(0, io.SEEK_END) > FILE_BYTES_MAX:
        raise _too_large(name)
    file.seek(0)


def _too_large(name: str) -> UsageError:
    return UsageError(f"{name} is too large to be an export file")


def _bounded(file: BinaryIO, bytes_max: int, name: str) -> bytes:
    file.seek(0)
    data = file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise UsageError(f"{name} has more than {bytes_max:,} bytes: that is no exported journal")
    return data


def _journal_only(data: bytes, name: str) -> Export:
    try:
        found = decode_journal(data, name)
    except JournalDamaged as error:
        raise ExportDamaged(name, "the journal", f"is damaged at {_place(error)}") from error
    _check_id(found.execution, name, JOURNAL)
    return Export(None, Recording(found.execution, found.status, found.entries))


class _Reader:
    """Reads one zip file, which may be anything."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._name = name
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError) as error:
            raise UsageError(
                f"{name} is no export file, or was cut short ({error}): make one with `flawless "
                "export ID -o FILE`"
            ) from error
        self._members = self._checked_members()

    def read(self) -> Export:
        """Return what the file holds."""
        about = self._about()
        contents = {name: self._checked(name, member) for name, member in about.members.items()}
        recording = self._recording(about, contents)
        return Export(about, recording)

    def _checked_members(self) -> dict[str, zipfile.ZipInfo]:
        found: dict[str, zipfile.ZipInfo] = {}
        for info in self._zip.infolist():
            if info.filename not in BYTES_MAX:
                raise self._damaged(repr(info.filename[:100]), "is no member of an export file")
            if info.filename in found:
                raise self._damaged(info.filename, "is there twice")
            found[info.filename] = info
        if ABOUT not in found:
            raise UsageError(
                f"{self._name} is no export file, for it has no {ABOUT}: make one with `flawless "
                "export ID -o FILE`"
            )
        return found

    def _content(self, name: str) -> bytes:
        """Return a member's content; never more of it than it says and may have."""
        info = self._members[name]
        if info.file_size > BYTES_MAX[name]:
            raise self._damaged(
                name,
                f"says it has {info.file_size:,} bytes, and may have {BYTES_MAX[name]:,}",
            )
        if info.flag_bits & 1 or info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise self._damaged(name, "is encrypted, or compressed in another way than deflate")
        try:
            with self._zip.open(info) as member:
                content = member.read(info.file_size + 1)
                if member.read(1):
                    raise self._damaged(name, "has more bytes than it says")
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            ValueError,
            RuntimeError,  # NotImplementedError is one, too
        ) as error:
            raise self._damaged(name, f"cannot be unpacked ({error})") from error
        if len(content) != info.file_size:
            raise self._damaged(name, "has fewer bytes than it says")
        return content

    def _about(self) -> About:
        data = self._content(ABOUT)
        try:
            found = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise self._damaged(ABOUT, f"is no JSON ({error})") from error
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise UsageError(f"{self._name} is no export file: its {ABOUT} is of another format")
        made = found.get("version")
        if type(made) is int and made > VERSION:
            raise UsageError(
                f"{self._name} has version {made} of the format, and this release reads up to "
                f"{VERSION}: use a newer release of Flawless"
            )
        if seal_of(found) != found.get("seal") or encoded(found) != data:
            raise self._damaged(ABOUT, "does not fit its seal")
        try:
            about = msgspec.convert(found, About)
        except msgspec.ValidationError as error:
            raise self._damaged(ABOUT, f"is not complete ({error})") from error
        for name in {*about.members, JOURNAL} - set(self._members):
            raise self._damaged(name, "is missing")
        for name in set(self._members) - {*about.members, ABOUT}:
            raise self._damaged(name, f"is not among the members that {ABOUT} tells of")
        return about

    def _checked(self, name: str, said: Member) -> bytes:
        content = self._content(name)
        if hashlib.sha256(content).hexdigest() != said.sha256:
            raise self._damaged(name, f"is not what {ABOUT} tells of (another SHA-256)")
        return content

    def _recording(self, about: About, contents: dict[str, bytes]) -> Recording:
        try:
            journal = decode_journal(contents[JOURNAL], f"{self._name}: {JOURNAL}")
        except JournalDamaged as error:
            raise self._damaged(JOURNAL, f"is damaged at {_place(error)}") from error
        _check_id(journal.execution, self._name, JOURNAL)
        deployment = self._deployment(about, contents)
        wasm = contents.get(COMPONENT, b"")
        recording = Recording(journal.execution, journal.status, journal.entries, deployment, wasm)
        told = (about.execution, about.run, about.workflow, about.deployment, about.status)
        first = recording.invoked
        held = (journal.execution, first.run, first.workflow, first.deployment, journal.status)
        if told != held or about.entries != len(journal.entries):
            raise self._damaged(ABOUT, f"tells of another execution than {JOURNAL}")
        return recording

    def _deployment(self, about: About, contents: dict[str, bytes]) -> Deployment | None:
        if DEPLOYMENT not in contents:
            if COMPONENT in contents:
                raise self._damaged(DEPLOYMENT, "is missing")
            return None
        deployment = self._understood(contents[DEPLOYMENT])
        if deployment.id != about.deployment:
            raise self._damaged(
                DEPLOYMENT, f"is deployment {deployment.id}, and {about.deployment} is told of"
            )
        component = deployment.manifest.component
        if about.component != component:
            raise self._damaged(DEPLOYMENT, f"is for another component than {ABOUT} tells of")
        if COMPONENT in contents and about.members[COMPONENT].sha256 != component:
            raise self._damaged(COMPONENT, "is not the one that the deployment runs on")
        return deployment

    def _understood(self, data: bytes) -> Deployment:
        try:
            deployment = Deployment.decode(data)
        except (FlawlessError, ValueError, RecursionError) as error:  # msgspec's are ValueErrors
            raise self._damaged(DEPLOYMENT, f"cannot be understood ({error})") from error
        if deployment.manifest.format > MANIFEST_FORMAT:
            raise UsageError(
                f"{self._name}: {DEPLOYMENT} has format {deployment.manifest.format}, and this "
                f"release reads up to {MANIFEST_FORMAT}: use a newer release of Flawless"
            )
        return deployment

    def _damaged(self, member: str, reason: str) -> ExportDamaged:
        return ExportDamaged(self._name, member, reason)


def _place(error: JournalDamaged) -> str:
    """Return place and reason: what else it says is of journals in stores."""
    return f"entry {error.position} ({error.reason})"


def _check_id(execution: str, file: str, member: str) -> None:
    """Ids become names of files, so they must be ones that an engine gives."""
    name, sign, run = execution.partition("~")
    if not can_be_child(name) or (sign and not (run.isascii() and run.isdigit())):
        raise ExportDamaged(file, member, f"has no execution's id, but {execution[:100]!r}")
