"""Executions that are hard on a page: long, huge, hostile, damaged, unknown."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from stage import MODULES, Show, Stage, effect, rows, show, stage, tab

from browsing import nameless, overflow_px, visiting
from flawless.stores import SQLiteStore
from serving import serving
from sharing import examples

__all__ = ["show", "stage"]

LINES = examples(10_000, 2_000)
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>"
    "\u202eesrever &lt; \u05e9\u05dc\u05d5\u05dd"
)


@pytest.mark.sweep
def test_a_long_journal(show: Show, stage: Stage) -> None:
    """Thousands of entries are all there, and only those in sight are in the document."""
    stage.start("shop.talk", [LINES], "talker")
    stage.await_status("talker", "completed")
    page = show("talker", "?tab=journal")
    grid = page.get_by_role("grid", name="Effects")
    expect(grid).to_have_attribute("aria-rowcount", str(LINES + 2), timeout=60_000)
    journal = page.get_by_role("grid", name="Journal")
    expect(journal).to_have_attribute("aria-rowcount", str(LINES + 2))
    assert rows(page).count() < 60
    assert journal.get_by_role("row").count() < 60
    grid.focus()
    page.keyboard.press("End")
    expect(effect(page, "returned")).to_be_visible()
    assert rows(page).count() < 60
    grid.evaluate("grid => { grid.scrollTop = grid.scrollHeight / 2 }")
    expect(effect(page, f"INFO line {LINES // 2}")).to_be_visible()
    page.get_by_role("searchbox", name="Filter effects by text").fill(f"line {LINES - 1}")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("searchbox", name="Search the journal").fill(f"line {LINES - 2}")
    expect(journal.get_by_role("row")).to_have_count(1)
    tab(page, "Logs")
    assert page.locator(".log-line").count() <= 500
    page.get_by_role("button", name=re.compile(f"Show earlier lines, {LINES - 500:,} more")).click()
    assert page.locator(".log-line").count() <= 1_000
    assert page.locator("*").count() < 8_000


def test_huge_values(show: Show, stage: Stage) -> None:
    """A text of a megabyte is shown by its beginning, also raw, and copied whole."""
    stage.start("shop.large", [1_000_000], "large")
    stage.await_status("large", "completed")
    page = show("large")
    result = page.get_by_role("region", name="Result")
    expect(result).to_contain_text("show all 1000000 characters")
    assert len(result.inner_text()) < 10_000
    result.get_by_role("button", name="Raw").click()
    expect(result).to_contain_text("copying gives all of it")
    assert len(result.inner_text()) < 30_000
    assert overflow_px(page) == 0


def test_hostile_values(show: Show, stage: Stage) -> None:
    """What a workflow was given is text, wherever it is shown; it turns no other text around."""
    value = {"html": HOSTILE, HOSTILE: [HOSTILE]}
    stage.start("shop.echo", {"value": value}, "hostile", attributes={"note": "<b>bold</b>"})
    stage.start("shop.stumble", [HOSTILE], "hostile-error")
    stage.start("desk.listen", ["word"], "hostile-message")
    stage.send("hostile-message", "unasked", {"html": HOSTILE})
    stage.send("hostile-message", "word", HOSTILE)
    for name in ("hostile", "hostile-error", "hostile-message"):
        page = show(name)
        page.on("dialog", lambda dialog: pytest.fail(f"it ran: {dialog.message}"))
        expect(page.locator(".timeline")).to_contain_text("<script>alert(1)</script>")
        for number in "1234567":
            page.keyboard.press(number)
            expect(page.get_by_role("tabpanel")).to_be_visible()
        for row in rows(page).all():
            row.click()
            expect(page.get_by_role("complementary")).to_be_visible()
            row.hover()
        assert page.locator("main script, main img[src=x]").count() == 0
        assert overflow_px(page) == 0


def test_an_unknown_execution(show: Show) -> None:
    """An id that does not exist says so, and leads back to the list."""
    page = show("never-was", refused=(404,))
    expect(page.get_by_role("heading", name="There is no such execution")).to_be_visible()
    expect(page.locator("main")).to_contain_text("never-was")
    assert nameless(page) == []
    page.get_by_role("link", name="All executions").click()
    expect(page).to_have_url(re.compile("/executions$"))


@pytest.mark.parametrize(
    ("damage", "told"),
    [("entry", "The journal is damaged"), ("page", "The journal cannot be read")],
)
def test_a_damaged_journal(browser: Browser, tmp_path: Path, damage: str, told: str) -> None:
    """The page says what is damaged and what to do, and shows the rest."""
    data = tmp_path / "data"
    with serving(data, MODULES) as (server, client):
        body: Any = {"workflow": "desk.approve", "input": ["a vase"], "id": "broken"}
        assert client.post("/executions", json=body).status_code == 201
        while client.get("/executions/broken").json()["status"] != "waiting":
            client.get("/executions/broken/result", params={"wait": 0.05})
        server.stop()
    if damage == "page":
        with contextlib.closing(sqlite3.connect(data / "flawless.db")) as store, store:
            flip_a_bit(store)
    else:
        with ThreadPoolExecutor() as elsewhere:  # a loop is running in this thread: the browser's
            elsewhere.submit(asyncio.run, damage_an_entry(data / "flawless.db")).result()
    with (
        serving(data, MODULES) as (_, client),
        visiting(browser, str(client.base_url).partition("/api")[0], refused=(500,)) as page,
    ):
        page.goto(str(client.base_url.join("/ui/executions/broken")))
        expect(page.get_by_role("alert")).to_contain_text(told)
        expect(page.get_by_role("alert")).to_contain_text("restore a backup")
        expect(page.get_by_role("heading", name="desk.approve")).to_be_visible()
        tab(page, "State")
        expect(page.get_by_role("region", name="State")).to_contain_text('item: "a vase"')


def flip_a_bit(store: Any) -> None:
    """Flip a bit in the last piece of the last journal."""
    last = "SELECT position, data FROM journal ORDER BY position DESC LIMIT 1"
    position, data = store.execute(last).fetchone()
    flipped = bytes([*data[:-1], data[-1] ^ 1])
    store.execute("UPDATE journal SET data = ? WHERE position = ?", (flipped, position))


async def damage_an_entry(file: Path) -> None:
    """Damage an entry through the store's own connection, so that the file itself is sound."""
    store = SQLiteStore(file)
    await store.open()
    assert store._parts is not None
    flip_a_bit(store._parts.writing)
    await store.close()
