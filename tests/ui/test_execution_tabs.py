"""The tabs of an execution: values, state, logs, messages, children, journal, code."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect
from stage import Show, Stage, effect, show, stage, tab

from browsing import overflow_px

__all__ = ["show", "stage"]


@pytest.fixture(scope="module")
def ordered(stage: Stage) -> str:
    """Give an order that has come to its end."""
    return stage.order("told")


def test_input_and_result(show: Show, stage: Stage, ordered: str) -> None:
    """Both are trees under the names of the parameters, or raw, and can be copied."""
    page = show(ordered)
    given = page.get_by_role("region", name="Input")
    expect(given).to_contain_text('0: "lamp"')
    result = page.get_by_role("region", name="Result")
    expect(result).to_contain_text('by: "grace"')
    result.get_by_role("button", name="Raw").click()
    shown = result.locator("pre").inner_text()
    assert json.loads(shown) == stage.end(ordered)["result"]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    result.get_by_role("button", name="Copy result").click()
    page.wait_for_function(
        "async (text) => (await navigator.clipboard.readText()) === text", arg=shown
    )


def test_positional_arguments_have_names(show: Show, stage: Stage) -> None:
    """What was given by position stands under the name that the workflow gives it."""
    stage.start("shop.stumble", ["a stone"], "named")
    page = show("named")
    expect(page.get_by_role("region", name="Input")).to_contain_text('reason: "a stone"')
    expect(page.get_by_role("region", name="Error")).to_contain_text("ValueError: a stone")


def test_a_response(show: Show, stage: Stage) -> None:
    """What a workflow responded before its end is shown beside its result."""
    stage.start("desk.approve", ["a lamp"], "responds")
    page = show("responds")
    response = page.get_by_role("region", name="Response")
    expect(response).to_contain_text('"asked for a lamp"')
    expect(page.get_by_role("region", name="Result")).to_contain_text("It has not ended yet")


def test_state(show: Show, stage: Stage) -> None:
    """A new version comes by itself; what changed in it is told."""
    stage.start("story.steady", [3], "steady-state")
    page = show("steady-state", "?tab=state")
    state = page.get_by_role("region", name="State")
    expect(state).to_contain_text("version 1")
    expect(state).to_contain_text("round: 0")
    stage.send("steady-state", "next")
    expect(state).to_contain_text("round: 1")
    expect(state).to_contain_text("version 2")
    changes = page.get_by_role("region", name="Changes")
    expect(changes.locator("del")).to_have_text("0")
    expect(changes.locator("ins")).to_have_text("1")


def test_without_a_state(show: Show, stage: Stage) -> None:
    """Tabs without anything to show say what would be there."""
    stage.start("shop.echo", [1], "silent")
    page = show("silent")
    for name, text in (
        ("State", "Nothing published"),
        ("Logs", "No logs"),
        ("Messages", "No messages"),
        ("Children", "No children"),
    ):
        expect(tab(page, name)).to_contain_text(text)


def test_logs(show: Show, stage: Stage) -> None:
    """Logs come as they are written; levels and texts choose among them."""
    stage.start("story.steady", [3], "steady-logs")
    page = show("steady-logs", "?tab=logs")
    log = page.get_by_role("log")
    expect(log).to_contain_text("round 0")
    stage.send("steady-logs", "next")
    expect(log).to_contain_text("round 1")
    page.get_by_role("searchbox", name="Search the logs").fill("round 1")
    expect(log).not_to_contain_text("round 0")
    expect(page.get_by_text("1 line", exact=True)).to_be_visible()
    page.goto(stage.ui("executions/told?tab=logs"))
    expect(log).to_contain_text("2 items")
    page.get_by_label("Level").select_option("Warnings and above")
    expect(log).not_to_contain_text("2 items")
    expect(log).to_contain_text("paid 990 cents")
    page.get_by_role("checkbox", name="Wrap").uncheck()
    expect(log).not_to_have_class(re.compile("wrapped"))
    assert overflow_px(page) == 0


def test_messages(show: Show, stage: Stage, ordered: str) -> None:
    """Those that wait and those received are there; a received one leads to its effect."""
    stage.start("desk.listen", ["word"], "full-inbox")
    stage.send("full-inbox", "other", {"n": 7})
    page = show("full-inbox", "?tab=messages")
    expect(page.get_by_role("table", name="Waiting messages")).to_contain_text('{"n":7}')
    page.goto(stage.ui(f"executions/{ordered}?tab=messages"))
    received = page.get_by_role("table", name="Received messages")
    expect(received).to_contain_text("Approval")
    received.get_by_role("button").click()
    expect(page.get_by_role("complementary", name="Effect: receive Approval")).to_be_visible()


def test_children(show: Show, stage: Stage) -> None:
    """Children are a tree with live statuses, walked through by keys."""
    stage.start("desk.family", [2], "elders")
    page = show("elders", "?tab=children")
    tree = page.get_by_role("tree", name="Children")
    first = tree.get_by_role("treeitem", name="elders.1, desk.listen")
    expect(first).to_have_accessible_name(re.compile("waiting"))
    stage.send("elders.1", "go", 1)
    expect(first).to_have_accessible_name(re.compile("completed"))
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(tree).to_contain_text("It has started no others.")
    page.keyboard.press("ArrowDown")
    second = tree.get_by_role("treeitem", name="elders.2, desk.listen")
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"elders\.2$"))


def test_journal(show: Show, stage: Stage, ordered: str) -> None:
    """Entries are there in full, searched, walked through, and kept as a file."""
    page = show(ordered, "?tab=journal")
    grid = page.get_by_role("grid", name="Journal")
    journal = stage.client.get(f"/executions/{ordered}/journal").json()
    expect(grid).to_have_attribute("aria-rowcount", str(journal["length"]))
    page.get_by_role("searchbox", name="Search the journal").fill("lisbon")
    expect(grid.get_by_role("row")).to_have_count(2)
    grid.get_by_role("row").last.click()
    entry = page.get_by_role("region", name=re.compile("^Entry"))
    expect(entry).to_contain_text("Lisbon")
    grid.focus()
    page.keyboard.press("ArrowUp")
    expect(grid.get_by_role("row").first).to_have_attribute("aria-selected", "true")
    with page.expect_download() as kept:
        page.get_by_role("button", name="Download as JSON").click()
    assert kept.value.suggested_filename == "told.journal.json"
    content = json.loads(kept.value.path().read_text())
    assert content["entries"] == journal["entries"]
    assert content["execution"]["id"] == ordered


def test_code(show: Show, stage: Stage, ordered: str) -> None:
    """The source is that of the workflow, with the numbers of its lines; or the whole module."""
    page = show(ordered, "?tab=code")
    source = page.get_by_role("region", name="Source of the workflow")
    expect(source.locator("li").first).to_contain_text("@workflow(messages=[Approval])")
    expect(source).to_contain_text("shelves = gather(")
    expect(source).not_to_contain_text("def clock_in")
    first = source.locator("li").first.get_attribute("value")
    page.get_by_role("button", name="The whole module").click()
    expect(source.locator("li").first).to_have_attribute("value", "1")
    line = source.locator(f"li[value='{first}']")
    expect(line).to_contain_text("@workflow(messages=[Approval])")


def test_the_line_that_failed(show: Show, stage: Stage) -> None:
    """A failure stands above with the lines around it; the workflow's own line is marked."""
    stage.start("story.bill", ["lead"], "unpaid")
    page = show("unpaid", "?tab=code")
    why = page.get_by_role("note", name="Why it failed")
    expect(why).to_contain_text("KeyError: 'lead'")
    innermost = why.locator(".frame").first
    expect(innermost.locator(".frame-name")).to_have_text("rate_of")
    expect(innermost.locator("li.marked")).to_contain_text('return {"gold": 80}[customer]')
    expect(innermost.locator("li").filter(has_text="def rate_of")).to_be_visible()
    source = page.get_by_role("region", name="Source of the workflow")
    expect(source.locator("li.marked")).to_contain_text("return 10 * rate_of(customer)")
    why.get_by_text("Whole traceback").click()
    expect(why).to_contain_text("Traceback (most recent call last)")


