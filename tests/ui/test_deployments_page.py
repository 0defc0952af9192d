"""Deployments: the list, one with its sources, and uploads."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect
from reception import Office, Visit

import handmade

UPLOADED = Path(__file__).with_name("uploaded.py")


def test_a_deployment_shows_what_it_runs(visit: Visit, office: Office) -> None:
    """From the list one comes to workflows with signatures, and from there to a start."""
    page = visit("deployments")
    page.get_by_role("row").filter(has_text="Current").get_by_role("link").first.click()
    expect(page.get_by_role("navigation", name="Where this is")).to_contain_text("Deployments")
    expect(page.get_by_text("(name?: str, loud?: bool)")).to_be_visible()
    page.get_by_role("link", name="Start office.greet").click()
    expect(page).to_have_url(re.compile(r"/start\?workflow=office.greet$"))


def test_sources_are_shown_with_numbered_lines(visit: Visit, office: Office) -> None:
    """The module's source is there, as it was deployed, coloured; another one is a link away."""
    found = office.client.get("/deployments").json()["deployments"]
    current = next(one for one in found if "office.greet" in one["workflows"])
    page = visit(f"deployments/{current['id']}?module=office")
    source = page.get_by_role("region", name="Source of office")
    expect(source.locator("li")).to_have_count(len(_lines("office.py")))
    expect(source.locator('li[value="1"]')).to_contain_text(_lines("office.py")[0])
    expect(source.locator(".t-word").first).to_be_visible()
    page.get_by_role("list", name="Modules").get_by_role("link", name=re.compile("parcels")).click()
    expect(page.get_by_role("region", name="Source of parcels")).to_be_visible()


def _lines(name: str) -> list[str]:
    return Path(__file__).with_name(name).read_text().splitlines()


def test_code_is_uploaded_and_runs(visit: Visit, office: Office) -> None:
    """A file is chosen and deployed; its workflow can be started at once."""
    page = visit("deployments")
    page.get_by_role("button", name="Upload").click()
    dialog = page.get_by_role("dialog", name="Upload code")
    expect(dialog.get_by_role("button", name="Deploy")).to_be_disabled()
    dialog.get_by_label("Choose files").set_input_files(UPLOADED)
    expect(dialog.get_by_role("checkbox", name="uploaded")).to_be_checked()
    dialog.get_by_label("Label").fill("v2")
    dialog.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("heading", name="v2")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Start uploaded.fresh").click()
    page.get_by_label("name", exact=True).fill("Ada")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page).to_have_url(re.compile(r"/executions/[^/?]+$"))
    assert office.end(page.url.rpartition("/")[2])["result"] == "fresh Ada"


def test_code_that_cannot_be_loaded_is_refused(visit: Visit, tmp_path: Path) -> None:
    """The dialog stays, with the reason."""
    broken = tmp_path / "broken.py"
    broken.write_text("import flawless\n\nraise RuntimeError('not today')\n")
    page = visit("deployments", refused=(422,))
    page.get_by_role("button", name="Upload").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Choose files").set_input_files(broken)
    dialog.get_by_role("button", name="Deploy").click()
    expect(dialog).to_contain_text("not today", timeout=60_000)


def test_files_that_are_no_python_are_refused(visit: Visit, tmp_path: Path) -> None:
    """Nothing is sent for files that are not what is wanted."""
    (tmp_path / "notes.txt").write_text("hello")
    page = visit("deployments")
    page.get_by_role("button", name="Upload").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Choose files").set_input_files(tmp_path / "notes.txt")
    expect(dialog.get_by_role("alert")).to_contain_text("Python source")


def test_a_deployment_that_is_not_there(visit: Visit) -> None:
    """An unknown id is told, with a way back."""
    page = visit("deployments/nothing", refused=(404,))
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("navigation", name="Where this is")).to_contain_text("nothing")


RUST = """//! A shop.

/// Says what it was given.
#[workflow]
pub fn order(order: Order, express: Option<bool>) -> Call {
    let text = "an order";
    Call { order, express }
}

fn other() {}
"""


def test_a_component_is_uploaded_and_shown(visit: Visit, office: Office, tmp_path: Path) -> None:
    """One file is sent as it is; its page tells what it is, and its source in its own language."""
    described = handmade.described(
        handmade.workflow("hand.order", file="src/shop.rs", line=5),
        language="rust",
        modules=[
            {"name": "hand", "file": "src/lib.rs", "source": "mod shop;\n"},
            {"name": "hand.shop", "file": "src/shop.rs", "source": RUST},
        ],
    )
    (tmp_path / "hand.wasm").write_bytes(handmade.component(described))
    page = visit("deployments")
    page.get_by_role("button", name="Upload").click()
    dialog = page.get_by_role("dialog", name="Upload code")
    dialog.get_by_label("Choose files").set_input_files(tmp_path / "hand.wasm")
    expect(dialog.get_by_role("status")).to_have_text("hand.wasm")
    dialog.get_by_role("button", name="Deploy").click()
    expect(page.get_by_role("heading", name="hand 1.2.3")).to_be_visible()
    expect(page.get_by_text("component (rust), uploaded")).to_be_visible()
    page.get_by_role("list", name="Modules").get_by_role("link", name="hand.shop").click()
    source = page.get_by_role("region", name="Source of hand.shop")
    expect(source.locator(".t-word").first).to_have_text("pub")
    office.start("hand.order", [], id="in-rust")
    office.await_status("in-rust", "completed")
    page.goto(office.ui("executions/in-rust?tab=code"))
    source = page.get_by_role("region", name="Source of the workflow")
    expect(source.locator("li")).to_have_count(6)
    expect(source.locator("li").last).to_have_text("}")
