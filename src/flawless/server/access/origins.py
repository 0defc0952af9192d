"""Which page a browser sends a request for, and whether that page is one of ours."""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from flawless.server.access.callers import Access
from flawless.server.wire.problems import AccessDenied

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]{1,5})?")
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""What proxies add: whoever asked one may be anywhere."""


class HostCheck:
    """Keeps pages of others from asking as this machine's user, where no token is wanted."""

    def __init__(self, access: Access) -> None:
        self._hosts = _LOCAL | {_bracketed(access.host)}
        self._origins = frozenset(access.origins)

    def check(self, scope: Scope, headers: Headers) -> bool:
        """Return False for a page of an allowed origin, which needs a token of its own.

        Raises `AccessDenied` when the request is for another host or for a page of others.
        """
        if not is_near(scope, headers):
            raise AccessDenied("requests from other machines, or through a proxy, need a token")
        host = headers.get("host", "")
        if _name(host) not in self._hosts:
            raise AccessDenied(f"requests for the host {host[:100]!r} are not answered here")
        origin = headers.get("origin")
        if origin in self._origins:
            return False
        if (
            origin is not None
            and origin.lower() != f"{scope.get('scheme', 'http')}://{host}".lower()
        ):
            raise AccessDenied(f"pages of {origin[:100]!r} may not ask this server")
        if origin is None and is_foreign(scope, headers):
            raise AccessDenied("pages of others may not ask this server")
        return True


def is_foreign(scope: Scope, headers: Headers) -> bool:
    """Tell whether a browser sends this for a page that is not ours; links that lead here are.

    `Sec-Fetch-Site` is what the browser itself has found out; old ones name the page in `Origin`.
    The scheme is left out of that, as a proxy may have taken TLS away.
    """
    site = headers.get("sec-fetch-site")
    if site in ("same-origin", "none"):
        return False
    if site is not None:
        follows_link = (
            scope["method"] in ("GET", "HEAD")
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") == "document"
        )
        return not follows_link
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True


def navigates(scope: Scope, headers: Headers, method: str = "GET") -> bool:
    """Tell whether somebody goes to an address with a browser, rather than a script or program."""
    if scope["method"] not in ({"GET", "HEAD"} if method == "GET" else {method}):
        return False
    if "text/html" not in headers.get("accept", ""):
        return False
    return headers.get("sec-fetch-mode", "navigate") == "navigate"


def is_this_machine(address: str) -> bool:
    """Tell whether a peer's address is this machine's own; what is no address may be anybody."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return found.is_loopback or (mapped is not None and mapped.is_loopback)


def is_near(scope: Scope, headers: Headers) -> bool:
    """Tell whether a request comes from this machine, and from nobody behind a proxy.

    What a proxy tells of its peer (`unknown`, `unix:`, an obfuscated name) has come to us in the
    place of the peer's address.
    """
    client = scope.get("client")
    return (
        client is not None
        and is_this_machine(client[0])
        and not any(name in headers for name in _FORWARDED)
    )


def _name(host: str) -> str:
    """Return a Host header without its port, in lower case; nothing if it is none."""
    found = _HOST.fullmatch(host.lower())
    return "" if found is None else found[1]


def _bracketed(host: str) -> str:
    bare = host.strip("[]").lower()
    return f"[{bare}]" if ":" in bare else bare
