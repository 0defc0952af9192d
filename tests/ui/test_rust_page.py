"""The page of an execution in Rust: where effects are, where it failed, what is not known."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browsing import visiting
from rust_orders import line, served

WEIGH, PACK = line('step("travel_steps.weigh"'), line("let packing")


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server with orders that have ended."""
    with served(tmp_path_factory.mktemp("rust-pages")) as address:
        yield address


@pytest.fixture(scope="module")
def window(browser: Browser, origin: str) -> Iterator[Page]:
    """Give the window that all tests share; it must be without errors until the last one ends."""
    with visiting(browser, origin, width=1440, height=1000) as page:
        yield page


def travel(window: Page, origin: str, execution: str, query: str = "") -> Page:
    """Open the time travel of an execution."""
    window.goto(f"{origin}/ui/executions/{execution}?tab=path{query}")
    expect(window.get_by_role("slider")).to_be_visible()
    return window


def test_effects(window: Page, origin: str) -> None:
    """One goes from effect to effect, and stands at the line that has asked for it."""
    page = travel(window, origin, "done", "&at=6")
    now = page.locator("path-source li.now")
    expect(now).to_have_attribute("value", str(WEIGH))
    expect(page.get_by_text("3 effects", exact=True)).to_be_visible()
    expect(page.locator(".tt-stack")).to_contain_text("weigh")
    expect(page.get_by_text("nothing of their variables and lines")).to_be_visible()
    page.locator(f"path-source li[value='{PACK}']").click()
    expect(now).to_have_attribute("value", str(PACK))
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("Rust's standard library asked for this")).to_be_visible()
    page.keyboard.press("Shift+ArrowRight")
    expect(now).to_have_attribute("value", str(PACK))


def test_panic(window: Page, origin: str) -> None:
    """An execution that panicked opens at the line of the panic, with its source."""
    page = travel(window, origin, "panicked")
    failing = line('"panic" =>')
    expect(page.locator("path-source li.now.bad")).to_have_attribute("value", str(failing))
    expect(page.get_by_text("The error was raised here")).to_be_visible()
    expect(page.locator(".frames").first).to_contain_text(re.compile(rf"travel\.rs:{failing}"))


def test_trap(window: Page, origin: str) -> None:
    """One that was stopped by a trap opens at the function, which is told as that."""
    page = travel(window, origin, "aborted")
    head = line("pub fn ordered")
    expect(page.locator("path-source li.now.bad")).to_have_attribute("value", str(head))
    expect(page.get_by_text("The guest was stopped in this function")).to_be_visible()
    expect(page.locator(".error-view").first).to_contain_text("at programs::travel::ordered")
