"""The web UI: one page for all its addresses, and the files it is made of.

The files are what they are in the package: no build step stands between source and browser. The
page names them below `ui/static/VERSION/`, where the version is that of all files together. So
browsers keep them for good without asking again, and have the new ones as soon as one changes;
modules import each other by relative paths, which stay within one version.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import html
import math
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from flawless.server.access.roles import ANYONE, PAGE
from flawless.server.routing import endpoint
from flawless.server.wire import tags
from flawless.server.wire.headers import CONTENT_SECURITY_POLICY
from flawless.server.wire.requests import root_of

STATIC: Final = Path(__file__).parents[1] / "static"
PAGES: Final = frozenset({"", "executions", "start", "inbox", "deployments", "health"})
"""The first segments of the addresses that the page knows; it says of others that they are none."""
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ts": "application/typescript; charset=utf-8",
}
_KEEP: Final = "public, max-age=31536000, immutable"
_ASK: Final = "no-cache"  # keep it, and ask each time whether it is still right
_PRELOADED: Final = ("vendor/lit-html", "client", "ui/js", "ui/js/components")
"""The folders whose modules every page needs: loaded at once rather than one import at a time."""
_COMPRESSED_BYTES_MIN: Final = 1024
_LOOK_S: Final = 1.0  # how often, at most, all files are looked at for what has changed
_NAME: Final = re.compile(r"(?:[\w-][\w.-]{0,99}/){0,9}[\w-][\w.-]{0,99}", re.ASCII)
"""How our files are called: no part of a name begins with a dot."""


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was at `changed_ns`, ready to be sent."""

    changed_ns: int
    content: bytes
    compressed: bytes | None
    tag: str
    media_type: str


class Pages:
    """The addresses that people open in a browser, and what these load."""

    def __init__(self, static: Path = STATIC) -> None:
        self._static = static
        self._files: dict[str, File] = {}
        self._today = ""  # the version, as it was at `_looked_s`
        self._looked_s = -math.inf

    def routes(self) -> list[BaseRoute]:
        """Return the routes. The files are the same for everybody, so no token is wanted."""
        return [
            endpoint("/", self.home, GET=PAGE),
            endpoint("/ui", self.home, GET=PAGE),
            endpoint("/ui/static/{version}/{path:path}", self.file, GET=ANYONE),
            endpoint("/ui/{path:path}", self.page, GET=PAGE),
        ]

    async def home(self, request: Request) -> Response:
        """`GET /` and `GET /ui`: to the page, below whatever prefix this is mounted."""
        return RedirectResponse(root_of(request) + "/ui/", 307)

    async def page(self, request: Request) -> Response:
        """`GET /ui/...`: the page, which looks at the address itself."""
        first = request.path_params["path"].partition("/")[0]
        version = self._version()
        filled = {
            "{{base}}": html.escape(quote(root_of(request)) + "/ui/"),
            "{{static}}": f"static/{version}",
            "{{preload}}": "\n".join(
                f'<link rel="modulepreload" href="static/{version}/{name}">'
                for name in self._preloaded()
            ),
        }
        text = (self._static / "ui/index.html").read_text()
        for name, value in filled.items():
            text = text.replace(name, value)
        headers = {
            "Cache-Control": _ASK,
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
            "Referrer-Policy": "same-origin",
        }
        status = 200 if first in PAGES else 404
        return Response(text, status, headers=headers, media_type=TYPES[".html"])

    async def file(self, request: Request) -> Response:
        """`GET /ui/static/VERSION/...`: a file; kept for good where the version is today's."""
        found = self._file(request.path_params["path"])
        if found is None:
            raise HTTPException(404)
        today = request.path_params["version"] == self._version()
        headers = {
            "ETag": found.tag,
            "Cache-Control": _KEEP if today else _ASK,
            "Vary": "Accept-Encoding",
        }
        if tags.knows(request, found.tag):
            return Response(status_code=304, headers=headers)
        content = found.content
        if found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            content = found.compressed
            headers["Content-Encoding"] = "gzip"
        return Response(content, headers=headers, media_type=found.media_type)

    def version(self) -> str:
        """Return what changes when any of the files does."""
        digest = hashlib.sha256()
        for path in sorted(self._static.rglob("*")):
            if path.suffix in TYPES:
                about = path.stat()
                digest.update(f"{path} {about.st_mtime_ns} {about.st_size}\n".encode())
        return digest.hexdigest()[:16]

    # --- inside -------------------------------------------------------------------------------

    def _version(self) -> str:
        """Return the version as it was a moment ago: to find it, all files are looked at."""
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._looked_s + _LOOK_S:
            self._today, self._looked_s = self.version(), now_s
        return self._today

    def _preloaded(self) -> list[str]:
        return [
            f"{folder}/{path.name}"
            for folder in _PRELOADED
            for path in sorted((self._static / folder).glob("*.js"))
            if path.name != "theme.js"  # the one script that is no module
        ]

    def _file(self, name: str) -> File | None:
        """Return a file of ours; None for any other name, however it is written."""
        if _NAME.fullmatch(name) is None or PurePosixPath(name).suffix not in TYPES:
            return None
        path = (self._static / name).resolve()
        if not path.is_relative_to(self._static.resolve()) or not path.is_file():
            return None
        changed_ns = path.stat().st_mtime_ns
        known = self._files.get(str(path))
        if known is None or known.changed_ns != changed_ns:
            known = self._files[str(path)] = _load(path, changed_ns)
        return known


def _load(path: Path, changed_ns: int) -> File:
    content = path.read_bytes()
    compressed = gzip.compress(content, mtime=0) if len(content) >= _COMPRESSED_BYTES_MIN else None
    return File(changed_ns, content, compressed, tags.tag(content), TYPES[path.suffix])
