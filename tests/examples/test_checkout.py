"""The checkout in real Chromium: refreshed, in two tabs, and over `kill -9` nothing is lost."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest
from playwright.sync_api import Browser, Page, expect

from browsing import browser, nameless, overflow_px, visiting
from serving import environment

__all__ = ["browser"]

RUN = Path(__file__).resolve().parents[2] / "examples" / "checkout" / "run.py"
ADDRESS = {
    "Your name": "Ada Lovelace",
    "Street and number": "12 St James's Square",
    "City": "London",
    "Email": "ada@example.org",
}


class Shop:
    """The program of the example, on a port that it keeps when it is started again."""

    def __init__(self, folder: Path, bank_s: float) -> None:
        self.url = "http://127.0.0.1:0"
        self._folder = folder
        self._bank_s = bank_s
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Shop:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.kill()

    def open(self) -> None:
        """Start it and wait until it says that it is open."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, str(RUN), f"--data={self._folder}"),
                f"--port={self.url.rpartition(':')[2]}",
            ],
            env=environment(CHECKOUT_BANK_S=str(self._bank_s)),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said, _, self.url = self._process.stdout.readline().strip().partition(": ")
        assert said == "the shop is open"

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()

    @property
    def payments(self) -> list[int]:
        """What the bank has taken, payment by payment, in cents."""
        book = self._folder / "payments.jsonl"
        lines = book.read_text().splitlines() if book.exists() else []
        return [json.loads(line)["cents"] for line in lines]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """Give a shop whose bank thinks for a moment."""
    with Shop(tmp_path, bank_s=1.0) as found:
        yield found


def enter(page: Page, shop: Shop) -> None:
    """Come into the shop and wait until the first page stands there."""
    page.goto(shop.url)
    expect(page.get_by_role("heading", name="What would you like?")).to_be_visible()


def press(page: Page, name: str) -> None:
    """Press a button."""
    page.get_by_role("button", name=name).click()


def fill_cart(page: Page) -> None:
    """Put two lamps and some tea into the cart."""
    for name in ("more: A lamp", "more: A lamp", "more: Tea"):
        press(page, name)
    expect(page.get_by_label("in the cart: A lamp")).to_have_text("2")
    expect(page.locator(".total")).to_have_text("Total €115.40")


def write_address(page: Page) -> None:
    """Fill in all of the address."""
    for label, text in ADDRESS.items():
        page.get_by_label(label).fill(text)


def expect_address(page: Page) -> None:
    """Wait until all of the address stands there."""
    for label, text in ADDRESS.items():
        expect(page.get_by_label(label)).to_have_value(text)


def test_a_refresh_loses_nothing_on_any_page(browser: Browser, shop: Shop) -> None:
    """On each page everything is there again after a refresh, what is half written too."""
    with visiting(browser, shop.url) as page:
        enter(page, shop)
        fill_cart(page)
        page.reload()
        expect(page.get_by_label("in the cart: A lamp")).to_have_text("2")
        press(page, "To the address")
        page.get_by_label("Your name").fill("Ada L")
        expect(page.get_by_label("Your name")).to_have_value("Ada L")
        press(page, "To the delivery")
        expect(page.get_by_role("alert")).to_have_text(
            "Please fill in your street and city and email."
        )
        page.reload()
        expect(page.get_by_label("Your name")).to_have_value("Ada L")
        write_address(page)
        press(page, "To the delivery")
        page.get_by_text("By courier").click()
        expect(page.locator(".total")).to_have_text("Total €125.40")
        page.reload()
        expect(page.get_by_role("radio", name="By courier")).to_be_checked()
        press(page, "To the payment")
        press(page, "Buy now")
        page.reload()
        expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
        number = page.locator("dd").first.inner_text()
        page.reload()
        expect(page.locator("dd").first).to_have_text(number)
        assert shop.payments == [12_540]
        press(page, "Buy something else")
        expect(page.get_by_label("in the cart: A lamp")).to_have_text("0")


def test_two_tabs_agree(browser: Browser, shop: Shop) -> None:
    """What is done in one tab is seen in the other, and a tab that was closed is no loss."""
    with visiting(browser, shop.url) as page:
        enter(page, shop)
        other = page.context.new_page()
        enter(other, shop)
        fill_cart(page)
        expect(other.get_by_label("in the cart: Tea")).to_have_text("1")
        press(other, "less: Tea")
        expect(page.get_by_label("in the cart: Tea")).to_have_text("0")
        press(other, "To the address")
        page.get_by_label("City").fill("London")
        expect(other.get_by_label("City")).to_have_value("London")
        other.close()
        again = page.context.new_page()
        again.goto(shop.url)
        expect(again.get_by_label("City")).to_have_value("London")
        press(again, "Cart")
        expect(page.get_by_role("heading", name="What would you like?")).to_be_visible()


def test_kill_9_loses_nothing(browser: Browser, shop: Shop) -> None:
    """Killed among the pages and in the middle of the payment: pages go on, and it is paid once."""
    with visiting(browser, shop.url, unreachable=True) as page:
        enter(page, shop)
        fill_cart(page)
        press(page, "To the address")
        write_address(page)
        press(page, "To the delivery")
        press(page, "Address")
        expect_address(page)
        shop.kill()
        expect(page.locator("#connection")).to_have_text("The shop is away. It will be back …")
        shop.open()
        expect(page.locator("#connection")).to_have_text("")
        expect_address(page)
        press(page, "To the delivery")
        press(page, "To the payment")
        press(page, "Buy now")
        expect(page.get_by_text("The bank is thinking")).to_be_visible()
        shop.kill()
        shop.open()
        expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
        expect(page.locator("dl")).to_contain_text("Ada Lovelace, 12 St James's Square, London")
        assert shop.payments == [11_540]


def test_a_declined_card(browser: Browser, shop: Shop) -> None:
    """A bank that refuses takes nothing, and the visit goes on with another card."""
    with visiting(browser, shop.url, width=360, height=700) as page:
        enter(page, shop)
        fill_cart(page)
        assert overflow_px(page) == 0
        assert nameless(page) == []
        press(page, "To the address")
        write_address(page)
        press(page, "To the delivery")
        press(page, "To the payment")
        page.get_by_text("A card without").click()
        press(page, "Buy now")
        expect(page.get_by_role("alert")).to_contain_text("your bank has declined the card")
        assert overflow_px(page) == 0
        assert shop.payments == []
        page.get_by_text("A card with money").click()
        press(page, "Buy now")
        expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
        assert shop.payments == [11_540]


def test_a_visitor_opens_no_other_visit(browser: Browser, shop: Shop) -> None:
    """The token in the page reads its own execution, and nobody else's."""
    with visiting(browser, shop.url, refused=(403,)) as page, browser.new_context() as stranger:
        enter(page, shop)
        enter(stranger.new_page(), shop)
        foreign = stranger.cookies()[0]["value"]
        statuses = page.evaluate(
            """async (foreign) => {
                const visit = await fetch("visit", { method: "POST" });
                const { execution, token } = await visit.json();
                const headers = { Authorization: `Bearer ${token}` };
                const ask = async (path) =>
                    (await fetch(`flawless/api/v1/executions${path}`, { headers })).status;
                return [await ask(`/${execution}/state`), await ask(`/${execution}/journal`),
                    await ask(`/visit-${foreign}/state`), await ask("")];
            }""",
            foreign,
        )
        assert statuses == [200, 403, 403, 403]
