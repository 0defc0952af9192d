"""Who may ask, where the engine is mounted inside another web application.

That application may be reachable from anywhere, also through a proxy that makes every request come
from this machine. So being on this machine opens nothing, unless the program says so: without a
token only capability tokens open what they are for. The application may know its users itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import Scope

from flawless import api
from flawless.engine.clock import Clock
from flawless.errors import UsageError
from flawless.server.access.authentication import Authenticator
from flawless.server.access.callers import Access, Caller
from flawless.server.access.capabilities import CAPABILITY_SIGN
from flawless.server.access.origins import is_foreign, is_near
from flawless.server.access.roles import Role
from flawless.server.access.tokens import TOKEN_SIGN, Token
from flawless.server.wire.problems import AccessDenied

Grant: TypeAlias = tuple[str, str]
"""A user of the application, by name, and the role that user has here (`read`, ...)."""
Judge: TypeAlias = Callable[[HTTPConnection], Grant | Awaitable[Grant | None] | None]
"""Says who sends a request; None for strangers. It runs on the application's own event loop."""

HOST_ID: Final = "host"
"""Stands where the id of a token would, in what the application itself gives out."""
NAME_CHARS_MAX: Final = 200
_GRANT: Final = "flawless.grant"


class HostedAuthenticator(Authenticator):
    """Knows the users of the application too. `local` opens everything to this machine's users."""

    def __init__(self, access: Access, clock: Clock, *, key: bytes, local: bool) -> None:
        super().__init__(access, clock, key=key)
        self._local = local

    @property
    def local(self) -> bool:
        """Tell whether everybody on this machine may do everything."""
        return self._local and super().local

    def identify(self, scope: Scope) -> Caller:
        """Return who sends a request: who the application says, unless it carries a token of ours.

        Raises `AccessDenied` for what a browser sends on behalf of pages that are not the
        application's: they have its users' cookies too.
        """
        grant: Grant | None = scope.get(_GRANT)
        headers = Headers(scope=scope)
        if grant is None or self._is_ours(headers.get("authorization")):
            return super().identify(scope)
        if is_foreign(scope, headers):
            raise AccessDenied("a login counts only for pages of this application")
        name, role = grant
        return Caller(name, "host", Role(role), token_id=HOST_ID)

    def _is_here(self, scope: Scope, headers: Headers) -> bool:
        return is_near(scope, headers) and super()._is_here(scope, headers)

    def _issuer(self, identifier: str) -> Token | None:
        if identifier == HOST_ID:
            return Token(HOST_ID, HOST_ID, Role.DEPLOY, "", api.timestamp(0))
        return super()._issuer(identifier)

    def _is_ours(self, bearer: str | None) -> bool:
        """Tell whether a header Authorization is for us; the application may use others."""
        scheme, _, text = (bearer or "").partition(" ")
        text = text.strip()
        return scheme.lower() == "bearer" and (
            text.startswith((CAPABILITY_SIGN, TOKEN_SIGN))
            or (self._root is not None and text.isascii() and self._root.matches(text))
        )


async def judged(judge: Judge | None, scope: Scope) -> dict[str, Any]:
    """Return what the application's judgement adds to a scope."""
    if judge is None:
        return {}
    grant = judge(HTTPConnection(scope))
    if isinstance(grant, Awaitable):
        grant = await grant
    return {} if grant is None else {_GRANT: _checked(grant)}


def _checked(grant: object) -> Grant:
    match grant:
        case (str() as name, "read" | "operate" | "deploy" as role):
            if 0 < len(name) <= NAME_CHARS_MAX and name.isprintable():
                return name, role
    raise UsageError(
        f"access= returned {grant!r}: it returns None, or a name and a role, as in "
        '("ann", "operate"); roles are read, operate and deploy'
    )
