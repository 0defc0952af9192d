"""The page of an execution: head, timeline, details, filters, keys, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from stage import Show, Stage, effect, rows, show, stage, status

from browsing import nameless, overflow_px

__all__ = ["show", "stage"]


@pytest.fixture(scope="module")
def ordered(stage: Stage) -> str:
    """Give an order that has come to its end."""
    return stage.order("ordered")


def test_the_head_says_what_it_is(show: Show, stage: Stage) -> None:
    """Status, workflow, run, times, deployment, attributes are there, as links if they can be."""
    stage.start("desk.listen", [], "headed", attributes={"region": "eu"}, deadline_s=86_400)
    page = show("headed")
    expect(page.get_by_role("heading", name="desk.listen", level=1)).to_be_visible()
    expect(status(page)).to_have_text("Waiting")
    facts = page.locator(".ex-facts")
    for name in ("Started", "For", "Deadline", "Run", "Deployment"):
        expect(facts).to_contain_text(name)
    expect(page.get_by_role("link", name="region = eu")).to_have_attribute(
        "href", re.compile(r"executions\?attribute=region%3Deu$")
    )
    deployment = stage.get("headed")["deployment"]
    expect(facts.get_by_role("link", name=deployment)).to_have_attribute(
        "href", re.compile(rf"/ui/deployments/{deployment}$")
    )


def test_the_timeline_tells_what_happened(show: Show, ordered: str) -> None:
    """Each effect is a row with what came of it, the attempts that failed among it, in order."""
    page = show(ordered)
    expect(rows(page).last).to_have_accessible_name(re.compile("returned"))
    told = [row.get_attribute("aria-label") or "" for row in rows(page).all()]
    wanted = (
        "story.order", "publish state", "INFO 2 items", "story.reserve", "story.reserve",
        "story.charge", "WARNING paid 990 cents", "publish state", "receive Approval",
        "start story.deliver", "sleep", "publish state", "returned",
    )  # fmt: skip
    assert len(told) == len(wanted)
    assert all(text.startswith(start) for text, start in zip(told, wanted, strict=True)), told
    charge = effect(page, "story.charge")
    expect(charge).to_have_accessible_name(re.compile("done.*2 failed attempts"))
    expect(charge.locator(".bar[data-look=tried]")).to_have_count(2)
    expect(charge.locator(".bar[data-look=pause]")).to_have_count(2)
    expect(charge.locator(".bar[data-look=work]")).to_have_count(1)
    expect(effect(page, "receive Approval").locator(".bar[data-look=wait]")).to_have_count(1)


def test_details_of_an_effect(show: Show, ordered: str) -> None:
    """A click opens all about an effect, in an address of its own; Escape closes it."""
    page = show(ordered)
    effect(page, "story.charge").click()
    drawer = page.get_by_role("complementary", name="Effect: story.charge")
    expect(drawer).to_contain_text("cents: 990")
    expect(drawer).to_contain_text("ConnectionError: the bank is closed, 1")
    expect(drawer).to_contain_text(re.compile(r"then waited \d"))
    expect(page).to_have_url(re.compile(r"effect=e3$"))
    page.reload()
    expect(drawer).to_contain_text("the bank is closed, 2")
    drawer.get_by_text("Entries as they are").click()
    expect(drawer.locator("json-view").last).to_contain_text("called")
    drawer.get_by_role("button", name="The next one").click()
    expect(page.get_by_role("complementary", name="Effect: WARNING paid 990 cents")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"executions/ordered$"))


def test_from_an_effect_to_its_entries(show: Show, ordered: str) -> None:
    """The positions of an effect lead to the very entries of the journal."""
    page = show(ordered, "?effect=e4")
    drawer = page.get_by_role("complementary", name="Effect: receive Approval")
    drawer.get_by_role("button", name=re.compile("^Show entry")).last.click()
    expect(page.get_by_role("tab", name="Journal")).to_have_attribute("aria-selected", "true")
    entry = page.get_by_role("region", name=re.compile("^Entry"))
    expect(entry).to_contain_text('kind: "observed"')
    expect(entry).to_contain_text('by: "grace"')


def test_from_a_child_to_its_page(show: Show, ordered: str) -> None:
    """A child is one click away, and its parent from there."""
    page = show(ordered)
    effect(page, "start story.deliver").click()
    page.get_by_role("link", name="Open ordered.5").click()
    expect(page.get_by_role("heading", name="story.deliver")).to_be_visible()
    page.get_by_role("link", name="ordered", exact=True).click()
    expect(page.get_by_role("complementary", name="Effect: start story.deliver")).to_be_visible()


def test_filters(show: Show, ordered: str) -> None:
    """Kinds, failures and text choose rows; what is left is counted, and all comes back."""
    page = show(ordered)
    expect(rows(page)).to_have_count(13)
    page.get_by_role("button", name="Steps, 3").click()
    expect(effect(page, "story.reserve")).to_have_count(0)
    expect(page.get_by_text("10 of 13 rows")).to_be_visible()
    page.get_by_role("button", name="Steps, 3").click()
    page.get_by_role("button", name="Failures").click()
    expect(rows(page)).to_have_count(1)
    expect(effect(page, "story.charge")).to_be_visible()
    page.get_by_role("button", name="Failures").click()
    page.keyboard.press("/")
    page.keyboard.type("lisbon")
    expect(rows(page)).to_have_count(2)
    page.get_by_role("searchbox").fill("no such thing")
    expect(rows(page)).to_have_count(0)
    page.get_by_role("button", name="Show all").click()
    expect(rows(page)).to_have_count(13)


def test_zoom(show: Show, ordered: str) -> None:
    """A stretch of the ruler is dragged over; only what happened then is left."""
    page = show(ordered)
    expect(rows(page)).to_have_count(13)
    box = page.locator(".tl-ruler").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 1, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 10, steps=3)
    page.mouse.up()
    reset = page.get_by_role("button", name="Reset zoom")
    expect(reset).to_be_visible()
    expect(effect(page, "story.reserve")).to_be_visible()
    expect(effect(page, "returned")).to_have_count(0)
    page.keyboard.press("0")
    expect(rows(page)).to_have_count(13)
    expect(reset).to_have_count(0)
    page.keyboard.press("+")
    expect(reset).to_be_visible()
    page.keyboard.press("-")
    expect(reset).to_have_count(0)


def test_a_long_sleep_does_not_flatten_the_rest(show: Show, stage: Stage) -> None:
    """Thirty days of sleep are cut short, so that the step before can be seen, if one likes."""
    stage.start("story.clock_in", [30], "sleeper")
    stage.await_entry("sleeper", "slept")
    page = show("sleeper")
    idle = page.get_by_role("checkbox", name="Skip idle time")
    expect(idle).to_be_checked()
    expect(effect(page, "sleep")).to_have_accessible_name(re.compile("wakes in 29 d 23 h"))
    expect(effect(page, "sleep").locator(".bar[data-look=ahead]")).to_have_count(1)
    step = effect(page, "story.reserve").locator(".bar")
    assert width(page, step) > 200
    idle.uncheck()
    expect(page.locator(".gap")).to_have_count(0)
    assert width(page, step) < 10
    expect(page.locator(".ex-facts")).to_contain_text("in 29 d 23 h")


def width(page: Page, bar: object) -> float:
    """Return how wide a bar is drawn."""
    found = page.locator(".tl-row .bar[data-kind=step]").first.get_attribute("width")
    assert found is not None
    return float(found)


def test_hovering_tells(show: Show, ordered: str) -> None:
    """The pointer over a row is enough to learn about its attempts."""
    page = show(ordered)
    effect(page, "story.charge").hover()
    tip = page.locator(".tl-tip")
    expect(tip).to_contain_text("Attempt 2")
    expect(tip).to_contain_text("the bank is closed, 2")
    page.get_by_role("heading", level=1).hover()
    expect(tip).to_have_count(0)


def test_the_keyboard_is_enough(show: Show, ordered: str) -> None:
    """Effects, details, tabs, filter and help are reached without a mouse."""
    page = show(ordered)
    expect(rows(page)).to_have_count(13)
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("k")
    expect(rows(page).nth(1)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".tl-tip")).to_contain_text("publish state")
    page.keyboard.press("Enter")
    expect(page.locator(".tl-tip")).to_have_count(0)
    expect(page.get_by_role("complementary", name="Effect: publish state")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)
    names = (
        "Input & result",
        "Time travel",
        "State",
        "Logs",
        "Messages",
        "Children",
        "Journal",
        "Code",
    )
    for number, name in enumerate(names, 1):
        page.keyboard.press(str(number))
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Code").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Journal")).to_be_focused()
    grid = page.get_by_role("grid", name="Effects")
    grid.focus()
    page.keyboard.press("End")
    expect(rows(page).last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_).to_contain_text("The next effect")


@pytest.mark.parametrize("width", [360, 900])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_any_window(show: Show, ordered: str, width: int, scheme: str) -> None:
    """Nothing is wider than the window, on any tab, and everything one can use has a name."""
    page = show(ordered, width=width, color_scheme=scheme, reduced_motion="reduce")
    expect(rows(page)).not_to_have_count(0)
    for number in "1234567":
        page.keyboard.press(number)
        assert overflow_px(page) == 0
        assert nameless(page) == []
    effect(page, "story.charge").click()
    expect(page.get_by_role("complementary")).to_contain_text("Failed attempts")
    assert overflow_px(page) == 0
    assert nameless(page) == []
