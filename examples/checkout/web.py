"""The shop's web site: a page, and for each visitor a key to the one execution that is theirs."""

from __future__ import annotations

import secrets
from datetime import timedelta
from pathlib import Path

import checkout
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from flawless import Engine

SITE = Path(__file__).parent / "site"
COOKIE = "visit"
KEPT = timedelta(days=30)


def make_app(engine: Engine) -> Starlette:
    """Return the site. The engine's own API, UI and `flawless.js` are below `/flawless`."""

    async def page(_: Request) -> Response:
        return FileResponse(SITE / "index.html")

    async def visit(request: Request) -> Response:
        """Go on with the visit of the cookie, or begin one: the same start serves for both."""
        known = None if "again" in request.query_params else request.cookies.get(COOKIE)
        number = known if known is not None and known.isalnum() else secrets.token_hex(16)
        run = await engine.start_async(checkout.checkout, id=f"visit-{number}")
        token = engine.capability(run.id, rights=["state", "send"], ttl=KEPT)
        answer = JSONResponse({"execution": run.id, "token": token})
        age_s = round(KEPT.total_seconds())
        answer.set_cookie(COOKIE, number, max_age=age_s, httponly=True, samesite="strict")
        return answer

    return Starlette(
        routes=[
            Route("/", page),
            Route("/visit", visit, methods=["POST"]),
            Mount("/site", StaticFiles(directory=SITE)),
            Mount("/flawless", engine.asgi(local=True)),  # its UI is for who runs the shop
        ]
    )
