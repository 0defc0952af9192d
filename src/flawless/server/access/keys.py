"""The server's key, and texts signed with it: capability tokens and sessions."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path
from typing import Final

from flawless.ids import new_key
from flawless.server.wire.problems import AccessUnusable

KEY_FILE: Final = "capability.key"
KEY_BYTES: Final = 32


class Seal:
    """Signs texts for one purpose; what was signed for another one does not open here."""

    def __init__(self, key: bytes, purpose: str) -> None:
        self._key = hmac.digest(key, purpose.encode(), "sha256")

    def mac(self, text: str) -> str:
        """Return the signature of a text: 43 characters."""
        return _encode(hmac.digest(self._key, text.encode(), "sha256"))

    def close(self, content: bytes) -> str:
        """Return `content` with its signature: a word that anybody can read and nobody change."""
        text = _encode(content)
        return f"{text}.{self.mac(text)}"

    def open(self, sealed: str) -> bytes | None:
        """Return what was sealed here, or None.

        The signature is compared as text and covers the text: base64 writes some bytes in more than
        one way, and only the one that was given out is taken.
        """
        text, _, mac = sealed.rpartition(".")
        if not sealed.isascii() or not hmac.compare_digest(self.mac(text), mac):
            return None
        try:
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (ValueError, binascii.Error):  # pragma: no cover (signed by us, so well made)
            return None


def load_key(data: Path | None) -> bytes:
    """Return the key of a data folder, made when there is none yet; a passing one without folder.

    Raises `AccessUnusable` when it cannot be read or written, or others may read it.
    """
    return new_key() if data is None else key_at(data / KEY_FILE)


def key_at(path: Path) -> bytes:
    """Return the key in a file, made when there is none yet; raises as `load_key`."""
    try:
        if not path.exists():
            _make(path)
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(KEY_BYTES + 1)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    if mode & 0o077:
        raise _unusable(path, "other users of this machine may read or write it")
    if len(key) != KEY_BYTES:
        raise _unusable(path, f"it must have {KEY_BYTES} bytes")
    return key


def _make(path: Path) -> None:
    """Write a new key, unless another process does it at the same moment."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    # Written under another name first, so that a crash leaves no half a key; and unlike a rename,
    # a link never takes the place of somebody else's key.
    write_private(fresh, new_key())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def write_private(path: Path, content: bytes) -> None:
    """Write a new file that only this user may read, and have it on the disk."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(file, 0o600)  # whatever the umask
        view = memoryview(content)
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    finally:
        os.close(file)


def fingerprint(secret: str) -> str:
    """Return the SHA-256 of a token, as hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unusable(path: Path, reason: str) -> AccessUnusable:
    return AccessUnusable(
        f"the server's key {path} cannot be used: {reason}. Restore it, with permissions 0600; or "
        "delete it: the next start makes a new one, and capability tokens and logins that were "
        "given out are then void."
    )
