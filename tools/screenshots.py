"""Take the pictures of the web UI that documentation and README show: docs/images/ui-*.png.

    .venv/bin/python tools/screenshots.py            # all of them
    .venv/bin/python tools/screenshots.py inbox      # those whose name has this in it

It serves `tools/showcase/shop.py`, lets things happen there (an engine killed in the middle of a
transfer among them), serves the checkout example, lives through the week that the guide on
debugging tells of, and visits all of them in Chromium.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SHOWCASE = ROOT / "tools" / "showcase" / "shop.py"
CHECKOUT = ROOT / "examples" / "checkout" / "run.py"
DEBUGGING = ROOT / "docs" / "guides" / "debugging.md"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
DESKTOP = (1440, 900)
PHONE = (390, 844)
READY_S_MAX: Final = 240.0

Picture = Callable[[Page], None]


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture: where it is taken, and what is done there before."""

    name: str
    path: str
    prepare: Picture
    size: tuple[int, int] = DESKTOP
    dark: bool = False


# --- what happens in the shop -----------------------------------------------------------------


class Served:
    """A program that serves, and says where."""

    def __init__(self, *command: str, folder: Path | None = None) -> None:
        self._command = [sys.executable, *command]
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def open(self) -> None:
        """Start it, and wait until it says that it serves."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, text=True, cwd=self._folder
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.match(r"(?:at|the shop is open:) +(http://\S+)", line):
                self.url = found[1]
                return
        raise SystemExit(f"it does not serve: {' '.join(self._command)}")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def wait(self) -> None:
        """Wait until it has ended by itself."""
        assert self._process is not None
        self._process.wait(READY_S_MAX)

    @property
    def client(self) -> httpx.Client:
        """Return a client of its API."""
        return httpx.Client(base_url=f"{self.url}/api/v1", trust_env=False, timeout=60)


CUSTOMERS = ("Ada Lovelace", "Alan Turing", "Grace Hopper", "Edsger Dijkstra", "Barbara Liskov")


def fill(shop: Served, folder: Path) -> None:
    """Let a day of business happen."""
    gate = folder / "gate"
    with shop.client as client:
        for number in range(4_201, 4_219):
            start(client, "order", order(number, gift=number % 6 == 0), f"order-{number}")
        start(client, "catalogue", [12], "catalogue-2026-11")
        months = {"Ada Lovelace": [4_900, 1_250], "Alan Turing": [], "Grace Hopper": [18_900]}
        start(client, "statement", ["November", months], "statement-2026-11")
        for customer in CUSTOMERS[:3]:
            start(client, "subscription", [customer], f"subscription-{slug(customer)}")
        for number, account in ((4_117, "DE02 1203 0000"), (4_122, "FR76 3000 6000")):
            start(client, "refund", [str(gate), number, account, 18_900], f"refund-{number}")
        until(lambda: in_flight(client, "refund-4117") and in_flight(client, "refund-4122"))
        until(lambda: status(client, "order-4218") != "running")
    shop.kill()
    shop.open()
    with shop.client as client:
        until(lambda: status(client, "refund-4117") == status(client, "refund-4122") == "parked")
        start(client, "order", order(4_219, gift=True), "order-4219")
        confirmed = {"name": "Confirmed", "payload": {"by": "Ada Lovelace"}}
        client.post("/executions/order-4206/messages", json=confirmed).raise_for_status()
        until(lambda: status(client, "order-4206") == "completed")
        client.post("/executions/order-4212/cancel", json={"reason": "changed her mind"})
        until(lambda: status(client, "order-4212") == "cancelled")
        until(lambda: status(client, "order-4219") == "waiting")


def order(number: int, *, gift: bool) -> list[Any]:
    """Return the input of an order."""
    counts = {"lamp": 1 + number % 2, "chair": 2, "tea": 1}
    lines = [{"item": item, "count": count} for item, count in counts.items()]
    customer = CUSTOMERS[number % len(CUSTOMERS)]
    return [{"number": number, "customer": customer, "lines": lines, "gift": gift}]


def start(client: httpx.Client, workflow: str, given: list[Any], name: str) -> None:
    """Start an execution."""
    attributes = {"region": ("eu", "us")[len(name) % 2], "channel": "web"}
    body = {"workflow": f"shop.{workflow}", "input": given, "id": name, "attributes": attributes}
    client.post("/executions", json=body).raise_for_status()


def status(client: httpx.Client, name: str) -> str:
    """Return how an execution stands."""
    return str(client.get(f"/executions/{name}").json()["status"])


def in_flight(client: httpx.Client, name: str) -> bool:
    """Tell whether an execution has an effect under way."""
    return bool(client.get(f"/executions/{name}").json()["in_flight"])


def until(done: Callable[[], bool]) -> None:
    """Wait for something, for a while."""
    deadline = time.monotonic() + READY_S_MAX
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit("the showcase does not come to where it should")
        time.sleep(0.1)


def slug(name: str) -> str:
    """Return a name for an id."""
    return name.lower().replace(" ", "-")


# --- pictures ---------------------------------------------------------------------------------


def shown(text: str) -> Picture:
    """Return what waits until a text is to be seen."""
    return lambda page: expect(page.get_by_text(text).first).to_be_visible()


def travelled(*keys: str, variable: str, opened: str = "") -> Picture:
    """Return what goes somewhere in time travel, until a variable is to be seen there.

    The parts of a variable can be `opened`.
    """

    def prepare(page: Page) -> None:
        expect(page.get_by_role("slider")).to_be_visible(timeout=60_000)
        for key in keys:
            page.keyboard.press(key)
        expect(page.locator(".tt-side:not(.stale)").get_by_text(variable).first).to_be_visible()
        if opened:
            page.get_by_role("button", name=f"Parts of {opened}").click()
        page.evaluate("document.querySelector('.ex-tabs').scrollIntoView()")

    return prepare


def none(_: Page) -> None:
    """Do nothing before the picture."""


SHOTS = [
    Shot("executions", "executions", shown("order-4219")),
    Shot("executions-dark", "executions", shown("order-4219"), dark=True),
    Shot("execution", "executions/order-4206", shown("Ada Lovelace")),
    Shot("execution-dark", "executions/order-4206", shown("Ada Lovelace"), dark=True),
    Shot("execution-failed", "executions/statement-2026-11", shown("ZeroDivisionError")),
    Shot("execution-phone", "executions/order-4206", shown("Ada Lovelace"), PHONE),
    Shot(
        "time-travel",
        "executions/order-4206?tab=path",
        travelled(*["ArrowLeft"] * 4, variable="confirmed", opened="order"),
    ),
    Shot(
        "time-travel-dark",
        "executions/statement-2026-11?tab=path",
        travelled(variable="cents"),
        dark=True,
    ),
    Shot(
        "time-travel-phone",
        "executions/statement-2026-11?tab=path",
        travelled(variable="cents"),
        PHONE,
    ),
    Shot("inbox", "inbox", shown("refund-4117")),
    Shot("start", "start?workflow=shop.order", shown("customer")),
    Shot("deployments", "deployments", shown("shop.order")),
    Shot("health", "health", shown("Commit")),
]

CHECKOUT_PAGES = ["checkout-cart", "checkout-address"]


def take(shots: list[Shot], url: str, browser: Any) -> None:
    """Take pictures of the web UI."""
    for shot in shots:
        width, height = shot.size
        page = browser.new_page(
            viewport={"width": width, "height": height},
            device_scale_factor=1 if shot.size == DESKTOP else 2,
            color_scheme="dark" if shot.dark else "light",
            reduced_motion="reduce",
        )
        page.goto(url + shot.path)
        shot.prepare(page)
        page.wait_for_load_state("load")
        page.wait_for_timeout(600)  # for charts and fonts to settle
        page.screenshot(path=IMAGES / f"ui-{shot.name}.png")
        print(f"wrote docs/images/ui-{shot.name}.png", flush=True)
        page.close()


def check_out(url: str, browser: Any, pages: list[str]) -> None:
    """Go through the checkout, and take pictures of some of its pages."""
    page = browser.new_page(
        viewport={"width": 900, "height": 720}, device_scale_factor=1.5, reduced_motion="reduce"
    )

    def take_if_wanted(name: str) -> None:
        if name in pages:
            page.screenshot(path=IMAGES / f"{name}.png")
            print(f"wrote docs/images/{name}.png", flush=True)

    page.goto(url)
    for name in ("more: A lamp", "more: A lamp", "more: Tea"):
        page.get_by_role("button", name=name).click()
    expect(page.locator(".total")).to_have_text("Total €115.40")
    take_if_wanted("checkout-cart")
    page.get_by_role("button", name="To the address").click()
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Street and number").fill("12 St James's Sq")
    page.get_by_label("Street and number").blur()
    page.wait_for_timeout(600)
    page.reload()
    expect(page.get_by_label("Street and number")).to_have_value("12 St James's Sq")
    take_if_wanted("checkout-address")
    page.close()


# --- the guide on debugging -------------------------------------------------------------------

SECOND_REDUCTION: Final = 20
"""The executed line of order-1003 at which its first price is reduced for the second time."""
DEBUGGING_SHOTS = [
    Shot("debugging-inbox", "inbox", shown("order-1003"), (1100, 360)),
    Shot(
        "debugging-travel",
        f"executions/order-1003?tab=path&line={SECOND_REDUCTION}",
        travelled(variable="cents=4242"),
    ),
]


def debug(shots: list[Shot], folder: Path, browser: Any) -> None:
    """Live through the week of the guide on debugging, with its own programs, and take pictures."""
    folder.mkdir()
    for name, text in first_files(DEBUGGING.read_text()).items():
        (folder / name).write_text(text)
    with serving("-m", "flawless.cli", "up", "shop.py", "--port=0", folder=folder) as shop:
        environment = {**os.environ, "FLAWLESS_URL": shop.url}
        week = [sys.executable, "week.py"]
        subprocess.run(week, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        shop.wait()
        (folder / "power-cut").unlink()
        shop.open()
        with shop.client as client:
            until(lambda: status(client, "order-1003") == "parked")
        take(shots, f"{shop.url}/ui/", browser)


def first_files(page: str) -> dict[str, str]:
    """Return the files that a page of the documentation shows, as they are at their first time."""
    found: dict[str, str] = {}
    for block in re.finditer(
        r"^```python\n(# file: (\S+)\n.*?)^```", page, re.DOTALL | re.MULTILINE
    ):
        found.setdefault(block[2], block[1])
    return found


@contextlib.contextmanager
def serving(*command: str, folder: Path | None = None) -> Iterator[Served]:
    """Serve for a while."""
    served = Served(*command, folder=folder)
    served.open()
    try:
        yield served
    finally:
        served.kill()


@contextlib.contextmanager
def chromium() -> Iterator[Any]:
    """Give a browser."""
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise SystemExit("this needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def main() -> None:
    """Take the pictures whose names have one of the words given, or all."""
    words = sys.argv[1:]
    shots = [shot for shot in SHOTS if not words or any(word in shot.name for word in words)]
    bugs = [
        shot for shot in DEBUGGING_SHOTS if not words or any(word in shot.name for word in words)
    ]
    IMAGES.mkdir(exist_ok=True)
    pages = [name for name in CHECKOUT_PAGES if not words or any(word in name for word in words)]
    with tempfile.TemporaryDirectory(prefix="flawless-showcase-") as folder, chromium() as browser:
        if shots:
            data = f"--data={folder}/data"
            with serving("-m", "flawless.cli", "up", str(SHOWCASE), "--port=0", data) as shop:
                fill(shop, Path(folder))
                take(shots, f"{shop.url}/ui/", browser)
        if bugs:
            debug(bugs, Path(folder) / "debugging", browser)
        if pages:
            with serving(str(CHECKOUT), "--port=0", f"--data={folder}/checkout") as site:
                check_out(site.url, browser, pages)


if __name__ == "__main__":
    os.environ.pop("FLAWLESS_TOKEN", None)
    main()
