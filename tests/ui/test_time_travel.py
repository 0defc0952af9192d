"""Time travel: the slider, the keys, the lines, the failing one, what changed, and what grows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect
from stage import Stage

from browsing import nameless, overflow_px, visiting
from serving import serving

TRACED = Path(__file__).parent.parent / "server" / "traced.py"
CODE = TRACED.read_text().splitlines()
LINES = [{"item": name, "count": n, "cents": 250} for name, n in (("lamp", 2), ("rug", 200))]
Travel = Callable[..., Page]


def at(text: str) -> int:
    """Return the number of the first line with a text."""
    return next(number for number, line in enumerate(CODE, 1) if text in line)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Give a server with executions to travel in."""
    folder = tmp_path_factory.mktemp("travel")
    with serving(folder / "data", [TRACED]) as (_, client):
        found = Stage(client, folder)
        for execution, workflow, given in (
            ("good", "invoice", [LINES]),
            ("bad", "invoice", [[]]),
            ("async", "together", [["lamp", "rug"]]),
            ("many", "many", [1_000]),
        ):
            found.end(found.start(f"traced.{workflow}", given, execution))
        found.start("traced.patient", [3], "waits")
        yield found


@pytest.fixture(scope="module")
def window(browser: Browser, stage: Stage) -> Iterator[Page]:
    """Give the window that most tests share; it must be without errors until the last one ends."""
    with visiting(browser, stage.origin, width=1440, height=1000) as page:
        yield page


@pytest.fixture
def travel(window: Page, stage: Stage) -> Travel:
    """Open the time travel of an execution."""

    def open_(execution: str, query: str = "") -> Page:
        window.goto(stage.ui(f"executions/{execution}?tab=path{query}"))
        expect(slider(window)).to_be_visible()
        return window

    return open_


def slider(page: Page) -> Locator:
    """Return the slider."""
    return page.get_by_role("slider")


def now(page: Page) -> Locator:
    """Return the line of source one stands at."""
    return page.locator("path-source li.now")


def stands_at(page: Page, text: str) -> None:
    """Expect to stand at the first line of the source with a text."""
    expect(now(page)).to_have_attribute("value", str(at(text)))


def variable(page: Page, name: str) -> Locator:
    """Return the line of a variable."""
    found = page.locator(".tt-side:not(.stale) .var").filter(
        has=page.locator(f".var-name:text-is('{name}')")
    )
    return found.first


def test_a_completed_execution_opens_at_its_last_effect(travel: Travel) -> None:
    """Position, effect, outcome, line, stack and variables are those of that point."""
    page = travel("good")
    expect(page.get_by_role("status").filter(has_text="Effect 2 of 2")).to_be_visible()
    expect(page.locator(".tt-now")).to_contain_text("traced.reserve")
    expect(page.locator(".tt-outcome")).to_contain_text('"shelf of rug"')
    stands_at(page, "shelves.append")
    expect(page.get_by_role("list", name="Stack")).to_contain_text("invoice")
    expect(variable(page, "total")).to_contain_text("total = 500")
    assert nameless(page) == []


def test_lines_are_counted_and_missed_ones_are_dim(travel: Travel) -> None:
    """The gutter says how often a line ran; what never ran is told apart."""
    page = travel("good")
    rows = page.locator("path-source li")
    expect(rows.nth(at("total += cost") - 1).locator(".times")).to_have_text(re.compile("^2\\D$"))
    expect(rows.nth(at("* 9 // 10") - 1).locator(".times")).to_have_text(re.compile("^1\\D$"))
    expect(rows.nth(at("heard.append") - 1)).to_have_class("missed")
    expect(rows.nth(at("total += cost") - 1)).not_to_have_class(re.compile("missed"))


def test_what_changed_since_the_effect_before_is_marked(travel: Travel) -> None:
    """Changed values show what they were; those that are the same show nothing."""
    page = travel("good")
    expect(variable(page, "total")).to_have_attribute("data-change", "changed")
    expect(variable(page, "total").locator("del")).to_have_text("0")
    expect(variable(page, "lines")).not_to_have_attribute("data-change", re.compile("."))
    page.keyboard.press("ArrowLeft")
    expect(variable(page, "total")).to_contain_text("total = 0")
    expect(page.locator(".var[data-change]")).to_have_count(0)