def test_the_line_of_a_step_that_failed(show: Show, stage: Stage) -> None:
    """The place in the step comes first, then the one in the workflow that called it."""
    stage.start("story.press", [str(stage.folder / "missing")], "unprinted")
    page = show("unprinted")
    why = page.get_by_role("note", name="Why it failed")
    expect(why).to_contain_text("No such file or directory")
    step, workflow = (
        why.locator(".frame").filter(has=page.locator(f".frame-name:text-is('{name}')"))
        for name in ("read", "press")
    )
    expect(step).to_contain_text("in the step")
    expect(step.locator("li.marked")).to_contain_text("return Path(file).read_text()")
    expect(step.locator("li.marked")).to_be_visible()
    workflow.locator("summary").click()
    expect(workflow.locator("li.marked")).to_contain_text("{read(file)}")


def test_a_tab_has_an_address(show: Show, ordered: str) -> None:
    """What is looked at can be sent to somebody, and comes back with a reload."""
    page = show(ordered)
    tab(page, "Journal")
    effect(page, "story.charge").click()
    expect(page).to_have_url(re.compile(r"\?tab=journal&effect=e3$"))
    page.reload()
    expect(page.get_by_role("tab", name="Journal")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("complementary", name="Effect: story.charge")).to_be_visible()
