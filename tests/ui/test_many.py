"""The list over very many executions: what is drawn, what is loaded, what is found."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from reception import MODULES

from browsing import visiting
from flawless.core.status import Status
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import SQLiteStore
from flawless.stores.base import Append, Chunk, Create, Write
from serving import serving
from sharing import examples

COUNT = examples(100_000, 20_000)
BATCH = 20_000
DRAWN_MAX = 80
"""Rows in the document: what fits into the window, and some beyond its edges."""
PAGES = 5
PAGE = 100
NEEDLE = 4_321
BEGAN_US = 1_700_000_000_000_000
SECOND_US = 1_000_000


def writes(number: int) -> tuple[Write, Write]:
    """Return what makes an execution that has ended."""
    execution = ExecutionId(f"order-{number:06}")
    at_us = BEGAN_US + number * SECOND_US
    attributes = {"color": "red" if number == NEEDLE else "blue"}
    return (
        Create(
            execution,
            "office.greet",
            DeploymentId("long-gone"),
            b"digest",
            at_us,
            Chunk(0, 1, b"begun"),
            attributes=attributes,
        ),
        Append(execution, Chunk(1, 1, b"ended"), Status.COMPLETED, None, at_us + SECOND_US),
    )


async def seed(path: Path) -> None:
    """Fill a store in a few commits."""
    store = SQLiteStore(path)
    await store.open()
    for first in range(0, COUNT, BATCH):
        await store.commit(
            [write for number in range(first, first + BATCH) for write in writes(number)]
        )
    await store.close()


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server that has all those executions."""
    data = tmp_path_factory.mktemp("many")
    asyncio.run(seed(data / "flawless.db"))
    with serving(data, MODULES) as (_, client):
        yield str(client.base_url).partition("/api/")[0]


def ids(page: Page) -> list[str]:
    """Return the ids of the rows that are drawn, from the top."""
    found: list[str] = page.locator(".x-row[data-id]").evaluate_all(
        "rows => rows.map(row => row.dataset.id)"
    )
    return found


@pytest.mark.sweep
def test_very_many_executions(origin: str, browser: Browser) -> None:
    """Few rows are drawn wherever one is, paging goes on, and a filter finds the one there is."""
    with visiting(browser, origin) as page:
        page.goto(f"{origin}/ui/executions")
        newest = page.locator(f'.x-row[data-id="order-{COUNT - 1:06}"]')
        expect(newest).to_be_visible()
        assert len(ids(page)) < DRAWN_MAX
        page.mouse.move(600, 500)
        beyond = f"order-{COUNT - PAGES * PAGE:06}"
        while min(ids(page)) > beyond:
            page.mouse.wheel(0, 4_000)
            page.evaluate("() => new Promise(requestAnimationFrame)")
            assert len(ids(page)) < DRAWN_MAX
        expect(newest).to_have_count(0)

        search = page.get_by_role("textbox", name="Search executions")
        for text in (f"order-{NEEDLE:06}", "attr:color=red"):
            page.goto(f"{origin}/ui/executions")
            search.fill(text)
            search.press("Enter")
            page.wait_for_function(
                "() => document.querySelectorAll('.x-row[data-id]').length === 1"
            )
            assert ids(page) == [f"order-{NEEDLE:06}"]
