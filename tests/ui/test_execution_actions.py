"""What one can do about an execution from its page, each of it done for real."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Locator, Page, expect
from stage import Show, Stage, effect, show, stage, status

__all__ = ["show", "stage"]


def press(page: Page, name: str) -> Locator:
    """Press a button of the page's head; return the dialog that opens."""
    page.get_by_role("button", name=name, exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    return dialog


def more(page: Page, name: str) -> None:
    """Choose from the menu of further actions."""
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name=name).click()


def test_a_message_is_a_form(show: Show, stage: Stage) -> None:
    """The name that is waited for is there, its payload has fields, and the order goes on."""
    stage.order("mailed", approved=False)
    page = show("mailed")
    expect(effect(page, "receive Approval")).to_be_visible()
    dialog = press(page, "Send message")
    expect(dialog.get_by_label("Name")).to_have_value("Approval")
    dialog.get_by_label("by").fill("grace")
    dialog.get_by_role("button", name="Send").click()
    expect(dialog).to_have_count(0)
    expect(status(page)).to_have_text("Completed")
    assert stage.end("mailed")["result"]["by"] == "grace"


def test_a_message_is_json(show: Show, stage: Stage) -> None:
    """What does not fit is told in the dialog, which stays; mended, it is sent."""
    stage.order("written", approved=False)
    page = show("written", refused=(422,))
    expect(effect(page, "receive Approval")).to_be_visible()
    dialog = press(page, "Send message")
    dialog.get_by_role("button", name="JSON").click()
    payload = dialog.get_by_role("textbox", name="Payload")
    payload.fill('{"by": 5')
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).to_contain_text("not JSON")
    payload.fill('{"by": 5}')
    dialog.get_by_role("button", name="Send").click()
    expect(dialog.get_by_role("alert")).to_contain_text("payload.by")
    payload.fill('{"by": "ann"}')
    dialog.get_by_role("button", name="Send").click()
    expect(dialog).to_have_count(0)
    assert stage.end("written")["result"]["by"] == "ann"


def test_any_message_can_be_sent(show: Show, stage: Stage) -> None:
    """A name that is not declared takes any JSON, and waits in the inbox."""
    stage.start("desk.listen", ["word"], "unasked")
    stage.await_entry("unasked", "started")
    page = show("unasked", "?tab=messages")
    dialog = press(page, "Send message")
    expect(dialog.get_by_label("Name")).to_have_value("word")
    dialog.get_by_label("Name").fill("hint")
    dialog.get_by_role("textbox", name="Payload").fill('{"n": [1, 2]}')
    dialog.get_by_role("button", name="Send").click()
    waiting = page.get_by_role("table", name="Waiting messages")
    expect(waiting).to_contain_text("hint")
    expect(waiting).to_contain_text('{"n":[1,2]}')


def test_cancel(show: Show, stage: Stage) -> None:
    """A cancelled workflow cleans up; who wanted it and why stands above."""
    stage.start("story.leave", [], "leaver")
    stage.await_entry("leaver", "started")
    page = show("leaver")
    dialog = press(page, "Cancel")
    expect(dialog).to_contain_text("may clean up")
    dialog.get_by_label("Reason").fill("no time")
    dialog.get_by_label("Time for cleaning up, in seconds").fill("30")
    dialog.get_by_role("button", name="Cancel it").click()
    expect(status(page)).to_have_text("Cancelled")
    expect(page.get_by_role("note")).to_contain_text("no time")
    expect(effect(page, "told to end")).to_be_visible()
    expect(effect(page, "story.reserve")).to_be_visible()
    assert stage.end("leaver")["error"]["message"] == "no time"


def test_terminate(show: Show, stage: Stage) -> None:
    """A terminated one ends at once, without cleaning up."""
    stage.start("story.leave", [], "thrown-out")
    stage.await_entry("thrown-out", "started")
    page = show("thrown-out")
    more(page, "Terminate")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("nothing is cleaned up")
    dialog.get_by_label("Reason").fill("enough")
    dialog.get_by_role("button", name="Terminate it").click()
    expect(status(page)).to_have_text("Cancelled")
    expect(effect(page, "story.reserve")).to_have_count(0)
    assert stage.end("thrown-out")["error"]["message"] == "enough"


def test_changing_ones_mind(show: Show, stage: Stage) -> None:
    """A dialog that is closed has done nothing."""
    stage.start("desk.listen", [], "spared")
    page = show("spared")
    dialog = press(page, "Cancel")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    press(page, "Cancel")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert stage.get("spared")["status"] == "waiting"


@pytest.mark.parametrize("way", ["failed", "effect", "drawer"])
def test_retry(show: Show, stage: Stage, way: str) -> None:
    """A failed execution goes on from the effect that failed, or from one that is chosen."""
    name = f"printed-{way}"
    file = stage.folder / name
    stage.start("story.press", [str(file)], name)
    stage.await_status(name, "failed")
    file.write_text("news")
    page = show(name)
    expect(page.get_by_role("note", name="Why it failed")).to_contain_text("FileNotFoundError")
    if way == "drawer":
        effect(page, "story.read").click()
        page.get_by_role("button", name="Retry from here").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("combobox")).to_have_value("2")
    else:
        dialog = press(page, "Retry")
    if way == "effect":
        dialog.get_by_label("From an effect of your choice").check()
        dialog.get_by_label("The effect to go on from").select_option("1")
    dialog.get_by_role("button", name="Retry").click()
    expect(status(page)).to_have_text("Completed")
    expect(effect(page, "retried")).to_be_visible()
    expect(page.get_by_role("note", name="Why it failed")).to_have_count(0)
    expect(page.locator(".tl-row.undone")).not_to_have_count(0)
    assert stage.end(name)["result"] == "shelf of ink, news"


