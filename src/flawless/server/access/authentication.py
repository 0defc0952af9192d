"""Finding out who sends a request: once, before anything else looks at it.

A bearer token decides alone where there is one; then the cookie of a session; then, where no token
is wanted, being on this machine. A caller that is not recognised is nobody, and may do what is open
to anyone: `Endpoint` refuses it the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from flawless import api
from flawless.engine.clock import Clock
from flawless.errors import FlawlessError
from flawless.server.access.attempts import Attempts
from flawless.server.access.callers import NOBODY, Access, Caller, introduce, is_loopback
from flawless.server.access.capabilities import CAPABILITY_SIGN, Capabilities, Capability
from flawless.server.access.keys import Seal, fingerprint, load_key
from flawless.server.access.origins import HostCheck, is_foreign
from flawless.server.access.rates import Rates, network
from flawless.server.access.roles import Role
from flawless.server.access.sessions import COOKIE, CSRF_HEADER, Sessions
from flawless.server.access.tokens import LOCAL, ROOT, TOKENS_FILE, Token, TokenFile, token_id
from flawless.server.wire.problems import (
    AccessDenied,
    CsrfRequired,
    TokenRequired,
    TooManyRequests,
    problem,
)

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LOCAL_ID: Final = "local"
"""Stands where the id of a token would where no token is wanted."""


class Authenticator:
    """Tells who sends a request. Raises `AccessUnusable` when tokens or key cannot be read."""

    def __init__(self, access: Access, clock: Clock, *, key: bytes | None = None) -> None:
        data = access.data
        key = load_key(data) if key is None else key
        self.access = access
        self.clock = clock
        self.capabilities = Capabilities(key)
        self.sessions = Sessions(key, data, clock.now_us())
        self._file = TokenFile(None if data is None else data / TOKENS_FILE)
        self._root: Token | None = None
        if access.token is not None:
            digest = fingerprint(access.token)
            # Its id is made from the token: what it gave out ends when it is replaced.
            identifier = f"{ROOT}.{Seal(key, ROOT).mac(digest)}"
            self._root = Token(identifier, ROOT, Role.DEPLOY, digest, api.timestamp(0))
        self._here = HostCheck(access)
        self.attempts = Attempts(access.limits, clock)

    @property
    def local(self) -> bool:
        """Tell whether everybody on this machine may do everything, since no token is wanted."""
        return self._root is None and not self._file.wanted and is_loopback(self.access.host)

    def identify(self, scope: Scope) -> Caller:
        """Return who sends the request with this scope.

        Raises `AccessDenied` for what a browser sends on behalf of a page of others, where that
        page would be taken for the user of this machine.
        """
        self._file.refresh()
        headers = Headers(scope=scope)
        bearer = headers.get("authorization")
        here = self.local and self._is_here(scope, headers)
        # Clients may have a token set that nobody here asks for; but who shows a capability wants
        # to be taken for its bearer.
        if here and not _is_capability(bearer):
            return Caller(LOCAL, "local", Role.DEPLOY, token_id=LOCAL_ID)
        try:
            return self._session(scope, headers) if bearer is None else self._bearer(bearer)
        except FlawlessError as error:
            return replace(NOBODY, refused=error)

    def log_in(self, text: str) -> Token:
        """Return the token that `text` is; raises `TokenRequired` when it is none that is good."""
        self._file.refresh()
        return self._token(text)

    # --- inside -------------------------------------------------------------------------------

    def _is_here(self, scope: Scope, headers: Headers) -> bool:
        """Tell whether the user of this machine asks, where that is enough; may raise."""
        return self._here.check(scope, headers)

    def _bearer(self, header: str) -> Caller:
        scheme, _, given = header.partition(" ")
        text = given.strip()
        if scheme.lower() != "bearer" or not text.isascii():
            raise TokenRequired("the header Authorization has no bearer token")
        if text.startswith(CAPABILITY_SIGN):
            return self._capability(self.capabilities.read(text))
        return _named(self._token(text), "token")

    def _token(self, text: str) -> Token:
        if self._root is not None and self._root.matches(text):
            return self._root
        found = self._file.find(token_id(text))
        if found is None or not found.matches(text):
            raise TokenRequired("the server does not know this token; it may have been revoked")
        return self._unexpired(found)

    def _issuer(self, identifier: str) -> Token | None:
        """Return the token with this id; None stands for this machine's user."""
        if identifier == LOCAL_ID and self.local:
            return None
        if self._root is not None and identifier == self._root.id:
            return self._root
        found = self._file.find(identifier)
        if found is None:
            raise TokenRequired("the token that stood behind this was revoked")
        return self._unexpired(found)

    def _unexpired(self, token: Token) -> Token:
        if token.expired(self.clock.now_us()):
            raise TokenRequired(f"the token {token.name!r} has expired")
        return token

    def _capability(self, capability: Capability | None) -> Caller:
        if capability is None:
            raise TokenRequired("this is no capability token of this server")
        if capability.expires_us <= self.clock.now_us():
            raise TokenRequired("the capability token has expired")
        issuer = self._issuer(capability.issuer)
        name = LOCAL if issuer is None else issuer.name
        return Caller(
            f"capability of {name}",
            "capability",
            rights=capability.rights,
            execution=capability.execution,
            messages=capability.messages,
            expires_us=capability.expires_us,
        )

    def _session(self, scope: Scope, headers: Headers) -> Caller:
        cookie = _cookie(headers)
        if cookie is None:
            raise TokenRequired("this server wants a token, and the request has none")
        session = self.sessions.read(cookie, self.clock.now_us())
        if session is None:
            raise TokenRequired("the login has ended: log in again")
        token = self._issuer(session.token_id)
        if token is None:
            raise TokenRequired("the login has ended: log in again")
        if is_foreign(scope, headers):
            raise AccessDenied("a login counts only for pages of this server")
        if scope["method"] not in SAFE_METHODS and not self.sessions.csrf_matches(
            session, headers.get(CSRF_HEADER, "")
        ):
            raise CsrfRequired(f"the header {CSRF_HEADER} is missing or wrong")
        who = _named(token, "session")
        expires_us = min(session.expires_us, who.expires_us or session.expires_us)
        return replace(who, session=cookie, csrf=self.sessions.csrf(session), expires_us=expires_us)


