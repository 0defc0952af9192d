"""Components within export files: compressed once per machine.

A Python component takes some 37 MB, 16 MB compressed, and a second or two to compress. So an export
begins with a zip file that holds nothing but the component, kept in the cache folder, and the other
members are appended to a copy of it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Final

from flawless.errors import ToolchainError
from flawless.timetravel.files.export_format import COMPONENT
from flawless.wasm import CacheFolder

LEVEL: Final = 1
"""Compression: higher levels make components some 10 % smaller, and take three times as long."""

_KIND: Final = "packed"
_WASM: Final = "wasm"
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)


def member(name: str) -> zipfile.ZipInfo:
    """Return the head of a member: the same for the same name, for its owner only."""
    info = zipfile.ZipInfo(name, _FIXED_TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


def packed(sha256: str, wasm: Callable[[], bytes]) -> bytes:
    """Return a zip file that holds the component with that hash; `wasm` gives it, if asked."""

    def make() -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as made:
            made.writestr(member(COMPONENT), wasm(), compresslevel=LEVEL)
        return file.getvalue()

    try:
        return CacheFolder().get_or_make(_KIND, sha256, make).read_bytes()
    except (ToolchainError, OSError):
        return make()  # slower, and nobody has to mend the folder for that


def is_packed(sha256: str) -> bool:
    """Tell whether `packed` has no need of the component."""
    try:
        return CacheFolder().get(_KIND, sha256) is not None
    except ToolchainError:
        return False


def known_wasm(sha256: str) -> bytes | None:
    """Return the component with that hash if this machine has it as it was built, else None."""
    cache = CacheFolder()
    path = cache.find(sha256)
    if path is not None:
        return path.read_bytes()
    packed_ = cache.get(_KIND, sha256)
    if packed_ is None:
        return None
    with zipfile.ZipFile(packed_) as made:
        return made.read(COMPONENT)


def keep_wasm(sha256: str, wasm: bytes) -> None:
    """Keep a component on this machine, where recordings without theirs find it."""
    CacheFolder().get_or_make(_WASM, sha256, lambda: wasm)
