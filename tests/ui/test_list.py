"""The list of executions: live, searched, filtered, paged, acted upon, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, Route, expect
from reception import Office, Visit


def rows(page: Page) -> list[str]:
    """Return the ids of the rows that are drawn, from the top."""
    found: list[str] = page.locator(".x-row[data-id]").evaluate_all(
        "rows => rows.map(row => row.dataset.id)"
    )
    return found


def row(page: Page, execution: str) -> Locator:
    """Return the row of an execution."""
    return page.locator(f'.x-row[data-id="{execution}"]')


def test_a_new_execution_comes_by_itself(visit: Visit, office: Office) -> None:
    """What is started elsewhere appears on top, and its status changes as it goes on."""
    page = visit("executions?prefix=live-")
    expect(page.get_by_text("No execution matches")).to_be_visible()
    expect(page.locator(".connection")).to_have_attribute("data-state", "live")
    office.start("wait", id="live-1")
    expect(row(page, "live-1")).to_contain_text("Waiting")
    office.client.post("/executions/live-1/messages", json={"name": "go"})
    expect(row(page, "live-1")).to_contain_text("Completed")


def test_rows_do_not_move_under_a_reader(visit: Visit, office: Office) -> None:
    """While a row is selected, what is new waits behind a button that says how many."""
    office.start("greet", id="still-1")
    page = visit("executions?prefix=still-")
    row(page, "still-1").get_by_role("checkbox").check()
    office.start("greet", id="still-2")
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    assert rows(page) == ["still-1"]
    page.get_by_role("button", name="1 new").click()
    expect(row(page, "still-2")).to_be_visible()
    assert rows(page) == ["still-2", "still-1"]


def test_the_search_box_understands_ids_and_keys(visit: Visit, office: Office) -> None:
    """The beginning of an id filters as one types; keys become chips and part of the address."""
    office.start("greet", id="seek-a", attributes={"region": "eu"})
    office.start("greet", id="seek-b", attributes={"region": "us"})
    page = visit()
    search = page.get_by_role("textbox", name="Search executions")
    search.press_sequentially("seek-")
    expect(page).to_have_url(re.compile(r"prefix=seek-"))
    expect(row(page, "seek-b")).to_be_visible()
    search.press("End")
    search.press_sequentially(" attr:region=eu since:1h workflow:office.greet status:completed")
    search.press("Enter")
    expect(row(page, "seek-a")).to_be_visible()
    expect(row(page, "seek-b")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"status=completed"))
    chips = page.get_by_role("group", name="Filters")
    for text in ("region=eu", "Started in the last 1h", "Workflow: office.greet", "seek-"):
        expect(chips).to_contain_text(text)
    page.get_by_role("button", name="Remove filter region=eu").click()
    expect(row(page, "seek-b")).to_be_visible()
    page.go_back()
    expect(row(page, "seek-b")).to_have_count(0)
    page.reload()
    expect(row(page, "seek-a")).to_be_visible()
    expect(row(page, "seek-b")).to_have_count(0)


def test_who_types_slowly_loses_nothing(visit: Visit) -> None:
    """A pause within a word, after a complete one that narrows the list, leaves the word there."""
    page = visit()
    search = page.get_by_role("textbox", name="Search executions")
    search.press_sequentially("workflow:office.greet sta")
    expect(page).to_have_url(re.compile(r"workflow=office"))
    expect(search).to_have_value("sta")
    search.press_sequentially("tus:completed")
    search.press("Enter")
    expect(page).to_have_url(re.compile(r"status=completed"))


def test_a_search_that_means_nothing_says_so(visit: Visit) -> None:
    """A status or a time that does not exist is named, and the list stays as it was."""
    page = visit()
    search = page.get_by_role("textbox", name="Search executions")
    search.fill("status:asleep")
    search.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no status “asleep”")
    search.fill("since:yesterday")
    search.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("“yesterday” is no time")
    expect(search).to_have_value("since:yesterday")


def test_filters_are_chosen_from_lists(visit: Visit, office: Office) -> None:
    """Workflow, time and status are chosen with the mouse; an attribute in a dialog."""
    office.start("greet", id="pick-1", attributes={"tier": "gold"})
    office.start("wait", id="pick-2", attributes={"tier": "gold"})
    page = visit()
    page.get_by_role("button", name="Attribute").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("tier")
    dialog.get_by_label("Value").fill("gold")
    dialog.get_by_role("button", name="Filter").click()
    expect(row(page, "pick-2")).to_be_visible()
    page.get_by_label("Workflow", exact=True).select_option("office.greet")
    expect(row(page, "pick-2")).to_have_count(0)
    expect(row(page, "pick-1")).to_be_visible()
    page.get_by_label("Started", exact=True).select_option("15m")
    expect(page).to_have_url(re.compile(r"since=15m"))
    page.get_by_role("button", name="Failed").click()
    expect(page.get_by_text("No execution matches")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page).to_have_url(re.compile(r"/executions$"))


def test_the_statuses_are_counted(visit: Visit, office: Office) -> None:
    """Over the whole list the statuses have their numbers; a narrower one shows none."""
    office.start("greet", id="count-1")
    page = visit()
    expect(page.get_by_role("button", name=re.compile(r"^Completed\s*\d"))).to_be_visible()
    page.goto(office.ui("executions?prefix=count-"))
    expect(page.get_by_role("button", name="Completed", exact=True)).to_be_visible()


def test_only_rows_in_sight_are_in_the_document(visit: Visit, office: Office) -> None:
    """Scrolling loads page after page, and the number of drawn rows stays bounded."""
    for n in range(130):
        office.start("nap", [3_600], id=f"long-{n:03}")
    page = visit("executions?prefix=long-")
    expect(row(page, "long-129")).to_be_visible()
    page.mouse.move(600, 500)
    while not row(page, "long-000").count():
        page.mouse.wheel(0, 2_000)
        assert len(rows(page)) < 80
        page.evaluate("() => new Promise(requestAnimationFrame)")
    expect(page.get_by_text("130 executions")).to_be_visible()


def test_coming_back_finds_the_list_as_it_was_left(visit: Visit, office: Office) -> None:
    """After a look at an execution, back leads to the same rows at the same place."""
    for n in range(60):
        office.start("greet", id=f"back-{n:02}")
    page = visit("executions?prefix=back-")
    expect(row(page, "back-59")).to_be_visible()
    page.evaluate("window.scrollTo(0, 1000)")
    link = row(page, "back-30").get_by_role("link")
    link.click()
    expect(page).to_have_url(re.compile(r"/executions/back-30$"))
    page.go_back()
    expect(row(page, "back-30")).to_be_visible()
    page.wait_for_function("window.scrollY === 1000")


def test_many_are_cancelled_at_once(visit: Visit, office: Office) -> None:
    """Rows are selected with a range, asked about, cancelled, and what came of it is told."""
    for n in range(5):
        office.start("wait", id=f"bulk-{n}", attributes={"batch": "one"})
    page = visit("executions?prefix=bulk-")
    row(page, "bulk-4").get_by_role("checkbox").click()
    row(page, "bulk-1").get_by_role("checkbox").click(modifiers=["Shift"])
    bar = page.get_by_role("toolbar")
    expect(bar).to_contain_text("4 selected")
    bar.get_by_role("button", name="Cancel 4").click()
    dialog = page.get_by_role("dialog", name="Cancel 4 executions?")
    expect(dialog).to_contain_text("may clean up before it ends")
    expect(dialog).to_contain_text("bulk-3")
    dialog.get_by_label("Reason").fill("no longer wanted")
    dialog.get_by_role("button", name="Cancel 4 executions").click()
    expect(dialog).to_contain_text("4 executions cancelled")
    dialog.get_by_role("button", name="Close").click()
    for n in range(1, 5):
        expect(row(page, f"bulk-{n}")).to_contain_text("Cancelled")
    assert "no longer wanted" in str(office.end("bulk-4"))
    assert office.status("bulk-0") == "waiting"


def lose_answers(page: Page, action: str, times: int) -> list[tuple[str, str]]:
    """Lose the first answers to an action on each execution; return who is asked with which id."""
    asked: list[tuple[str, str]] = []

    def pass_on(route: Route) -> None:
        execution = route.request.url.split("/")[-2]
        asked.append((execution, route.request.post_data_json["id"]))
        route.fetch()
        if [name for name, _ in asked].count(execution) <= times:
            route.abort()
        else:
            route.fallback()

    page.route(f"**/{action}", pass_on)
    return asked


def test_a_lost_answer_does_not_cancel_twice(visit: Visit, office: Office) -> None:
    """Asked again by itself, under the same id: who cleans up is left to it."""
    for n in range(2):
        office.start("leave", id=f"lost-{n}")
        office.await_status(f"lost-{n}", "waiting")
    page = visit("executions?prefix=lost-", unreachable=True)
    asked = lose_answers(page, "cancel", 2)
    page.get_by_role("checkbox", name="Select all that are loaded").check()
    page.get_by_role("toolbar").get_by_role("button", name="Cancel 2").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel 2 executions").click()
    expect(dialog).to_contain_text("2 executions cancelled")
    assert len(asked) == 6
    assert len(set(asked)) == 2, "one id for each execution"
    assert len({id_ for _, id_ in asked}) == 2
    for n in range(2):
        assert office.status(f"lost-{n}") not in ("cancelled", "failed")
        office.client.post(f"/executions/lost-{n}/messages", json={"name": "cleaned"})
        assert office.end(f"lost-{n}")["status"] == "cancelled"
        journal = office.client.get(f"/executions/lost-{n}/journal").json()["entries"]
        assert [entry for entry in journal if "cleaned" in str(entry)], "it was left to clean up"


def test_answers_that_stay_away_are_told(visit: Visit, office: Office) -> None:
    """What is unknown is said to be so, and asked again from there under the same id."""
    office.start("wait", id="silent-1")
    page = visit("executions?prefix=silent-", unreachable=True)
    page.clock.install()
    asked = lose_answers(page, "terminate", 6)
    row(page, "silent-1").get_by_role("checkbox").check()
    page.get_by_role("toolbar").get_by_role("button", name="Terminate 1").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("closing time")
    dialog.get_by_role("button", name="Terminate 1 execution").click()
    while not dialog.get_by_role("button", name="Ask again").count():
        page.clock.run_for(1_000)
    expect(dialog).to_contain_text("1 could not be terminated")
    expect(dialog).to_contain_text("they may be terminated all the same")
    dialog.get_by_role("button", name="Ask again").click()
    expect(dialog).to_contain_text("1 execution terminated")
    expect(dialog).to_contain_text("All went well")
    assert (len(asked), len(set(asked))) == (7, 1)
    assert "closing time" in str(office.end("silent-1"))


def test_many_are_terminated_at_once(visit: Visit, office: Office) -> None:
    """All that are selected end at once, without cleaning up, and the list shows it."""
    for n in range(3):
        office.start("leave", id=f"fired-{n}")
        office.await_status(f"fired-{n}", "waiting")
    page = visit("executions?prefix=fired-")
    page.get_by_role("checkbox", name="Select all that are loaded").check()
    page.get_by_role("toolbar").get_by_role("button", name="Terminate 3").click()
    dialog = page.get_by_role("dialog", name="Terminate 3 executions?")
    dialog.get_by_label("Reason").fill("no longer wanted")
    dialog.get_by_role("button", name="Terminate 3 executions").click()
    expect(dialog).to_contain_text("3 executions terminated")
    expect(dialog).to_contain_text("All went well")
    dialog.get_by_role("button", name="Close").click()
    for n in range(3):
        expect(row(page, f"fired-{n}")).to_contain_text("Cancelled")
        assert "no longer wanted" in str(office.end(f"fired-{n}"))


def test_an_answer_does_not_undo_later_news(visit: Visit, office: Office) -> None:
    """What the stream has told since an action was answered stands, when the answer is taken."""
    office.start("leave", id="late-news")
    office.await_status("late-news", "waiting")
    before = office.get("late-news")
    page = visit("executions?prefix=late-news")
    page.route("**/terminate", lambda route: (route.fetch(), route.fulfill(json=before)))
    page.get_by_role("checkbox", name="Select all that are loaded").check()
    page.get_by_role("toolbar").get_by_role("button", name="Terminate 1").click()
    dialog = page.get_by_role("dialog", name="Terminate 1 execution?")
    dialog.get_by_role("button", name="Terminate 1 execution").click()
    expect(dialog).to_contain_text("1 execution terminated")
    expect(row(page, "late-news")).to_contain_text("Cancelled")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    expect(row(page, "late-news")).to_contain_text("Cancelled")


def test_what_cannot_be_done_is_told_for_each(visit: Visit, office: Office) -> None:
    """Of those that ended meanwhile the summary says why nothing was done."""
    for n in range(2):
        office.start("wait", id=f"late-{n}")
    page = visit("executions?prefix=late-", refused=(409,))
    page.get_by_role("checkbox", name="Select all that are loaded").check()
    page.get_by_role("toolbar").get_by_role("button", name="Terminate 2").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("nothing is cleaned up")
    office.client.post("/executions/late-0/messages", json={"name": "go"})
    office.await_status("late-0", "completed")
    dialog.get_by_role("button", name="Terminate 2 executions").click()
    expect(dialog).to_contain_text("1 execution terminated")
    expect(dialog).to_contain_text("1 could not be terminated")
    expect(dialog).to_contain_text("late-0")
    dialog.get_by_role("button", name="Close").click()
    office.await_status("late-1", "cancelled")


def test_failed_ones_are_retried(visit: Visit, office: Office) -> None:
    """An execution whose cause of failure is gone completes after a retry from the list."""
    file = office.folder / "late-file"
    office.start("report", [str(file)], id="again-1")
    office.await_status("again-1", "failed")
    page = visit("executions?prefix=again-")
    row(page, "again-1").get_by_role("checkbox").check()
    file.write_text("here")
    page.get_by_role("toolbar").get_by_role("button", name="Retry 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry 1 execution").click()
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect(row(page, "again-1")).to_contain_text("Completed")


def test_the_keyboard_is_enough(visit: Visit, office: Office) -> None:
    """Rows are reached, selected and opened, and pages and help shown, without a mouse."""
    for n in range(3):
        office.start("greet", id=f"keys-{n}")
    page = visit("executions?prefix=keys-")
    expect(row(page, "keys-2")).to_be_visible()
    page.keyboard.press("j")
    expect(row(page, "keys-2").get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    expect(row(page, "keys-1").get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("Escape")
    expect(page.get_by_role("toolbar")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Next row")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("textbox", name="Search executions")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/executions/keys-2$"))
    for keys, address in (("gi", "inbox"), ("gh", "health"), ("ge", "executions")):
        page.keyboard.press(keys[0])
        page.keyboard.press(keys[1])
        expect(page).to_have_url(re.compile(rf"/{address}$"))
