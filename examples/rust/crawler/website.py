"""A web site with everything that a crawler meets, on a local server that keeps a ledger.

python examples/rust/crawler/website.py
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[2]))  # for `localhost`

from localhost import Localhost, Server

PAGES = 200
SLOW_S = 0.02
MONTH = "/calendar?month="

FLAKY = {f"/page/{number}": 2 for number in (17, 58, 123)}
"""Pages that are in trouble so often before they are well."""
DROPPED = {"/page/31": 1}
"""Pages whose first requests get no answer: the server hangs up."""
SLOW = {f"/page/{number}" for number in range(4, 40)}
REDIRECTS = {
    "/old/7": "/page/7",
    "/old/8": "../page/8",
    "/old/9": "/old/8",
    "/away": "http://elsewhere.example/",
    "/loop/1": "/loop/2",
    "/loop/2": "/loop/3",
    "/loop/3": "/loop/1",
    "/self": "/self",
    "/old/lost": "/missing/1",
}
STATUSES = {"/missing/1": 404, "/missing/2": 404, "/gone": 410, "/trouble": 500}
ROBOTS = "User-agent: *\nDisallow: /private\n"
EXTRA = {
    0: ["/old/7", "http://elsewhere.example/a", "mailto:somebody@elsewhere.example", "/private/1"],
    3: ["/old/9", "/away", "/loop/2", "/paper.pdf"],
    11: ["/self", "/missing/1", "/trouble"],
    42: ["/missing/2", "/missing/1#part", "/gone", "/old/lost"],
    77: [f"{MONTH}1"],
}
"""Further links of some pages."""


def links(number: int) -> list[str]:
    """Return where a page links to: its three children, home, and across the site."""
    children = [3 * number + child for child in (1, 2, 3)]
    found = [f"/page/{child}" for child in children if child < PAGES]
    return [*found, "/", f"/page/{max(1, number * 7 % PAGES)}", *EXTRA.get(number, [])]


def targets(path: str) -> list[str]:
    """Return the links of a path of the site that has a page."""
    if path.startswith(MONTH):
        return [f"{MONTH}{int(path.removeprefix(MONTH)) + 1}"]  # a calendar without an end
    return links(0 if path == "/" else int(path.removeprefix("/page/")))


def has_page(path: str) -> bool:
    """Tell whether there is a page with links at a path."""
    number = path.removeprefix("/page/")
    return path == "/" or path.startswith(MONTH) or (number.isdigit() and int(number) < PAGES)


@dataclass(frozen=True, slots=True)
class Visit:
    """A request as it came in."""

    path: str
    key: str
    agent: str
    status: int
    """0: no answer."""


class Website(Localhost):
    """The site, at `url` until the end of the `with`; `seen` is called with each request."""

    def __init__(self, seen: Callable[[Visit], object] | None = None, port: int = 0) -> None:
        self.visits: list[Visit] = []
        self.at_once_max = 0
        """How many requests were under way at the same time at most."""
        self._at_once = 0
        self._seen = seen or (lambda visit: None)
        self._keys: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        super().__init__(_Handler, port)

    def answer(self, path: str, key: str, agent: str) -> int:
        """Note a request; return the status of the answer, or 0 for none."""
        with self._lock:
            keys = self._keys.setdefault(path, [])
            if key not in keys:
                keys.append(key)
            status = self._status(path, keys.index(key))
            visit = Visit(path, key, agent, status)
            self.visits.append(visit)
            self._at_once += 1
            self.at_once_max = max(self.at_once_max, self._at_once)
        self._seen(visit)
        if path in SLOW:
            time.sleep(SLOW_S)
        with self._lock:
            self._at_once -= 1
        return status

    def _status(self, path: str, request: int) -> int:
        if request < DROPPED.get(path, 0):
            return 0
        if request < FLAKY.get(path, 0):
            return 503
        if path in REDIRECTS:
            return 301
        known = has_page(path) or path in ("/robots.txt", "/paper.pdf")
        return STATUSES.get(path, 200 if known else 404)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        """Answer with what is there."""
        key, agent = (self.headers.get(name, "") for name in ("Idempotency-Key", "User-Agent"))
        status = self.server.owner.answer(self.path, key, agent)
        if status == 0:
            self.close_connection = True
            return
        kind, text = _content(self.path, status)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.path in REDIRECTS:
            self.send_header("Location", REDIRECTS[self.path])
        if status == 503:
            self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Leave the terminal to whoever runs this."""


def _content(path: str, status: int) -> tuple[str, str]:
    if path == "/robots.txt":
        return "text/plain", ROBOTS
    if path == "/paper.pdf":
        return "application/pdf", '<a href="/missing/3">'
    if status != 200:
        return "text/html; charset=utf-8", f'{status}: <a href="/missing/4">elsewhere</a>'
    anchors = "\n".join(f'<li><a href="{target}">{target}</a>' for target in targets(path))
    head = f"<!doctype html><title>{path}</title>"
    return "text/html; charset=utf-8", f"{head}<!-- <a href=/missing/5> --><ul>\n{anchors}</ul>"


def main() -> None:
    """Serve until Ctrl-C, and show each request."""

    def tell(visit: Visit) -> None:
        print(f"{visit.status:3}  {visit.path}", flush=True)

    with Website(tell, int(os.environ.get("PORT", "8000"))) as website:
        print(f"a site of {PAGES} pages: {website.url}", flush=True)
        website.until_interrupted()


if __name__ == "__main__":
    main()