class AccessGuard:
    """ASGI middleware that notes in each request who sent it, and holds callers to their rate."""

    def __init__(self, app: ASGIApp, authenticator: Authenticator) -> None:
        limits = authenticator.access.limits
        self._app = app
        self._authenticator = authenticator
        self._known = Rates(
            authenticator.clock,
            per_s=limits.requests_per_s,
            burst=limits.requests_burst,
            names_max=limits.callers_max,
        )
        self._strangers = Rates(
            authenticator.clock,
            per_s=limits.strangers_per_s,
            burst=limits.strangers_burst,
            names_max=limits.callers_max,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http":
            try:
                who = self._authenticator.identify(scope)
                self._hold(who, scope)
            except FlawlessError as error:
                await problem(error)(scope, receive, send)
                return
            introduce(scope, who, self._still(who, scope))
        await self._app(scope, receive, send)

    def _hold(self, who: Caller, scope: Scope) -> None:
        """Take a permit; the user of this machine could slow it down without asking us."""
        if who.via == "local":
            return
        if who.via == "nobody":
            wait_s = self._strangers.take(network(address(scope)))
        else:
            wait_s = self._known.take(who.account)
        if wait_s:
            raise TooManyRequests("too many requests from this caller", wait_s)
        if wait_s := self._guesses(who, scope):
            raise TooManyRequests("too many wrong tokens from this address", wait_s)

    def _guesses(self, who: Caller, scope: Scope) -> float:
        """Return how long this address has to wait because of the wrong tokens it has shown.

        Then FLAWLESS_TOKEN is not told from a wrong one there: a person may have chosen it. All
        others are beyond guessing, so nobody is kept out with them.
        """
        if who.via == "token" and who.name == ROOT:
            return self._authenticator.attempts.wait_s(address(scope))
        bearer = Headers(scope=scope).get("authorization")
        if who.via != "nobody" or bearer is None or _is_capability(bearer):
            return 0.0
        return self._authenticator.attempts.refused(address(scope), bearer)

    def _still(self, who: Caller, scope: Scope) -> Callable[[], bool]:
        def still() -> bool:
            try:
                now = self._authenticator.identify(scope)
            except FlawlessError:
                return False
            return now == who

        return still


def address(scope: Scope) -> str:
    """Return the address a request came from, or a word for none."""
    client = scope.get("client")
    return client[0] if client else "unknown"


def _named(token: Token, via: str) -> Caller:
    expires_us = None if token.expires_at is None else api.microseconds(token.expires_at)
    return Caller(
        token.name,
        "session" if via == "session" else "token",
        token.role,
        expires_us=expires_us,
        token_id=token.id,
    )


def _is_capability(bearer: str | None) -> bool:
    return bearer is not None and bearer.partition(" ")[2].strip().startswith(CAPABILITY_SIGN)


def _cookie(headers: Headers) -> str | None:
    """Return the session's cookie. Two of them are none: one may have been planted."""
    pairs = [p.strip().partition("=") for p in ";".join(headers.getlist("cookie")).split(";")]
    found = [value for name, _, value in pairs if name == COOKIE]
    return found[0] if len(found) == 1 else None
