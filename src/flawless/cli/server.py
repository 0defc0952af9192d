"""The server that commands speak to."""

from __future__ import annotations

from flawless.client import Client


def connect() -> Client:
    """Return a client that gives up at once: whoever waits at a terminal decides what to repeat."""
    return Client(retry_s=0)
