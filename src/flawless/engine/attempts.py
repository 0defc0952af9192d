"""The failed attempts of a step that has not ended, as they are kept beside the journal.

A step may be tried in several rounds: each `flawless retry` gives it its retries anew. So what is
carried is the history of all rounds, how many attempts of the present round failed, and when the
next one is due.
"""

from __future__ import annotations

import msgspec

from flawless.core.entries import Attempt

ATTEMPTS_KEPT_MAX = 50
"""Failed attempts kept in the journal, the latest ones."""

_MESSAGE_CHARS_MAX = 2_000


class SavedAttempts(msgspec.Struct, frozen=True):
    """Where the attempts of a step stand.

    `attempts` is the history, of earlier rounds too; `failures` counts those of the present round,
    which its retries are measured by. `due_us` is when the next attempt begins, in microseconds
    since the epoch, or None for at once.
    """

    attempts: list[Attempt] = []
    failures: int = 0
    due_us: int | None = None


# A map is the present form; a list of attempts is what was written before there were rounds.
_decoder: msgspec.msgpack.Decoder[SavedAttempts | list[Attempt]] = msgspec.msgpack.Decoder(
    SavedAttempts | list[Attempt]
)


def encode_attempts(saved: SavedAttempts) -> bytes:
    """Return the row that a store keeps."""
    return msgspec.msgpack.encode(saved)


def decode_attempts(data: bytes) -> SavedAttempts:
    """Read a row, of the older form too; raises `msgspec.MsgspecError` when it is damaged."""
    found = _decoder.decode(data)
    if isinstance(found, SavedAttempts):
        return found
    return SavedAttempts(found, len(found))


def failed_attempt(at: int, payload: bytes, pause: int | None = None) -> Attempt:
    """Return the record of an attempt that ended with an error object, `at` us after the start.

    `pause` is how long the next one waits, in microseconds.
    """
    error = msgspec.json.decode(payload)
    return Attempt(at, str(error["type"]), str(error["message"])[:_MESSAGE_CHARS_MAX], pause)


def history(attempts: list[Attempt], latest: Attempt) -> list[Attempt]:
    """Return a history with one more attempt, cut to what is kept."""
    return [*attempts, latest][-ATTEMPTS_KEPT_MAX:]
