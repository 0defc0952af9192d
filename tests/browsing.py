"""A real Chromium for tests, and pages that are watched: what goes wrong in one fails its test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT_MS = 45_000
"""How long an action or an expectation waits for what it needs; most are there at once."""
expect.set_options(timeout=TIMEOUT_MS)  # which a page's own default does not do
LOCAL = ("data:", "blob:", "about:")
NAMED_ROLES = {
    "button", "checkbox", "combobox", "dialog", "grid", "img", "image", "link", "listbox",
    "menuitem", "navigation", "progressbar", "radio", "searchbox", "slider", "switch", "tab",
    "table", "textbox", "toolbar", "figure",
}  # fmt: skip
"""Whoever uses a screen reader meets these by their names."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert path is not None, "install Chromium: make setup does, or apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a browser to the tests of one module.

    Not to the whole session: while Playwright is at work its event loop counts as running in this
    thread, and no test could call `asyncio.run`.
    """
    with chromium() as found:
        yield found


@contextmanager
def visiting(
    browser: Browser,
    origin: str,
    *,
    width: int = 1280,
    height: int = 800,
    refused: Sequence[int] = (),
    unreachable: bool = False,
    **context: Any,
) -> Iterator[Page]:
    """Open a window on the pages of one server; fail at the end if anything went wrong in it.

    Wrong are errors on the console (violations of the content security policy are some), exceptions
    that nobody caught, answers with an error that is not among the statuses `refused`, and requests
    to anybody else. `unreachable` says that the server is to be away for a while.
    """
    wrong: list[str] = []
    with browser.new_context(viewport={"width": width, "height": height}, **context) as window:
        window.set_default_timeout(TIMEOUT_MS)
        page = window.new_page()

        def said(message: ConsoleMessage) -> None:
            # What a request came to is judged by its status, below.
            if message.type == "error" and "Failed to load resource" not in message.text:
                wrong.append(f"console: {message.text}")

        def asked(request: Request) -> None:
            if not request.url.startswith((origin, *LOCAL)):
                wrong.append(f"a request left: {request.url}")

        def lost(request: Request) -> None:
            if not unreachable and request.failure != "net::ERR_ABORTED":
                wrong.append(f"no answer: {request.url}: {request.failure}")

        page.on("console", said)
        page.on("pageerror", lambda error: wrong.append(f"not caught: {error}"))
        page.on("request", asked)
        page.on("requestfailed", lost)
        page.on(
            "response",
            lambda response: (
                wrong.append(f"{response.status}: {response.url}")
                if response.status >= 400 and response.status not in refused
                else None
            ),
        )
        yield page
    assert not wrong, "\n".join(wrong)


def nameless(page: Page) -> list[str]:
    """Return what a screen reader would meet without a name, from Chromium's accessibility tree."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        f"{node['role']['value']} (node {node.get('backendDOMNodeId')})"
        for node in nodes
        if not node.get("ignored")
        and node["role"]["value"] in NAMED_ROLES
        and not node.get("name", {}).get("value", "").strip()
    ]


def overflow_px(page: Page) -> int:
    """Return by how much the page is wider than its window."""
    found: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(0, found)
