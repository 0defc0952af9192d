"""What all pages share: navigation, themes, widths, accessible names, roles, lost servers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from reception import MODULES, Office, Visit

from browsing import nameless, overflow_px, visiting
from serving import run_here, serving

PAGES = {
    "executions": "Executions",
    "start": "Start an execution",
    "start?workflow=office.place": "office.place",
    "inbox": "Inbox",
    "deployments": "Deployments",
    "health": "Health",
}


def show(page: Page, office: Office, address: str) -> None:
    """Go to a page and wait until it has what it asked for."""
    page.goto(office.ui(address))
    expect(page.get_by_role("heading", name=PAGES[address]).first).to_be_visible()
    expect(page.locator("[aria-busy=true]")).to_have_count(0)


@pytest.mark.sweep
def test_every_width_has_room(visit: Visit, office: Office) -> None:
    """No page is wider than its window, from 360 pixels on."""
    office.start("greet", id="an-id-as-long-as-people-make-them-" + "0123456789" * 3)
    page = visit("health")
    for address in PAGES:
        show(page, office, address)
        for width in (1440, 900, 390, 360):
            page.set_viewport_size({"width": width, "height": 844})
            assert overflow_px(page) == 0, f"{address} at {width}"


def test_everything_has_a_name(visit: Visit, office: Office) -> None:
    """Whoever cannot see a page hears the name of each button, field, link and picture."""
    office.start("greet", id="named")
    page = visit("health")
    for address in PAGES:
        show(page, office, address)
        assert nameless(page) == [], address


def test_the_navigation_leads_to_every_page(visit: Visit) -> None:
    """Links change the page without loading it anew, the title with it, and back works."""
    page = visit()
    page.evaluate("window.stays = true")
    for name in ("Start", "Deployments", "Health", "Executions"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page).to_have_title(f"{name} · Flawless")
    page.go_back()
    expect(page).to_have_title("Health · Flawless")
    assert page.evaluate("window.stays")


def test_the_theme_is_chosen_and_kept(visit: Visit) -> None:
    """The switch goes round system, light and dark, and the choice outlives a reload."""
    page = visit(color_scheme="light")
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    switch = page.get_by_role("button", name=re.compile("^Theme: "))
    switch.click()
    expect(switch).to_have_accessible_name("Theme: light")
    switch.click()
    expect(switch).to_have_accessible_name("Theme: dark")
    dark = page.evaluate(background)
    assert dark != light
    page.reload()
    expect(switch).to_have_accessible_name("Theme: dark")
    assert page.evaluate(background) == dark
    switch.click()
    expect(switch).to_have_accessible_name("Theme: system")
    assert page.evaluate(background) == light


def test_an_address_that_is_none(visit: Visit) -> None:
    """An unknown address says so and leads back."""
    page = visit("nowhere/at/all", refused=(404,))
    expect(page.get_by_text("There is nothing at this address")).to_be_visible()
    page.get_by_role("link", name="To the executions").click()
    expect(page.get_by_role("heading", name="Executions")).to_be_visible()


def test_a_lost_server_is_noticed_and_found_again(visit: Visit, office: Office) -> None:
    """The lamp tells that nobody answers, and what happened meanwhile is there afterwards."""
    page = visit("executions?prefix=away-", unreachable=True)
    lamp = page.locator(".connection")
    expect(lamp).to_have_attribute("data-state", "live")
    page.context.set_offline(True)
    page.get_by_role("button", name="Failed").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    office.start("report", [str(office.folder / "not-there")], id="away-1")
    office.await_status("away-1", "failed")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator('[data-id="away-1"]')).to_contain_text("Failed")


def test_a_reader_sees_no_actions(browser: Browser, tmp_path: Path) -> None:
    """With the role `read` one logs in, looks at everything, is offered nothing, and logs out."""
    token = "a-root-token-for-tests"
    data = tmp_path / "guarded"
    with serving(data, MODULES, changes={"FLAWLESS_TOKEN": token}) as (_, client):
        client.headers["Authorization"] = f"Bearer {token}"
        guarded = Office(client, data)
        guarded.start("wait", id="seen")
        reader = _token(guarded, "ann", "read")
        with visiting(browser, guarded.origin, refused=(401,)) as page:
            page.goto(guarded.ui())
            expect(page).to_have_url(re.compile(r"/login"))
            page.get_by_label("Token").fill(reader)
            page.get_by_role("button", name="Log in").click()
            expect(page.locator('[data-id="seen"]')).to_be_visible()
            expect(page.locator(".who")).to_contain_text("ann")
            expect(page.locator(".who")).to_contain_text("read")
            expect(page.get_by_role("checkbox")).to_have_count(0)
            expect(page.get_by_role("link", name="Start execution")).to_have_count(0)
            page.goto(guarded.ui("start"))
            expect(page.get_by_text("You may look, not start")).to_be_visible()
            page.goto(guarded.ui("deployments"))
            upload = page.get_by_role("button", name="Upload")
            expect(upload).to_be_disabled()
            expect(upload).to_have_attribute("title", re.compile('takes "deploy"'))
            page.get_by_role("button", name="Log out").click()
            expect(page).to_have_url(re.compile(r"/login"))
            page.goto(guarded.ui())
            expect(page).to_have_url(re.compile(r"/login"))
        with visiting(browser, guarded.origin, refused=(401,)) as page:
            page.goto(guarded.ui("executions"))
            page.get_by_label("Token").fill(token)
            page.get_by_role("button", name="Log in").click()
            page.locator('[data-id="seen"]').get_by_role("checkbox").check()
            page.get_by_role("toolbar").get_by_role("button", name="Cancel 1").click()
            page.get_by_role("dialog").get_by_role("button", name="Cancel 1 execution").click()
            expect(page.get_by_role("dialog")).to_contain_text("1 execution cancelled")


def _token(office: Office, name: str, role: str) -> str:
    """Make a token with the command line, as an operator does."""
    made = run_here("tokens", "add", name, "--role", role, f"--data={office.folder}")
    assert made.returncode == 0, made.stderr
    found = re.search(r"flt_\S+", made.stdout)
    assert found is not None, made.stdout
    return found[0]
