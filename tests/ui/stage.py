"""A server with a past for the tests of an execution's page: an engine was killed there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browsing import visiting
from serving import DESK, SHOP, await_begun, serving

STORY = Path(__file__).with_name("story.py")
MODULES = (SHOP, DESK, STORY)
PARKED = 3
"""Executions `parked-0` and so on that wait for decisions; the first one for two."""
Show = Callable[..., Page]


class Stage:
    """The server."""

    def __init__(self, client: httpx.Client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.origin = str(client.base_url).partition("/api/")[0]

    def ui(self, path: str) -> str:
        """Return the address of a page."""
        return f"{self.origin}/ui/{path}"

    def start(self, workflow: str, input: Any, execution: str, **fields: Any) -> str:  # noqa: A002 (field)
        """Start an execution; return its id."""
        body = {"workflow": workflow, "input": input, "id": execution, **fields}
        response = self.client.post("/executions", json=body)
        assert response.status_code == 201, response.text
        return execution

    def get(self, execution: str) -> Any:
        """Return how an execution stands."""
        return self.client.get(f"/executions/{execution}").json()

    def end(self, execution: str) -> Any:
        """Wait for the end of an execution, and return it."""
        while True:
            url = f"/executions/{execution}/result"
            found = self.client.get(url, params={"wait": 30}).json()
            if "error" in found or "result" in found:
                return found

    def send(self, execution: str, name: str, payload: Any = None) -> None:
        """Send a message."""
        body = {"name": name, "payload": payload}
        assert self.client.post(f"/executions/{execution}/messages", json=body).is_success

    def await_status(self, execution: str, status: str) -> None:
        """Wait until an execution has a status."""
        while self.get(execution)["status"] != status:
            self.client.get(f"/executions/{execution}/result", params={"wait": 0.05})

    def await_entry(self, execution: str, kind: str) -> None:
        """Wait until there is an entry of a kind in a journal."""
        while True:
            entries = self.client.get(f"/executions/{execution}/journal").json()["entries"]
            if any(entry["kind"] == kind for entry in entries):
                return

    def order(self, execution: str, *, approved: bool = True) -> str:
        """Start an order, and let it come to its end unless it is not to be approved yet."""
        tries = str(self.folder / f"{execution}-tries")
        self.start("story.order", {"tries": tries, "items": ["lamp", "rug"]}, execution)
        if approved:
            self.send(execution, "Approval", {"by": "grace"})
            assert self.end(execution)["status"] == "completed"
        return execution


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give the server that the tests of an execution's page share."""
    folder = tmp_path_factory.mktemp("stage")
    with serving(folder / "data", MODULES) as (server, client):
        before = Stage(client, folder)
        for number in range(PARKED):
            pipes = [str(folder / f"pipe-{number}-{n}") for n in range(1 if number else 2)]
            for pipe in pipes:
                os.mkfifo(pipe)
            before.start("desk.pay", pipes, f"parked-{number}")
            await_begun(client, f"parked-{number}", len(pipes))
        server.kill()
    with serving(folder / "data", MODULES) as (_, client):
        now = Stage(client, folder)
        for number in range(PARKED):
            now.await_status(f"parked-{number}", "parked")
        yield now


@pytest.fixture
def show(browser: Browser, stage: Stage) -> Iterator[Show]:
    """Open the page of an execution; each must be without errors until the test ends."""
    with ExitStack() as windows:

        def open_(execution: str, query: str = "", *, whoami: Any = None, **options: Any) -> Page:
            options = {"width": 1440, "height": 900} | options
            page = windows.enter_context(visiting(browser, stage.origin, **options))
            if whoami is not None:
                page.route("**/api/v1/whoami", lambda route: route.fulfill(json=whoami))
            page.goto(stage.ui(f"executions/{execution}{query}"))
            return page

        yield open_


def rows(page: Page) -> Locator:
    """Return the rows of the timeline that are drawn."""
    return page.get_by_role("grid", name="Effects").get_by_role("row")


def effect(page: Page, name: str) -> Locator:
    """Return the first row of the timeline whose name has this in it."""
    return rows(page).and_(page.get_by_role("row", name=name)).first


def tab(page: Page, name: str) -> Locator:
    """Open a tab; return what it shows."""
    page.get_by_role("tab", name=name).click()
    panel = page.get_by_role("tabpanel")
    expect(panel).to_be_visible()
    return panel


def status(page: Page) -> Locator:
    """Return the status beside the workflow's name."""
    return page.locator(".ex-title .badge")
