"""Sessions: what a browser keeps after a login, in a cookie that scripts cannot read.

The cookie is signed, not stored: it says which token was shown and until when it is good. A session
ends with its token. Logging out notes the session as ended until it would have expired, in a file,
so that a cookie which was copied before does not come back to life with a restart.
"""

from __future__ import annotations

import hmac
import logging
import os
from pathlib import Path
from typing import Final

import msgspec

from flawless.ids import new_secret
from flawless.server.access.keys import Seal, write_private

COOKIE: Final = "flawless_session"
CSRF_HEADER: Final = "X-Flawless-CSRF"
SESSION_S: Final = 12 * 3_600
ENDED_MAX: Final = 10_000
"""Logouts that are remembered one by one; beyond it, all sessions of that moment end."""
ENDED_FILE: Final = "ended-sessions.json"

_log = logging.getLogger("flawless.server")


class Session(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a cookie says: whose token, from when and until when."""

    token_id: str
    began_us: int
    expires_us: int
    nonce: str


class _Ended(msgspec.Struct):
    """The file of ended sessions: the expiry of each by its nonce."""

    began_after_us: int = 0
    nonces: dict[str, int] = {}


class Sessions:
    """Begins sessions, recognises them and ends them. `data` is the folder, or None."""

    def __init__(self, key: bytes, data: Path | None, now_us: int) -> None:
        self._seal = Seal(key, "session")
        self._csrf = Seal(key, "csrf")
        self._file = None if data is None else data / ENDED_FILE
        self._ended = _Ended() if self._file is None else _load(self._file, now_us)

    def begin(self, token_id: str, now_us: int) -> str:
        """Return the cookie of a new session."""
        session = Session(token_id, now_us, now_us + SESSION_S * 1_000_000, new_secret())
        return self._seal.close(msgspec.json.encode(session))

    def read(self, cookie: str, now_us: int) -> Session | None:
        """Return the session of a cookie, or None when it is not one of ours or has ended."""
        content = self._seal.open(cookie)
        if content is None:
            return None
        try:
            session = msgspec.json.decode(content, type=Session)
        except msgspec.DecodeError:
            return None
        if session.expires_us <= now_us or session.nonce in self._ended.nonces:
            return None
        return session if session.began_us >= self._ended.began_after_us else None

    def end(self, session: Session, now_us: int) -> None:
        """End a session for good."""
        nonces = {n: us for n, us in self._ended.nonces.items() if us > now_us}
        nonces[session.nonce] = session.expires_us
        self._ended.nonces = nonces
        if len(nonces) > ENDED_MAX:
            self._ended = _Ended(now_us + 1)
        if self._file is not None:
            try:
                _write(self._file, self._ended)
            except OSError as error:
                _log.error("logout is forgotten at a restart: %s", error)

    def csrf(self, session: Session) -> str:
        """Return what pages of ours send with requests of this session."""
        return self._csrf.mac(session.nonce)

    def csrf_matches(self, session: Session, given: str) -> bool:
        """Tell whether a request's header has that."""
        return given.isascii() and hmac.compare_digest(self.csrf(session), given)


def _load(file: Path, now_us: int) -> _Ended:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Ended)
    except FileNotFoundError:
        return _Ended()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        # Which sessions have ended is not known, so all that may be under way have.
        _log.warning("%s cannot be read, so all logins end: %s", file, error)
        return _Ended(now_us)


def _write(file: Path, ended: _Ended) -> None:
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    write_private(fresh, msgspec.json.encode(ended))
    fresh.replace(file)