def test_keys_go_from_effect_to_effect_and_from_line_to_line(travel: Travel) -> None:
    """Arrows are effects, with Shift lines; Home and End are the ends; the address remembers."""
    page = travel("good")
    stands_at(page, "shelves.append")
    page.keyboard.press("Shift+ArrowRight")
    stands_at(page, "total += cost")
    page.keyboard.press("Shift+ArrowRight")
    stands_at(page, "if line.count > 100")
    expect(page.get_by_role("list", name="Stack").get_by_role("listitem")).to_have_count(2)
    page.keyboard.press("Shift+ArrowRight")
    stands_at(page, "* 9 // 10")
    page.keyboard.press("Shift+ArrowLeft")
    stands_at(page, "if line.count > 100")
    expect(variable(page, "line")).to_contain_text("item='rug'")
    page.keyboard.press("Home")
    expect(page.get_by_role("status").filter(has_text="Effect 1 of 2")).to_be_visible()
    page.keyboard.press("End")
    expect(page.get_by_role("status").filter(has_text="Effect 2 of 2")).to_be_visible()
    page.wait_for_url(re.compile("at=2"))
    page.keyboard.press("Shift+ArrowLeft")
    stands_at(page, "for line in lines")
    page.wait_for_url(re.compile("line="))
    page.reload()
    stands_at(page, "for line in lines")


def test_the_slider_goes_over_effects_or_lines(travel: Travel) -> None:
    """Both have their own scale, and one stays at the place when it changes."""
    page = travel("good")
    expect(slider(page)).to_have_attribute("max", "1")
    page.get_by_role("button", name="Lines", exact=True).click()
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile("reserve"))
    most = int(slider(page).get_attribute("max") or 0)
    assert most > 8
    slider(page).fill("0")
    stands_at(page, "total = 0")
    expect(page.locator(".tt-now")).to_contain_text("The workflow begins")
    slider(page).press("ArrowRight")
    stands_at(page, "shelves: list")
    slider(page).fill(str(most))
    stands_at(page, "return total // len(lines)")


def test_a_click_on_a_line_goes_to_the_next_time_it_ran(travel: Travel) -> None:
    """Again and again, it goes through all of them."""
    page = travel("good", "&line=0")
    stands_at(page, "total = 0")
    row = page.locator("path-source li").nth(at("total += cost") - 1)
    row.click()
    expect(variable(page, "total")).to_contain_text("total = 0")
    row.click()
    expect(variable(page, "total")).to_contain_text("total = 500")
    row.click()
    expect(variable(page, "total")).to_contain_text("total = 0")


def test_frames_and_parts_of_values_open(travel: Travel) -> None:
    """The frame of the caller has its line and its variables; values open level by level."""
    page = travel("good")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    stands_at(page, "if line.count > 100")
    page.get_by_role("list", name="Stack").get_by_role("button", name="invoice").click()
    stands_at(page, "total += cost")
    lines = page.get_by_role("list", name="Variables of invoice")
    page.get_by_role("button", name="Parts of lines").click()
    expect(lines.get_by_text("[0]")).to_be_visible()
    page.get_by_role("button", name="Parts of [1]").click()
    expect(lines.locator(".var-value").filter(has_text="item = 'rug'")).to_be_visible()


def test_a_failed_execution_opens_at_the_failing_line(travel: Travel, stage: Stage) -> None:
    """The banner leads there too; the variables are those of that moment."""
    page = travel("bad")
    stands_at(page, "return total // len(lines)")
    expect(now(page)).to_have_class(re.compile("bad"))
    expect(page.locator(".tt-now")).to_contain_text("ZeroDivisionError")
    expect(variable(page, "lines")).to_contain_text("lines = []")
    page.goto(stage.ui("executions/bad"))
    page.get_by_role("button", name="Go to the failing line").click()
    stands_at(page, "return total // len(lines)")
    expect(variable(page, "total")).to_contain_text("total = 0")


def test_a_running_execution_shows_where_it_waits_and_grows(travel: Travel, stage: Stage) -> None:
    """New entries are told; taking them in keeps the place that one has chosen."""
    page = travel("waits")
    expect(page.locator(".tt-now")).to_contain_text("waits here")
    stands_at(page, "heard.append")
    expect(variable(page, "heard")).to_contain_text("heard = []")
    stage.send("waits", "word", "hello")
    page.get_by_role("button", name=re.compile("new entr")).click()
    expect(variable(page, "heard")).to_contain_text("heard = ['hello']")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("status").filter(has_text="Effect 3 of 4")).to_be_visible()
    stage.send("waits", "word", "again")
    page.get_by_role("button", name=re.compile("new entr")).click()
    expect(page.get_by_role("status").filter(has_text="Effect 3 of 6")).to_be_visible()
    page.keyboard.press("End")
    expect(variable(page, "heard")).to_contain_text("'again'")


