"""The browser client, `flawless.js`, as the engine serves it: one file, and its types."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless.server.roles import ANYONE
from flawless.server.routing import endpoint

STATIC: Final = Path(__file__).with_name("static")
SCRIPT_TYPE: Final = "text/javascript; charset=utf-8"
TYPES_TYPE: Final = "application/typescript; charset=utf-8"


def routes() -> list[BaseRoute]:
    """Return the routes. The script is the same for everybody, so no token is wanted for it."""
    return [
        endpoint("/flawless.js", script, GET=ANYONE),
        endpoint("/flawless.d.ts", types, GET=ANYONE),
    ]


async def script(request: Request) -> Response:
    """`GET /flawless.js`: one ES module; Deno finds its types by the header."""
    return _file(request, "flawless.js", SCRIPT_TYPE, {"X-TypeScript-Types": "./flawless.d.ts"})


async def types(request: Request) -> Response:
    """`GET /flawless.d.ts`: the types of the module, for editors and compilers."""
    return _file(request, "flawless.d.ts", TYPES_TYPE, {})


def _file(request: Request, name: str, media_type: str, more: dict[str, str]) -> Response:
    content, tag = _content(name)
    # Asked for anew each time, answered with 304: a new version is there with the next page.
    headers = {"ETag": tag, "Cache-Control": "no-cache", **more}
    known = [one.strip().removeprefix("W/") for one in _known(request)]
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def _known(request: Request) -> list[str]:
    return request.headers.get("if-none-match", "").split(",")


@cache
def _content(name: str) -> tuple[bytes, str]:
    content = (STATIC / name).read_bytes()
    return content, f'"{hashlib.sha256(content).hexdigest()[:32]}"'
