"""The inbox: a person decides about effects, in three ways."""

from __future__ import annotations

from threading import Thread

from playwright.sync_api import Locator, Page, expect
from reception import Office, Visit


def decide(page: Page, execution: str) -> Locator:
    """Open the dialog about the payment of an execution."""
    page.get_by_role("button", name=f"Decide about step office.transfer of {execution}").click()
    return page.get_by_role("dialog")


def test_what_waits_is_listed_with_its_reason(visit: Visit) -> None:
    """Interrupted effects and those a workflow asks about are told apart; the number is shown."""
    page = visit("inbox")
    expect(page.get_by_role("link", name="Inbox, 6 waiting")).to_be_visible(timeout=30_000)
    waiting = page.get_by_role("list", name="Waiting for a decision")
    payment = waiting.get_by_role("listitem").filter(has_text="pay-role")
    expect(payment).to_contain_text("nobody knows whether it happened")
    expect(payment).to_contain_text("customer=ann")
    sale = waiting.get_by_role("listitem").filter(has_text="sale")
    expect(sale).to_contain_text("undo office.refund: ConnectionError: the bank is closed")
    expect(sale).to_contain_text("The workflow asks for a decision")


def test_it_happened_with_this_value(visit: Visit, office: Office) -> None:
    """The execution goes on with the value, and leaves the inbox."""
    page = visit("inbox")
    dialog = decide(page, "pay-ok")
    expect(dialog).to_contain_text("as if the effect had returned this value")
    value = dialog.get_by_role("textbox", name="Value of the effect")
    value.fill("{not json")
    expect(dialog.get_by_role("button", name="Go on with this value")).to_be_disabled()
    value.fill('"receipt-77"')
    dialog.get_by_role("button", name="Go on with this value").click()
    expect(page.get_by_text("pay-ok")).to_have_count(0)
    assert office.end("pay-ok")["result"] == "receipt-77"


def test_it_failed_with_this_error(visit: Visit, office: Office) -> None:
    """The workflow gets the error."""
    page = visit("inbox")
    dialog = decide(page, "pay-error")
    dialog.get_by_label("It failed").check()
    expect(dialog.get_by_role("button", name="Go on with this error")).to_be_disabled()
    dialog.get_by_label("What went wrong").fill("never arrived")
    dialog.get_by_role("button", name="Go on with this error").click()
    expect(page.get_by_text("pay-error")).to_have_count(0)
    end = office.end("pay-error")
    assert end["status"] == "failed"
    assert "never arrived" in str(end["error"])


def test_do_it_again(visit: Visit, office: Office) -> None:
    """The effect is performed once more, after a warning of what that may mean."""
    page = visit("inbox")
    dialog = decide(page, "pay-retry")
    dialog.get_by_label("Do it again").check()
    expect(dialog).to_contain_text("it then has happened twice")
    dialog.get_by_role("button", name="Do it again").click()
    expect(page.get_by_text("pay-retry")).to_have_count(0)
    writer = Thread(target=(office.folder / "pay-retry").write_text, args=("sent",))
    writer.start()  # opening a pipe waits for its reader
    assert office.end("pay-retry")["result"] == "sent"
    writer.join()


def test_a_decision_of_somebody_else_is_seen(visit: Visit, office: Office) -> None:
    """What was decided meanwhile disappears by itself; deciding anyway is refused with a reason."""
    page = visit("inbox", refused=(409,))
    dialog = decide(page, "pay-phone")
    office.client.post("/executions/pay-phone/resolve", json={"ok": "by phone"})
    office.await_status("pay-phone", "completed")
    dialog.get_by_role("button", name="Go on with this value").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_role("button", name="Not now").click()
    expect(page.get_by_text("pay-phone")).to_have_count(0)