def test_retry_from_the_start(show: Show, stage: Stage) -> None:
    """The next run begins under the same id; the one before is a link away."""
    stage.start("story.bill", ["iron"], "billed")
    stage.await_status("billed", "failed")
    page = show("billed")
    dialog = press(page, "Retry")
    dialog.get_by_label("From the start").check()
    dialog.get_by_role("button", name="Retry").click()
    expect(page.locator(".ex-runs")).to_contain_text("2 earlier: 1")
    page.get_by_role("link", name="1", exact=True).click()
    expect(page).to_have_url(re.compile(r"billed~1$"))
    expect(page.get_by_role("link", name="latest run")).to_be_visible()
    expect(status(page)).to_have_text("Failed")
    expect(page.get_by_role("button", name="Retry")).to_have_count(0)


def test_a_retry_that_is_refused(show: Show, stage: Stage) -> None:
    """Why it cannot go on is told where one asked for it, with what to do instead."""
    stage.start("story.bill", ["tin"], "unmended")
    stage.await_status("unmended", "failed")
    page = show("unmended", refused=(409,))
    dialog = press(page, "Retry")
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog.get_by_role("alert")).to_contain_text("no effect failed")


def test_decisions(show: Show, stage: Stage) -> None:
    """What is parked is decided on its page, from the banner and from the effect's details."""
    page = show("parked-0")
    expect(status(page)).to_have_text("Parked")
    banner = page.get_by_role("note", name="Waits for a decision")
    expect(banner).to_contain_text("2 effects wait for your decision")
    expect(page.locator(".flag[data-look=restart]")).to_have_count(1)
    banner.get_by_role("button", name="Decide about effect 1").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill('"receipt-7"')
    dialog.get_by_role("button", name="Go on with this value").click()
    expect(banner).to_contain_text("An effect waits for your decision")
    expect(dialog).to_have_count(0)  # the stream may tell of the decision before its answer comes
    effect(page, "desk.transfer, waits for a decision").click()
    drawer = page.get_by_role("complementary")
    drawer.get_by_role("button", name="Decide about effect 2").click()
    dialog.get_by_text("It happened", exact=True).click()
    dialog.get_by_role("textbox").fill('"receipt-8"')
    dialog.get_by_role("button", name="Go on with this value").click()
    expect(status(page)).to_have_text("Completed")
    expect(drawer).to_contain_text("ok")
    assert stage.end("parked-0")["result"] == ["receipt-7", "receipt-8"]


def test_a_decision_that_it_failed(show: Show, stage: Stage) -> None:
    """The workflow gets an error in these words, and the page tells why it failed."""
    page = show("parked-1")
    page.get_by_role("button", name="Decide about effect 1").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("It failed", exact=True).click()
    dialog.get_by_role("textbox").fill("it never arrived")
    dialog.get_by_role("button", name="Go on with this error").click()
    expect(status(page)).to_have_text("Failed")
    expect(page.get_by_role("note", name="Why it failed")).to_contain_text("it never arrived")


def test_start_again(show: Show, stage: Stage) -> None:
    """The start form opens with the input of this execution."""
    stage.start("shop.greet", {"name": "again", "loud": True}, "greeted")
    page = show("greeted")
    page.get_by_role("button", name="Start again").click()
    expect(page).to_have_url(re.compile(r"/start\?from=greeted$"))
    expect(page.get_by_role("textbox", name="name", exact=True)).to_have_value("again")


def test_commands_to_copy(show: Show, stage: Stage) -> None:
    """The same as commands: for the command line, and for curl, which works as it is."""
    stage.start("shop.greet", {"name": "o'neil"}, "copied")
    page = show("copied")
    more(page, "Copy as command line or curl")
    dialog = page.get_by_role("dialog", name="Commands")
    expect(dialog).to_contain_text("flawless show copied")
    expect(dialog).to_contain_text("""flawless start shop.greet '{"name":"o'\\''neil"}'""")
    dialog.get_by_role("button", name="curl").click()
    command = dialog.locator("pre").first.inner_text()
    program, url = command.split()
    assert program == "curl"
    assert stage.client.get(url).json()["id"] == "copied"


def test_a_role_that_may_only_read(show: Show, stage: Stage) -> None:
    """Who may only read sees the buttons, cannot press them, and is told why."""
    stage.start("desk.listen", [], "watched")
    reader = {"name": "ann", "role": "read", "via": "token", "csrf": None, "rights": []}
    page = show("watched", whoami=reader)
    for name in ("Send message", "Cancel"):
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_be_disabled()
        expect(button).to_have_attribute("title", re.compile('takes "operate"'))
    page.get_by_role("button", name="More actions").click()
    terminate = page.get_by_role("menuitem", name="Terminate")
    expect(terminate).to_have_attribute("aria-disabled", "true")
    terminate.click(force=True)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert json.loads(stage.client.get("/executions/watched").text)["status"] == "waiting"
