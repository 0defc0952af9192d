"""Pages that use `flawless.js`: empty ones, of another origin than the server's."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page

from browsing import visiting

ANYWHERE = "http://127.0.0.1:"


class Empty(http.server.BaseHTTPRequestHandler):
    """Some page of some application."""

    def do_GET(self) -> None:
        """Answer with an empty page."""
        content = b'<!doctype html><title>A page</title><link rel="icon" href="data:,">'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def empty_pages() -> Iterator[str]:
    """Serve empty pages; give their origin."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def script_page(
    browser: Browser, address: str, module: str, token: str | None = None, **options: Any
) -> Iterator[Page]:
    """Open a page that has imported the client from `module`, as `lib`, with one as `flawless`."""
    with visiting(browser, ANYWHERE, **options) as page:
        page.goto(address)
        page.evaluate(
            """async ([module, token]) => {
                globalThis.lib = await import(module);
                globalThis.flawless = new lib.Flawless(token === null ? {} : { token });
                // What a call throws, as a test can look at it.
                globalThis.problem = async (call) => {
                    try {
                        await call();
                    } catch (error) {
                        if (!(error instanceof lib.FlawlessError)) throw error;
                        const { type, title, detail, hint, status, problem } = error;
                        return { type, title, detail, hint, status, problem };
                    }
                    throw new Error("nothing was thrown");
                };
                // Watch an execution; all that happens is noted in `seen`.
                globalThis.watch = (id) => {
                    const seen = { states: [], connections: [], end: null, error: null };
                    seen.watch = flawless.execution(id).watch((value) => seen.states.push(value), {
                        onEnd: (outcome) => (seen.end = outcome),
                        onError: (error) => (seen.error = error.type),
                        onConnection: ({ state }) => seen.connections.push(state),
                    });
                    return seen;
                };
            }""",
            [module, token],
        )
        yield page
