"""The browser client, `flawless.js`, as the engine serves it: one module, and its types.

Its source is in modules of their own, `static/client/*.js`, each about one thing. They are served
as one, so that a page has one file to import, or to copy.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless.server.access.roles import ANYONE
from flawless.server.routing import endpoint
from flawless.server.wire import tags

STATIC: Final = Path(__file__).parents[1] / "static"
SOURCES: Final = STATIC / "client"
PARTS: Final = (
    "problems", "waiting", "parser", "turns", "stream", "requests", "watching", "execution",
    "client",
)  # fmt: skip
"""The modules it consists of; each imports only from those before it."""
HEADER: Final = """\
// flawless.js: start executions of a Flawless engine, send them messages, watch their state.
// One module without dependencies, for browsers, Node and Deno. Types: flawless.d.ts.
"""
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
    return _file(request, joined(), SCRIPT_TYPE, {"X-TypeScript-Types": "./flawless.d.ts"})


async def types(request: Request) -> Response:
    """`GET /flawless.d.ts`: the types of the module, for editors and compilers."""
    return _file(request, declarations(), TYPES_TYPE, {})


@cache
def joined() -> bytes:
    """Return the module: its parts without what ties them together, and the public names."""
    parts = [(SOURCES / f"{name}.js").read_text() for name in PARTS]
    lone = [_EXPORT.sub("", _IMPORT.sub("", part)).strip() for part in parts]
    public = ", ".join(_PUBLIC.findall((STATIC / "flawless.js").read_text()))
    return "\n\n".join([HEADER.strip(), *lone, f"export {{ {public} }};\n"]).encode()


@cache
def declarations() -> bytes:
    """Return the types."""
    return (SOURCES / "flawless.d.ts").read_bytes()


_IMPORT: Final = re.compile(r'^import [^;]* from "\./[a-z]+\.js";\n', re.MULTILINE)
_PUBLIC: Final = re.compile(r"^export \{ (.*) \} from", re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=const |class |(async )?function )", re.MULTILINE)


def _file(request: Request, content: bytes, media_type: str, more: dict[str, str]) -> Response:
    tag = tags.tag(content)
    # Asked for anew each time, answered with 304: a new version is there with the next page.
    headers = {"ETag": tag, "Cache-Control": "no-cache", **more}
    if tags.knows(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
