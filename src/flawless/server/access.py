"""Who may ask: a token where one is set, and without one only programs on this machine.

Without a token the server listens on loopback only. A page in a browser could still reach it in two
ways, and both are refused. It could send a form to `http://127.0.0.1:27288`; browsers then name the
page in `Origin`. Or its own name could be made to resolve to 127.0.0.1 (DNS rebinding); the browser
then names the page in `Host`. With a token neither helps: no browser adds it by itself.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from flawless.errors import FlawlessError, UsageError
from flawless.server.problems import AccessDenied, TokenRequired, problem

_LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
TOKEN_CHARS_MIN = 16


@dataclass(frozen=True, slots=True)
class Access:
    """On which host the server listens, and which token it wants.

    Raises `UsageError` when others could reach the host and there is no token to keep them out, or
    the token is too short to.
    """

    host: str = "127.0.0.1"
    token: str | None = None

    def __post_init__(self) -> None:
        if self.token is not None and (
            len(self.token) < TOKEN_CHARS_MIN or not self.token.isascii() or " " in self.token
        ):
            raise UsageError(
                f"FLAWLESS_TOKEN must have at least {TOKEN_CHARS_MIN} ASCII characters and no "
                "spaces; `openssl rand -hex 20` makes a good one"
            )
        if self.token is None and not is_loopback(self.host):
            raise UsageError(
                f"{self.host} can be reached from other machines, and nothing would ask them for "
                "a token: set FLAWLESS_TOKEN (for the server and its clients), or listen on "
                "127.0.0.1"
            )

    def check(self, headers: Headers) -> None:
        """Raise `TokenRequired` or `AccessDenied` unless a request with these headers may pass."""
        if self.token is not None:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            wanted = self.token.encode()
            right = hmac.compare_digest(given.strip().encode(), wanted)
            if scheme.lower() != "bearer" or not right:
                raise TokenRequired("this server wants a token, and the request has no valid one")
            return
        host = headers.get("host", "")
        if _name(host) not in _LOCAL | {_bracketed(self.host)}:
            raise AccessDenied(f"requests for the host {host[:100]!r} are not answered here")
        origin = headers.get("origin")
        if origin is not None and origin.lower() != f"http://{host.lower()}":
            raise AccessDenied(f"pages of {origin[:100]!r} may not ask this server")


def is_loopback(host: str) -> bool:
    """Tell whether only programs on this machine can reach a server that listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class AccessGuard:
    """ASGI middleware that lets through what `Access` allows."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                self._access.check(Headers(scope=scope))
            except FlawlessError as error:
                await problem(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _name(host: str) -> str:
    """Return a Host header without its port, in lower case."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].lower()


def _bracketed(host: str) -> str:
    bare = host.strip("[]").lower()
    return f"[{bare}]" if ":" in bare else bare
