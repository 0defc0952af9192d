"""The page of an execution while it goes on: new entries, attempts, runs, and a killed engine."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from stage import MODULES, Show, Stage, effect, rows, show, stage, status, tab

from browsing import visiting
from serving import Serving

__all__ = ["show", "stage"]


def test_what_happens_is_seen(show: Show, stage: Stage) -> None:
    """Effects appear and end as they do, without a reload, up to the result."""
    stage.start("story.steady", [2], "seen")
    page = show("seen")
    expect(effect(page, "receive next")).to_have_accessible_name(re.compile("under way"))
    expect(rows(page)).to_have_count(5)
    stage.send("seen", "next", "one")
    expect(effect(page, "receive next")).to_have_accessible_name(re.compile("done, .one."))
    expect(rows(page)).to_have_count(9)
    stage.send("seen", "next", "two")
    expect(status(page)).to_have_text("Completed")
    expect(effect(page, "returned")).to_have_accessible_name(re.compile("returned, 2"))
    expect(page.get_by_role("region", name="Result")).to_contain_text("2")
    expect(page).to_have_title(re.compile("^seen, completed"))


def test_attempts_are_seen_as_they_fail(show: Show, stage: Stage) -> None:
    """A step that is being tried shows which attempt it is at, before the journal tells of it."""
    gate = stage.folder / "gate"
    stage.start("shop.wait_for_gate", [str(gate)], "knocking")
    page = show("knocking")
    step = effect(page, "shop.pass_gate")
    expect(step).to_have_accessible_name(re.compile(r"under way, attempt \d+"))
    step.click()
    drawer = page.get_by_role("complementary")
    expect(drawer).to_contain_text("no gate gate")
    expect(drawer).to_contain_text("The journal tells of it when it has ended")
    gate.write_text("open")
    expect(status(page)).to_have_text("Completed")
    expect(step).to_have_accessible_name(re.compile("done"))
    expect(drawer).to_contain_text('"open"')


def test_runs_follow_each_other(show: Show, stage: Stage) -> None:
    """A next run takes the place of the one before, which is a link away."""
    stage.start("desk.relay", [3], "relayed")
    page = show("relayed")
    expect(effect(page, "INFO run with 3")).to_be_visible()
    stage.send("relayed", "go")
    expect(effect(page, "INFO run with 2")).to_be_visible()
    expect(effect(page, "INFO run with 3")).to_have_count(0)
    expect(page.locator(".ex-runs")).to_contain_text("2 earlier: 1")
    page.get_by_role("link", name="1", exact=True).click()
    expect(effect(page, "goes on as the next run")).to_be_visible()
    expect(page.get_by_role("region", name="Input of the next run")).to_contain_text("count: 2")
    page.get_by_role("link", name="latest run").click()
    expect(effect(page, "INFO run with 2")).to_be_visible()


def test_what_somebody_else_retries_lives_again(show: Show, stage: Stage) -> None:
    """A page that shows an end notices when it was not the end."""
    file = stage.folder / "revived"
    stage.start("story.press", [str(file)], "revived")
    stage.await_status("revived", "failed")
    page = show("revived")
    expect(status(page)).to_have_text("Failed")
    file.write_text("alive")
    assert stage.client.post("/executions/revived/retry", json={}).is_success
    expect(status(page)).to_have_text("Completed", timeout=20_000)
    expect(effect(page, "returned")).to_be_visible()


def test_what_has_not_begun(show: Show, stage: Stage) -> None:
    """An execution that begins later says when, and what it will begin with."""
    stage.start("shop.greet", ["later"], "later", delay_s=7_200)
    page = show("later")
    expect(page.get_by_role("note")).to_contain_text(re.compile("It begins in 1 h 59 min"))
    expect(page.get_by_role("region", name="Input")).to_contain_text('name: "later"')
    expect(page.get_by_role("region", name="Timeline")).to_contain_text("when the execution begins")


@pytest.fixture
def port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Lasting:
    """A server at an address that stays the same when it is killed and started anew."""

    def __init__(self, data: Path, port: int) -> None:
        self._arguments = (*MODULES, f"--data={data}", f"--port={port}")
        self.server = Serving(*self._arguments)
        self.url = self.server.await_url()

    def again(self) -> None:
        """Start it anew."""
        self.server.__exit__(None, None, None)
        self.server = Serving(*self._arguments)
        self.server.await_url()


@pytest.fixture
def lasting(tmp_path: Path, port: int) -> Iterator[Lasting]:
    """Give a server that may be killed."""
    made = Lasting(tmp_path / "data", port)
    yield made
    made.server.__exit__(None, None, None)


def test_a_killed_engine(browser: Browser, lasting: Lasting) -> None:
    """The page says that nobody answers, keeps what it has, and goes on with the next engine."""
    with (
        httpx.Client(base_url=f"{lasting.url}/api/v1", trust_env=False) as client,
        visiting(browser, lasting.url, unreachable=True) as page,
    ):
        body: Any = {"workflow": "story.steady", "input": [3], "id": "survivor"}
        assert client.post("/executions", json=body).status_code == 201
        page.goto(f"{lasting.url}/ui/executions/survivor")
        expect(effect(page, "receive next")).to_be_visible()
        tab(page, "Logs")
        lasting.server.kill()
        expect(lost(page)).to_be_visible()
        expect(effect(page, "receive next")).to_be_visible()
        lasting.again()
        expect(lost(page)).to_have_count(0, timeout=30_000)
        message = {"name": "next", "payload": None}
        assert client.post("/executions/survivor/messages", json=message).is_success
        expect(page.get_by_role("log")).to_contain_text("round 1")
        expect(rows(page)).to_have_count(9)
        expect(page.locator(".flag[data-look=restart]")).to_have_count(1)
        expect(page.locator(".flag[data-look=replay]")).to_have_count(1)
        expect(page.locator(".flag[data-look=restart] title")).to_have_text(re.compile("crash"))


def lost(page: Page) -> Any:
    """Return the notice that the server does not answer."""
    return page.get_by_role("note").filter(has_text="No connection to the server")
