"""Where a server is, and what requests to it carry."""

from __future__ import annotations

import ipaddress
import os
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from flawless import api
from flawless.errors import UsageError

URL_DEFAULT: Final = "http://127.0.0.1:27288"
ANSWER_S_MAX: Final = 15.0
"""How long an answer may take that does not wait for anything."""


class Address:
    """A server's address and token, from `FLAWLESS_URL` and `FLAWLESS_TOKEN` unless given."""

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self.url = (url or os.environ.get("FLAWLESS_URL") or URL_DEFAULT).rstrip("/")
        self._host = _host(self.url)
        self._token = token or os.environ.get("FLAWLESS_TOKEN") or None
        if self._token is not None and not (self._token.isascii() and self._token.isprintable()):
            raise UsageError("FLAWLESS_TOKEN has characters that no token has; copy it again")

    def __repr__(self) -> str:
        return f"<server at {self.url}>"  # never with the token

    def options(self) -> dict[str, Any]:
        """Return how httpx is to speak to it."""
        return {
            "base_url": self.url + api.PREFIX,
            "headers": {} if self._token is None else {"Authorization": f"Bearer {self._token}"},
            # Streams stay open: no number of them may keep others waiting.
            "limits": httpx.Limits(max_connections=None, max_keepalive_connections=20),
            "timeout": httpx.Timeout(ANSWER_S_MAX),
            "verify": urlsplit(self.url).scheme == "https",  # no certificates are read for nothing
            "trust_env": not _is_local(self._host),  # a proxy is for other machines
        }


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        usable = parts.scheme in ("http", "https") and host and parts.port != 0
    except ValueError:
        usable, host = False, None
    if not usable or host is None:
        raise UsageError(
            f"FLAWLESS_URL is no address of a server: {url!r}; it looks like {URL_DEFAULT}"
        )
    return host


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