def test_timeline_and_journal_lead_to_the_point(travel: Travel) -> None:
    """The details of an effect, and those of an entry, have a button that goes there."""
    page = travel("many", "&effect=e500")
    page.get_by_role("button", name="Go to this point").click()
    expect(page.get_by_role("status").filter(has_text="Effect 500 of 1,000")).to_be_visible()
    expect(variable(page, "number")).to_contain_text("number = 499")
    page.get_by_role("tab", name="Journal").click()
    page.locator(".journal-line").nth(3).click()
    page.get_by_role("region", name="Entry 3").get_by_role(
        "button", name="Go to this point"
    ).click()
    expect(page.get_by_role("status").filter(has_text="Effect 3 of 1,000")).to_be_visible()


def test_tasks_of_asyncio_can_be_chosen(travel: Travel) -> None:
    """Where tasks wait, each has its stack and its variables."""
    page = travel("async")
    stands_at(page, "asyncio.gather")
    page.get_by_role("button", name=re.compile("^Task-.*fetch")).first.click()
    stands_at(page, "shelf = await")
    expect(variable(page, "name")).to_contain_text(re.compile("lamp|rug"))


def test_a_thousand_effects_can_be_walked(travel: Travel) -> None:
    """Jumping far and stepping back show each place; `make bench` measures how long they take."""
    page = travel("many")
    slider(page).fill("900")
    expect(variable(page, "number")).to_contain_text("number = 900")
    for number in (899, 898, 897):
        page.keyboard.press("ArrowLeft")
        expect(variable(page, "number")).to_contain_text(f"number = {number}")


def test_problems_say_what_to_do(stage: Stage, browser: Browser) -> None:
    """A replay that takes too long, and one that leaves the path, are told in words."""
    with visiting(browser, stage.origin, refused=[422]) as page:
        problem = {
            "type": "urn:flawless:problem:replay-too-long",
            "title": "Too long",
            "status": 422,
        }
        problem |= {"detail": "it took more than 20 s", "hint": "use the command line"}
        page.route(
            re.compile(r"/good/path\?lines=true"),
            lambda route: route.fulfill(status=422, json=problem),
        )
        page.goto(stage.ui("executions/good?tab=path"))
        expect(page.get_by_text("Tracing every line took too long")).to_be_visible()
        stands_at(page, "shelves.append")
        expect(page.get_by_role("button", name="Lines", exact=True)).to_have_count(0)
    with visiting(browser, stage.origin, refused=[422]) as page:
        page.route(
            re.compile(r"/good/path\?"), lambda route: route.fulfill(status=422, json=problem)
        )
        page.goto(stage.ui("executions/good?tab=path"))
        expect(page.get_by_text("Too long to be replayed here")).to_be_visible()
        expect(page.get_by_text("flawless debug good")).to_be_visible()
        page.unroute_all()
        page.get_by_role("button", name="Try again").click()
        stands_at(page, "shelves.append")


def test_effects_alone_and_a_broken_path_are_told(stage: Stage, browser: Browser) -> None:
    """A guest without a tracer has its effects; a divergence is a notice above what there is."""
    changed: dict[str, Any] = {"traced": False}

    def alter(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | changed)

    with visiting(browser, stage.origin) as page:
        page.route(re.compile(r"/good/path\?"), alter)
        page.goto(stage.ui("executions/good?tab=path"))
        expect(page.get_by_text("Effects only")).to_be_visible()
        page.keyboard.press("ArrowLeft")
        expect(page.locator(".tt-outcome")).to_contain_text('"shelf of lamp"')
        changed = {"error": {"type": "Divergence", "message": "at entry 2"}}
        page.reload()
        expect(page.get_by_text("The replay left the recorded path")).to_be_visible()
        stands_at(page, "shelves.append")


def test_it_fits_on_a_phone_and_in_the_dark(stage: Stage, browser: Browser) -> None:
    """Nothing is wider than the window, and everything has a name."""
    dark_phone: Any = {"width": 390, "height": 844, "color_scheme": "dark"}
    with visiting(browser, stage.origin, **dark_phone) as page:
        page.goto(stage.ui("executions/good?tab=path"))
        stands_at(page, "shelves.append")
        expect(variable(page, "total")).to_be_visible()
        assert overflow_px(page) == 0
        assert nameless(page) == []
