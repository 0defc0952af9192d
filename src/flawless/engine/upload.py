"""Uploaded sources: what may be uploaded, what a guest finds of it, how it gets onto the disk."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import tokenize
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from flawless.engine.imports import is_uploaded, top
from flawless.engine.modules import Source, Unavailable, find_source, is_of_environment
from flawless.errors import InputInvalid

FILES_MAX: Final = 1_000
FILES_BYTES_MAX: Final = 8 * 1024 * 1024
"""All files of one upload together, as UTF-8."""
PATH_CHARS_MAX: Final = 200
MODULES_MAX: Final = 50
LABEL_CHARS_MAX: Final = 200

_OURS: Final = frozenset({"flawless", "flawless_guest", "flawless_pytest"})
_PROGRAMS: Final = frozenset({"__main__", "__mp_main__"})


class Upload:
    """Python sources by path, and the names of the modules that are loaded first.

    Paths are relative and lead to `.py` files in folders that are packages or could be. So none is
    absolute, climbs, or is anything but the place of a module.

    Raises `InputInvalid` when that is not so, when the sources are too many or too long, when a
    name belongs to Python or to a library that is installed here, and when an entry module is not
    among them.
    """

    def __init__(self, files: Mapping[str, str], modules: Sequence[str]) -> None:
        self.files = dict(sorted(files.items()))
        self.modules = list(modules)
        if not self.files:
            raise InputInvalid("an upload has at least one file", path="files")
        if len(self.files) > FILES_MAX:
            raise InputInvalid(
                f"an upload has at most {FILES_MAX:,} files, this one has {len(self.files):,}",
                path="files",
            )
        size = sum(len(text.encode("utf-8", "replace")) for text in self.files.values())
        if size > FILES_BYTES_MAX:
            raise InputInvalid(
                f"the files of an upload have at most {FILES_BYTES_MAX:,} bytes, these have "
                f"{size:,}",
                path="files",
            )
        self._paths: dict[str, str] = {}
        for path in self.files:
            name = _module_of(path)
            if name in self._paths:
                raise InputInvalid(
                    f"{self._paths[name]} and {path} are both the module {name}: remove one",
                    path="files",
                )
            self._paths[name] = path
        self._packages = {
            name.rpartition(".")[0] for name in _with_parents(self._paths) if "." in name
        } | {name for name, path in self._paths.items() if path.endswith("/__init__.py")}
        for name in sorted(self._packages & self._paths.keys()):
            if not self._paths[name].endswith("/__init__.py"):
                raise InputInvalid(
                    f"{self._paths[name]} and the folder {name.replace('.', '/')}/ are both the "
                    f"module {name}: rename one",
                    path="files",
                )
        self._check_modules()
        for path, text in self.files.items():
            _encoded(path, text)
        self.packed: bytes = msgspec.json.encode(self.files)
        self.sha256: str = hashlib.sha256(self.packed).hexdigest()

    @classmethod
    def unpack(cls, packed: bytes, modules: Sequence[str]) -> Upload:
        """Return the upload whose `packed` this is."""
        return cls(msgspec.json.decode(packed, type=dict[str, str]), modules)

    @property
    def tops(self) -> frozenset[str]:
        """The top-level names that its modules have."""
        return frozenset(map(top, self._paths))

    def check_names(self) -> None:
        """Raise `InputInvalid` when a name belongs to Python or to an installed library.

        That library would be replaced for everybody in this process.
        """
        for name in sorted(self.tops):
            if name in _OURS | _PROGRAMS or is_of_environment(name):
                raise InputInvalid(
                    f"{name} is the name of a module that the server has already, Python's or an "
                    "installed library's: rename the file",
                    path="files",
                )

    def find(self, name: str) -> Source | Unavailable:
        """Find what a guest gets for a module name: of the upload, else what is installed here."""
        if top(name) not in self.tops:
            return find_source(name, hooks=not is_uploaded(top(name)))
        path = self._paths.get(name)
        if path is not None:
            return Source(name, path, name in self._packages, True, self.files[path])
        if name in self._packages:
            return Source(name, f"{name.replace('.', '/')}/", True, True, "")
        return Unavailable("missing")

    def write(self, folder: Path) -> None:
        """Make `folder` hold exactly these files, and nothing that was there before.

        It appears whole or not at all, and belongs to the present user alone.
        """
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
        try:
            for path, text in self.files.items():
                place = made / path
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(place, "xb", opener=_private) as file:
                    file.write(_encoded(path, text))
            remove(folder)
            made.rename(folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise

    def is_written(self, folder: Path) -> bool:
        """Tell whether `folder` holds exactly these files, apart from what Python compiled."""
        try:
            if folder.is_symlink() or not folder.is_dir():
                return False
            found: dict[str, bytes] = {}
            for place in folder.rglob("*"):
                if place.is_symlink():
                    return False
                if "__pycache__" not in place.parts and not place.is_dir():
                    found[place.relative_to(folder).as_posix()] = place.read_bytes()
        except OSError:
            return False
        return found == {path: _encoded(path, text) for path, text in self.files.items()}

    def _check_modules(self) -> None:
        if not self.modules:
            raise InputInvalid('name at least one module, as in ["shop"]', path="modules")
        if len(self.modules) > MODULES_MAX:
            raise InputInvalid(f"at most {MODULES_MAX} modules can be named", path="modules")
        if len(set(self.modules)) < len(self.modules):
            raise InputInvalid("a module is named twice", path="modules")
        for name in self.modules:
            if name not in self._paths:
                known = ", ".join(sorted(self._paths)[:10])
                raise InputInvalid(
                    f"the module {name[:PATH_CHARS_MAX]!r} is not among the files; they are the "
                    f"modules {known}",
                    path="modules",
                )


def remove(folder: Path) -> None:
    """Remove what is at a path, without following it if it is a link."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _module_of(path: str) -> str:
    """Return the name of the module at a path; `InputInvalid` if it cannot be one."""
    shown = repr(path[:PATH_CHARS_MAX])
    if len(path) > PATH_CHARS_MAX:
        raise InputInvalid(f"a path has at most {PATH_CHARS_MAX} characters: {shown}", path="files")
    *folders, file = path.split("/")
    parts = [*folders, file.removesuffix(".py")]
    if not file.endswith(".py") or not all(map(_is_name, parts)):
        raise InputInvalid(
            f"{shown} is no path of a module: write shop.py or parts/shop.py, with names of "
            "letters, digits and _ only",
            path="files",
        )
    if parts[-1] == "__init__":
        parts.pop()
    if not parts or (parts[-1] == "__main__" and len(parts) == 1):
        raise InputInvalid(f"{shown} has no name of its own: rename it", path="files")
    return ".".join(parts)


def _is_name(part: str) -> bool:
    # What Python writes in another way than it was written would be another file.
    return part.isidentifier() and unicodedata.normalize("NFKC", part) == part


def _with_parents(names: Mapping[str, str]) -> set[str]:
    found: set[str] = set()
    for name in names:
        while name and name not in found:
            found.add(name)
            name = name.rpartition(".")[0]
    return found


def _encoded(path: str, text: str) -> bytes:
    """Return the bytes of a file, in the encoding that it declares, as Python will read them."""
    try:
        plain = text.encode()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(plain).readline)
        return plain if encoding in ("utf-8", "utf-8-sig") else text.encode(encoding)
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise InputInvalid(
            f"{path} cannot be written as the text it is: {error}", path="files"
        ) from None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
