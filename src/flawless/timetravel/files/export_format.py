"""The format of export files, documented in docs/internals/export-format.md.

A zip file with the members `about.json`, `journal.json` (see `journal_file`), `deployment.json`
(the manifest) and `component.wasm`. The last one may be left out, or the last two. What was changed
in any of them is noticed: `about.json` has the SHA-256 of each, and of all its own rest in `seal`.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, Literal

import msgspec

from flawless.errors import UsageError

FORMAT: Final = "flawless-export"
VERSION: Final = 1
SUFFIX: Final = ".flawless"

ABOUT: Final = "about.json"
JOURNAL: Final = "journal.json"
DEPLOYMENT: Final = "deployment.json"
COMPONENT: Final = "component.wasm"

MIB: Final = 1024 * 1024
BYTES_MAX: Final = {
    ABOUT: MIB // 16,
    JOURNAL: 512 * MIB,
    DEPLOYMENT: 128 * MIB,
    COMPONENT: 512 * MIB,
}
"""What each member may have, decompressed."""

Contents = Literal["all", "code", "journal"]
"""What is exported: `code` leaves out the component, `journal` the deployment too."""


class ExportDamaged(UsageError):
    """A member of an export file is not as it was written."""

    def __init__(self, file: str, member: str, reason: str) -> None:
        super().__init__(
            f"{file}: {member} {reason}. The file was damaged or tampered with: get it again from "
            "where it came from, or export the execution again"
        )
        self.member = member
        self.reason = reason


class Member(msgspec.Struct, frozen=True):
    """What `about.json` says of another member."""

    sha256: str
    bytes: int


class About(msgspec.Struct, frozen=True):
    """What `about.json` says.

    `component` is the SHA-256 of the component, also where that is left out, and `seal` that of all
    the rest.
    """

    format: str
    version: int
    execution: str
    run: int
    workflow: str
    deployment: str
    component: str | None
    status: str
    entries: int
    exported_at: str
    made_by: str
    members: dict[str, Member]
    seal: str = ""


def file_name(execution: str) -> str:
    """Return what an execution's file is called unless somebody says otherwise, on any system.

    Of all that ids may have, Windows takes no colons.
    """
    return f"{execution.replace(':', '_')}{SUFFIX}"


def sealed(about: About) -> About:
    """Return it with its seal."""
    return msgspec.structs.replace(about, seal=seal_of(msgspec.to_builtins(about)))


def seal_of(about: dict[str, Any]) -> str:
    """Return the SHA-256 of everything but the seal itself."""
    rest = {name: value for name, value in about.items() if name != "seal"}
    return hashlib.sha256(encoded(rest)).hexdigest()


def encoded(document: dict[str, Any]) -> bytes:
    """Return a document as text: the same for the same document."""
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
