"""How much of the server one caller, one connection, or all of them together may take.

What concerns single values and bodies is in `flawless.engine.settings.Limits` and `requests.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Bounds on what outsiders may send, hold and ask. All are positive; times in seconds.

    Those of connections hold where Flawless serves itself (`flawless up`); an application that
    mounts the API has a server with limits of its own.
    """

    headers_bytes_max: int = 32 * 1024
    """Request line and headers of one request; beyond it 431."""
    headers_max: int = 100
    """Headers of one request; beyond it 431."""
    request_s_max: float = 10.0
    """How long a connection may take from its first byte to the end of a request's headers."""
    keep_alive_s: float = 30.0
    """How long a connection may wait for its next request."""
    stalled_s_max: float = 60.0
    """How long a reader may take for the next `taken_bytes_min` of what is sent to it."""
    taken_bytes_min: int = 16 * 1024
    """What a reader has to take within `stalled_s_max`, unless that was all."""
    answer_s_max: float = 600.0
    """How long a reader may take for what was sent at once: an answer, or a page of a stream."""
    unsent_bytes_max: int = 256 * 1024 * 1024
    """What is held for all readers that are behind; beyond it, the one that has been behind for
    longest is dropped."""
    connections_max: int = 10_000
    """Connections at the same time; fewer where the process may not open so many files."""
    connections_per_address_max: int = 1_000
    """Connections from one address at the same time; addresses of this machine have no such
    bound, since a reverse proxy would be one."""
    requests_per_s: float = 1_000.0
    """What each caller may ask; the machine's own user, without a token, has no such bound."""
    requests_burst: int = 2_000
    """What a caller may ask at once after some quiet."""
    strangers_per_s: float = 100.0
    """What each address may ask of those who have shown no valid token."""
    strangers_burst: int = 500
    logins_per_minute: float = 10.0
    """Attempts to log in from one address, and different wrong tokens in headers."""
    long_answers_per_execution_max: int = 20
    """Streams, and requests that wait, which all capabilities of one execution may have open, of
    each kind."""
    long_answers_per_token_max: int = 500
    """Streams, and requests that wait, which one token may have open, of each kind."""
    callers_max: int = 10_000
    """Callers and addresses whose requests are counted; the longest silent one is forgotten."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} must be positive")
