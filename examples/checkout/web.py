"""The shop's web site: a page, and for each visitor a key to the one execution that is theirs."""

from __future__ import annotations

import re
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
_VISIT = re.compile("[0-9a-f]{32}")


def make_app(engine: Engine, *, ui: bool = False) -> Starlette:
    """Return the site. What the engine serves is below `/flawless`.

    A visitor's token opens the visit there, and nothing else. With `ui` everybody on this machine
    may use the engine's own UI, and do everything: not for a site that others can reach.
    """

    async def page(_: Request) -> Response:
        return FileResponse(SITE / "index.html")

    def visit(request: Request) -> Response:
        """Go on with the visit of the cookie, or begin one: the same start serves for both."""
        known = None if "again" in request.query_params else request.cookies.get(COOKIE)
        number = known if known and _VISIT.fullmatch(known) else secrets.token_hex(16)
        run = engine.start(checkout.checkout, id=f"visit-{number}")
        token = engine.capability(run.id, ["state", "send"], ttl=KEPT)
        answer = JSONResponse({"execution": run.id, "token": token})
        age_s = round(KEPT.total_seconds())
        answer.set_cookie(COOKIE, number, max_age=age_s, httponly=True, samesite="strict")
        return answer

    return Starlette(
        routes=[
            Route("/", page),
            Route("/visit", visit, methods=["POST"]),
            Mount("/site", StaticFiles(directory=SITE)),
            Mount("/flawless", engine.asgi(local=ui)),
        ]
    )
