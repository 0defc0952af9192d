"""Which hosts requests may go to: patterns, and the allow-list of a deployment.

A pattern is a host (`api.example.com`), or `*.example.com` for every name below `example.com` but
not that name itself. `host:8443` means that port only, `https://host` (or `http://`) that scheme
only; without them any port and either scheme will do. Addresses are compared as they are written:
`127.0.0.1` is not `localhost`.

What is compared is the URL in the form in which it is sent, so that no way of writing it that is
read differently here and there gets around the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from flawless.errors import EgressDenied, UsageError

PATTERNS_MAX = 1_000
"""Hosts in one allow-list."""

_PORTS = {"http": 80, "https": 443}
_NOT_IN_A_HOST = frozenset("/\\?#@%*, \t\r\n")


@dataclass(frozen=True, slots=True)
class HostPattern:
    """One host, or all the hosts below one."""

    text: str
    scheme: str
    """Empty for either."""
    host: str
    """Begins with a dot when it stands for the names below it."""
    port: int | None

    @classmethod
    def parse(cls, text: object) -> HostPattern:
        """Read a pattern; raises `UsageError` when it is none."""
        if not isinstance(text, str):
            raise UsageError(f"a host is a text such as 'api.example.com', not {text!r}")
        scheme, separator, rest = text.rpartition("://")
        below = rest.startswith("*.")
        name = rest[2:] if below else rest
        wrong = UsageError(
            f"{text!r} is no host: write 'api.example.com', '*.example.com' or 'localhost:8080', "
            "with no path, and 'https://' or 'http://' before it or nothing"
        )
        if (separator and scheme not in _PORTS) or _NOT_IN_A_HOST & set(name):
            raise wrong
        try:
            # A scheme without a usual port: none must get lost.
            url = httpx.URL(f"any://{name}")
        except (httpx.InvalidURL, UnicodeError) as error:
            raise wrong from error
        if not host_of(url):
            raise wrong
        return cls(text, scheme, f".{host_of(url)}" if below else host_of(url), url.port)

    def matches(self, url: httpx.URL) -> bool:
        """Tell whether a request to `url` goes to such a host."""
        host = host_of(url)
        return (
            (host.endswith(self.host) if self.host.startswith(".") else host == self.host)
            and self.scheme in ("", url.scheme)
            and self.port in (None, _port_of(url))
        )


class Egress:
    """The hosts a deployment's requests may go to; none at all when the list is empty."""

    def __init__(self, hosts: Sequence[str]) -> None:
        """Read the list; raises `UsageError` when an element is no host."""
        if isinstance(hosts, str):
            raise UsageError(f"egress is a list of hosts: [{hosts!r}]")
        if len(hosts) > PATTERNS_MAX:
            raise UsageError(f"egress has {len(hosts)} hosts; {PATTERNS_MAX} are allowed")
        self._patterns = [HostPattern.parse(text) for text in hosts]
        self.hosts = sorted({pattern.text for pattern in self._patterns})
        """The list in the form in which a manifest holds it."""

    def expect_allowed(self, url: httpx.URL) -> None:
        """Raise `EgressDenied` if requests to `url` are not allowed."""
        if not any(pattern.matches(url) for pattern in self._patterns):
            raise EgressDenied(shown(url))

    def __repr__(self) -> str:
        return f"Egress({self.hosts!r})"


def host_of(url: httpx.URL) -> str:
    """Return the host as it is sent, in one spelling."""
    return url.raw_host.decode("ascii").lower().removesuffix(".")


def shown(url: httpx.URL) -> str:
    """Return the host, with its port if that is not the usual one."""
    host = f"[{host_of(url)}]" if ":" in host_of(url) else host_of(url)
    return host if url.port is None else f"{host}:{url.port}"


def _port_of(url: httpx.URL) -> int | None:
    return url.port or _PORTS.get(url.scheme)
