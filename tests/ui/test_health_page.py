"""The health page: counts, charts of the last hour, restarts."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect
from reception import Office, Visit


def test_the_engine_is_told_about(visit: Visit, office: Office) -> None:
    """Counts by status lead to the list; the restart after the crash of this server is named."""
    office.start("greet", id="healthy")
    page = visit("health")
    expect(page.get_by_text("Working")).to_be_visible()
    restarts = page.get_by_role("table", name="Restarts")
    expect(restarts).to_contain_text("was killed")
    page.get_by_role("link", name=re.compile(r"^Completed: \d+$")).click()
    expect(page).to_have_url(re.compile(r"/executions\?status=completed$"))


def test_charts_have_the_same_as_tables(visit: Visit) -> None:
    """Charts appear with the second sample; pointing shows a moment, and tables say the same."""
    page = visit("health")
    memory = page.get_by_role("figure").filter(has_text=re.compile("Memory"))
    expect(memory.get_by_role("img", name=re.compile("^Memory: resident"))).to_be_visible(
        timeout=30_000
    )
    expect(page.get_by_role("figure")).to_have_count(10)
    memory.locator(".plot").hover()
    expect(page.get_by_text(re.compile(r"^at \d\d:\d\d:\d\d$"))).to_be_visible()
    page.get_by_role("button", name="As tables").click()
    table = page.get_by_role("region", name="Memory, as a table")
    expect(table.get_by_role("cell", name=re.compile(r"MB$")).first).to_be_visible()


def test_charts_ask_for_new_samples_only(visit: Visit) -> None:
    """The hour comes once; from then on each look brings what was taken since."""
    page = visit("health")
    with page.expect_response(re.compile(r"/stats\?after="), timeout=30_000) as first:
        pass
    with page.expect_response(re.compile(r"/stats\?after="), timeout=30_000) as second:
        pass
    after = [parse_qs(urlsplit(one.value.url).query)["after"][0] for one in (first, second)]
    news = [sample["at"] for sample in first.value.json()["samples"]]
    assert after[1] == (news[-1] if news else after[0])
    page.get_by_role("button", name="As tables").click()
    rows = page.get_by_role("region", name="Memory, as a table").get_by_role("row")
    expect(rows.nth(1 + len(second.value.json()["samples"]))).to_be_attached()


def test_an_engine_in_trouble_is_announced(visit: Visit, office: Office) -> None:
    """A store that takes no writes is in a banner, in the engine's words."""
    trouble = '{"status":"failing","version":"1","problem":"the disk is full","executions":{}}'
    page = visit("health", refused=(503,))
    page.route(
        "**/api/v1/health",
        lambda route: route.fulfill(status=503, body=trouble, content_type="application/json"),
    )
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("the disk is full")
