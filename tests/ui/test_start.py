"""Starting an execution by a form that is made from the workflow's signature."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect
from reception import Office, Visit


def submit(page: Page) -> None:
    """Press the form's button."""
    page.get_by_role("button", name="Start", exact=True).click()


def started(page: Page) -> str:
    """Wait for the page of the execution that was started; return its id."""
    expect(page).to_have_url(re.compile(r"/executions/[^/?]+$"))
    return page.url.rpartition("/")[2]


def test_a_workflow_is_found_and_started(visit: Visit, office: Office) -> None:
    """One types a part of a name, chooses, fills in, starts, and sees the execution."""
    page = visit("start")
    page.get_by_role("textbox", name="Search workflows").fill("gree")
    expect(page.get_by_role("link", name="office.place")).to_have_count(0)
    page.get_by_role("link", name="office.greet").click()
    expect(page.get_by_text("Say hello.")).to_be_visible()
    page.get_by_label("name", exact=True).fill("Ada")
    page.get_by_label("loud", exact=True).check()
    expect(page.locator(".command")).to_contain_text(
        """flawless start office.greet '{"name":"Ada","loud":true}'"""
    )
    submit(page)
    assert office.end(started(page))["result"] == "HELLO, ADA"


def test_dataclasses_become_nested_fields(visit: Visit, office: Office) -> None:
    """Objects, lists, choices, dates, options and mappings are filled in as fields."""
    page = visit("start?workflow=office.place")
    page.get_by_label("customer", exact=True).fill("ann")
    page.get_by_role("button", name="Add to order.lines").click()
    page.get_by_role("button", name="Add to order.lines").click()
    page.get_by_label("article").nth(0).fill("chair")
    page.get_by_label("count").nth(0).fill("2")
    page.get_by_label("article").nth(1).fill("lamp")
    page.get_by_label("street", exact=True).fill("Ring 1")
    page.get_by_label("city", exact=True).fill("Wien")
    page.get_by_label("speed", exact=True).select_option("express")
    page.get_by_role("button", name="Give a value for order.note").click()
    page.get_by_label("order.note").last.fill("ring twice")
    page.get_by_role("button", name="Give a value for order.deliver_on").click()
    page.get_by_label("order.deliver_on").last.fill("2026-03-01")
    page.get_by_label("gift", exact=True).check()
    page.get_by_label("New name in order.weights").fill("chair")
    page.get_by_role("button", name="Add to order.weights").click()
    page.get_by_role("textbox", name="chair", exact=True).fill("4.5")
    submit(page)
    result = office.end(started(page))["result"]
    assert result["lines"] == [
        {"article": "chair", "count": 2},
        {"article": "lamp", "count": 1},
    ]
    assert result["address"] == {"street": "Ring 1", "city": "Wien", "country": "AT"}
    assert (result["note"], result["deliver_on"], result["gift"]) == (
        "ring twice",
        "2026-03-01",
        True,
    )
    assert result["weights"] == {"chair": 4.5}


def test_what_is_wrong_is_said_at_its_field(visit: Visit, office: Office) -> None:
    """A number that is none is refused here, what the server refuses is shown where it belongs."""
    page = visit("start?workflow=office.total", refused=(422,))
    page.get_by_label("tax", exact=True).fill("much")
    submit(page)
    expect(page.get_by_label("tax", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("This is no number")).to_be_visible()
    expect(page.get_by_label("tax", exact=True)).to_be_focused()
    page.get_by_label("tax", exact=True).fill("0.2")
    page.get_by_role("button", name="Add to prices").click()
    page.get_by_label("1", exact=True).fill("10")
    page.goto(office.ui("start?workflow=office.place"))
    page.get_by_label("street", exact=True).fill("Ring 1")
    page.get_by_label("city", exact=True).fill("Wien")
    submit(page)
    customer = page.get_by_label("customer", exact=True)
    expect(page.get_by_text("is missing").first).to_be_visible()
    expect(customer).to_have_attribute("aria-invalid", "true")
    assert "/start" in page.url


def test_arguments_may_be_json(visit: Visit, office: Office) -> None:
    """Fields and JSON say the same, and one can go from one to the other."""
    page = visit("start?workflow=office.greet")
    page.get_by_label("name", exact=True).fill("Bo")
    page.get_by_role("button", name="JSON").click()
    editor = page.get_by_role("textbox", name="Arguments as JSON")
    assert json.loads(editor.input_value()) == {"name": "Bo"}
    editor.fill('{"name": "Cy",')
    expect(page.get_by_text(re.compile("^Line 1, column 15"))).to_be_visible()
    editor.fill('{"name": "Cy"}')
    page.get_by_role("button", name="Form", exact=True).click()
    expect(page.get_by_label("name", exact=True)).to_have_value("Cy")
    submit(page)
    assert office.end(started(page))["result"] == "Hello, Cy"


def test_id_attributes_delay_and_deadline(visit: Visit, office: Office) -> None:
    """The execution gets the id and attributes, and begins when it is told to."""
    page = visit("start?workflow=office.wait")
    page.get_by_text("Id, attributes, time").click()
    page.get_by_label("Id", exact=True).fill("form-later")
    page.get_by_role("button", name="Add attribute").click()
    page.get_by_label("Name of attribute 1").fill("team")
    page.get_by_label("Value of attribute 1").fill("red")
    page.get_by_label("After", exact=True).check()
    page.get_by_label("Begins after").fill("soon")
    submit(page)
    expect(page.get_by_text("Write a length of time").first).to_be_visible()
    page.get_by_label("Begins after").fill("2h")
    page.get_by_label("Deadline", exact=True).fill("1d")
    submit(page)
    assert started(page) == "form-later"
    found = office.get("form-later")
    assert found["attributes"] == {"team": "red"}
    assert found["start_at"] is not None
    assert found["status"] == "waiting"


def test_the_same_is_had_as_curl_and_python(visit: Visit, office: Office) -> None:
    """The request beside the form is what the form would send, ready to be copied."""
    page = visit("start?workflow=office.greet")
    page.get_by_label("name", exact=True).fill("it's")
    page.get_by_role("button", name="curl").click()
    expect(page.locator(".command")).to_contain_text(f"{office.origin}/api/v1/executions")
    expect(page.locator(".command")).to_contain_text(r"it'\''s")
    page.get_by_role("button", name="Python").click()
    expect(page.locator(".command")).to_contain_text('{"name": "it\'s"}')
    page.get_by_role("button", name="Copy").click()
    expect(page.locator(".copy[data-done]")).to_have_count(1)


def test_starting_again_with_other_input(visit: Visit, office: Office) -> None:
    """The form is filled with the arguments and attributes of an execution there was."""
    office.start("greet", ["Eve"], id="former", attributes={"team": "blue"})
    page = visit("start?from=former")
    expect(page.get_by_label("name", exact=True)).to_have_value("Eve")
    expect(page.get_by_label("Value of attribute 1")).to_have_value("blue")
    page.get_by_label("loud", exact=True).check()
    submit(page)
    again = started(page)
    assert again != "former"
    assert office.end(again)["result"] == "HELLO, EVE"


def test_an_id_that_is_taken_is_refused(visit: Visit, office: Office) -> None:
    """Another input under a known id is a conflict, and is told."""
    office.start("greet", ["one"], id="taken")
    page = visit("start?workflow=office.greet", refused=(409,))
    page.get_by_label("name", exact=True).fill("two")
    page.get_by_text("Id, attributes, time").click()
    page.get_by_label("Id", exact=True).fill("taken")
    submit(page)
    expect(page.get_by_role("alert")).to_contain_text("taken")
