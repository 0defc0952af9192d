"""One server for all tests of the web UI, and windows on its pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from reception import MODULES, PAYMENTS, Office

from browsing import browser, visiting
from serving import await_begun, serving

__all__ = ["browser"]


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Give the server that all tests of the UI share, after a crash in the middle of payments."""
    folder = tmp_path_factory.mktemp("office")
    with serving(folder / "data", MODULES) as (server, client):
        before = Office(client, folder)
        for execution in PAYMENTS:
            os.mkfifo(folder / execution)
            asked = {"id": execution, "attributes": {"customer": "ann"}}
            before.start("pay", [str(folder / execution)], **asked)
        before.start("sell", [str(folder / "gate")], id="sale")
        for execution in PAYMENTS:
            await_begun(client, execution)
        server.kill()
    with serving(folder / "data", MODULES) as (_, client):
        after = Office(client, folder)
        for execution in PAYMENTS:
            after.await_status(execution, "parked")
        yield after


@pytest.fixture
def visit(browser: Browser, office: Office) -> Iterator[Callable[..., Page]]:
    """Open pages by their paths; each must be without errors until the test ends."""
    with ExitStack() as windows:

        def open_(path: str = "", **options: Any) -> Page:
            page = windows.enter_context(visiting(browser, office.origin, **options))
            page.goto(office.ui(path))
            return page

        yield open_
