"""Logging in with a browser: a form that takes a token, and the cookie that stands for it after.

The page needs no script. A form is sent to `/login` by our own page only: a page of others could
log its reader in with a token of its own, and then watch what is done under that name.
"""

from __future__ import annotations

import html
import logging
import math
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from flawless.errors import FlawlessError
from flawless.server.access.authentication import Authenticator, address
from flawless.server.access.callers import caller
from flawless.server.access.origins import is_foreign, navigates
from flawless.server.access.roles import ANYONE
from flawless.server.access.sessions import COOKIE, SESSION_S
from flawless.server.routing import endpoint
from flawless.server.wire.headers import CONTENT_SECURITY_POLICY
from flawless.server.wire.problems import (
    AccessDenied,
    AccessUnusable,
    RequestInvalid,
    TokenRequired,
    problem,
)
from flawless.server.wire.requests import read_body, root_of

_log = logging.getLogger("flawless.server")

FORM_TYPE: Final = "application/x-www-form-urlencoded"
TOKEN_CHARS_MAX: Final = 1_000
NEXT_CHARS_MAX: Final = 2_000
_FIELDS_MAX: Final = 10
_BODY_BYTES_MAX: Final = 0  # beyond the slack every body has
_PAGE: Final = Path(__file__).parents[1] / "static" / "login" / "login.html"
_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    # With `no-referrer` browsers do not say which page sent a form, and it would be refused.
    "Referrer-Policy": "same-origin",
}


class Login:
    """The pages by which people come in and leave."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            endpoint("/login", self.login, GET=ANYONE, POST=ANYONE),
            endpoint("/logout", self.logout, POST=ANYONE),
        ]

    async def login(self, request: Request) -> Response:
        """`/login` is one route, so that a wrong method hears of both."""
        return await (self._enter if request.method == "POST" else self._show)(request)

    async def logout(self, request: Request) -> Response:
        """`POST /logout`: end the session for good, here and wherever its cookie was copied to."""
        who = caller(request)
        if isinstance(who.refused, AccessDenied):
            raise who.refused
        now_us = self._authenticator.clock.now_us()
        session = self._authenticator.sessions.read(who.session or "", now_us)
        if session is not None:
            self._authenticator.sessions.end(session, now_us)
        if navigates(request.scope, request.headers, "POST"):
            response: Response = RedirectResponse(f"{root_of(request)}/login", 303)
        else:
            response = Response(status_code=204)
        response.delete_cookie(
            COOKIE, path=root_of(request) or "/", httponly=True, samesite="strict"
        )
        return response

    # --- inside -------------------------------------------------------------------------------

    async def _show(self, request: Request) -> Response:
        """`GET /login`: the form; who is known already goes on."""
        target = _target(request, request.query_params.get("next", ""))
        if caller(request).via in ("local", "session"):
            return RedirectResponse(quote(target, safe=_URL_SIGNS), 303)
        if _comes_from_elsewhere(request):
            return _again(request)
        return _page(target)

    async def _enter(self, request: Request) -> Response:
        """`POST /login`: a cookie for a token."""
        if is_foreign(request.scope, request.headers):
            raise AccessDenied("the login form is sent by the server's own page only")
        wait_s = self._authenticator.attempts.take(address(request.scope))
        fields = await _form(request)
        target = _target(request, fields.get("next", ""))
        if wait_s:
            seconds = math.ceil(wait_s)
            notice = f"Too many attempts. Try again in {seconds} s."
            return _page(target, notice, 429, {"Retry-After": str(seconds)})
        try:
            token = self._authenticator.log_in(fields.get("token", "").strip()[:TOKEN_CHARS_MAX])
        except TokenRequired:
            _log.warning("a login from %s was refused", address(request.scope))
            return _page(target, "This token is not known here, or it has expired.", 401)
        except AccessUnusable:
            return _page(target, "The server cannot read its tokens; its log says more.", 503)
        cookie = self._authenticator.sessions.begin(token.id, self._authenticator.clock.now_us())
        response = RedirectResponse(quote(target, safe=_URL_SIGNS), 303)
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=SESSION_S,
            path=root_of(request) or "/",
            secure=request.scope.get("scheme") == "https",
            httponly=True,
            samesite="strict",
        )
        return response


async def on_token_required(request: Request, error: Exception) -> Response:
    """Answer who is not known: people with the login page, programs with a problem."""
    assert isinstance(error, FlawlessError)
    if not navigates(request.scope, request.headers):
        return problem(error)
    if _comes_from_elsewhere(request):
        return _again(request)
    where = request.scope["path"]
    query = request.scope["query_string"].decode("latin-1")
    target = f"{where}?{query}" if query else where
    query = urlencode({"next": target}) if len(target) <= NEXT_CHARS_MAX else ""
    return RedirectResponse(f"{root_of(request)}/login?{query}".rstrip("?"), 303)


_URL_SIGNS: Final = "/?&=%#:;,@+$!*'()~"


def _page(
    target: str, notice: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    shown = f'<p class="notice" id="notice" role="alert">{html.escape(notice)}</p>'
    filled = {
        "{{notice}}": shown if notice else "",
        "{{described}}": 'aria-invalid="true" aria-describedby="notice"' if notice else "",
        "{{next}}": html.escape(target),
    }
    text = _PAGE.read_text()
    for name, value in filled.items():
        text = text.replace(name, value)
    return Response(text, status, headers=_HEADERS | (headers or {}), media_type="text/html")


def _comes_from_elsewhere(request: Request) -> bool:
    """Tell whether a link on another site led here: then the browser has left out the cookie."""
    return request.headers.get("sec-fetch-site") in ("cross-site", "same-site")


def _again(request: Request) -> Response:
    """Let the browser ask again, as our own page: now it sends the cookie, if it has one."""
    where = quote(request.scope["path"])
    if query := request.scope["query_string"].decode("latin-1"):
        where = f"{where}?{query}"
    if not _is_ours(request, where):
        where = f"{root_of(request)}/ui/"
    text = f'<!doctype html><meta http-equiv="refresh" content="0;url={html.escape(where)}">'
    return Response(text, headers=_HEADERS, media_type="text/html")


async def _form(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM_TYPE:
        raise RequestInvalid(f"the login form is sent as {FORM_TYPE}")
    body = await read_body(request, _BODY_BYTES_MAX)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise RequestInvalid("the login form cannot be read") from None
    return dict(pairs)


def _target(request: Request, asked: str) -> str:
    """Return where to go after the login: a path of ours, whatever was asked for."""
    root = root_of(request)
    if not _is_ours(request, asked) or urlsplit(asked).path in (f"{root}/login", f"{root}/logout"):
        return f"{root}/ui/"
    return asked


def _is_ours(request: Request, target: str) -> bool:
    """Tell whether a browser that is sent there stays with us.

    Browsers take `//host` and `/\\host` for other hosts, and leave out tabs and line ends.
    """
    if len(target) > NEXT_CHARS_MAX or not target.isprintable() or "\\" in target or " " in target:
        return False
    if not target.startswith(f"{root_of(request)}/") or target.startswith("//"):
        return False
    try:
        parts = urlsplit(target)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc
