"""What waits, over HTTP: messages that nobody has received, and decisions for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import act, await_status, end, expect, start

from flawless.server.endpoints import inbox
from serving import serving_parked


def messages(shop: httpx.Client, execution: str, **query: Any) -> dict[str, Any]:
    """Return a page of what an execution has not received."""
    response = shop.get(f"/executions/{execution}/messages", params=query)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def test_messages_that_wait(shop: httpx.Client) -> None:
    """Until they are received they are listed in order, with all that their sender said."""
    start(shop, "desk.listen", ["word"], id="inbox-1")
    await_status(shop, "inbox-1", "waiting")
    assert messages(shop, "inbox-1") == {"messages": [], "next": None}
    act(shop, "inbox-1", "messages", name="other", payload={"n": 1}, id="m-1")
    act(shop, "inbox-1", "messages", name="third", payload=None)
    page = messages(shop, "inbox-1")
    first, second = page["messages"]
    assert page["next"] is None
    assert first.items() >= {"number": 1, "name": "other", "payload": {"n": 1}, "id": "m-1"}.items()
    assert (second["name"], second["payload"], second["id"]) == ("third", None, None)
    assert first["at"] <= second["at"]
    act(shop, "inbox-1", "messages", name="word", payload="go")
    assert end(shop, "inbox-1")["result"] == "go"
    assert messages(shop, "inbox-1")["messages"] == []


def test_messages_come_in_pages_without_signals(shop: httpx.Client) -> None:
    """`next` goes on where the page ended; what the engine itself has sent is not shown."""
    start(shop, "desk.tidy", id="inbox-2")
    await_status(shop, "inbox-2", "waiting")
    for n in range(inbox.READ_MESSAGES + 3):
        act(shop, "inbox-2", "messages", name="m", payload=n)
    act(shop, "inbox-2", "cancel")
    found: list[int] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = messages(shop, "inbox-2", **query)
        assert len(page["messages"]) <= 2
        assert all(one["name"] == "m" for one in page["messages"])
        found += [one["payload"] for one in page["messages"]]
        if page["next"] is None:
            break
        query["from"] = page["next"]
    assert found == [*range(inbox.READ_MESSAGES + 3)]
    assert messages(shop, "inbox-2", **{"from": 10_000})["messages"] == []
    act(shop, "inbox-2", "terminate")


def test_a_page_of_messages_has_a_bounded_size(shop: httpx.Client) -> None:
    """Large payloads end a page early, and none is left out."""
    start(shop, "desk.listen", ["word"], id="inbox-3")
    third = "x" * (inbox.PAGE_BYTES_MAX // 3)
    for n in range(4):
        act(shop, "inbox-3", "messages", name="m", payload=f"{n}{third}")
    act(shop, "inbox-3", "messages", name="m", payload="last")
    page = messages(shop, "inbox-3", limit=500)
    assert len(page["messages"]) == 3
    rest = messages(shop, "inbox-3", **{"from": page["next"]})
    assert [one["payload"] for one in rest["messages"]] == [f"3{third}", "last"]
    act(shop, "inbox-3", "terminate")


@pytest.mark.parametrize("query", [{"from": -1}, {"limit": 0}, {"limit": 501}, {"after": 1}])
def test_bad_pages_of_messages(shop: httpx.Client, query: dict[str, Any]) -> None:
    """Bounds and names of parameters are checked, and who does not exist has no messages."""
    start(shop, "shop.echo", [1], id="inbox-4")
    expect(shop.get("/executions/inbox-4/messages", params=query), 422, "input-invalid")
    expect(shop.get("/executions/nobody/messages"), 404, "execution-not-found")


def test_the_inbox(tmp_path: Path) -> None:
    """Everything that waits for a decision is in one list, which is paged and can be narrowed."""
    pipes = {"one": ["p1"], "two": ["p2", "p3"], "three": ["p4"]}
    with serving_parked(tmp_path, pipes) as (_, desk):
        page = desk.get("/inbox").json()
        assert page["next"] is None
        assert [(one["execution"], one["effect"]) for one in page["items"]] == [
            ("three", 1),
            ("two", 1),
            ("two", 2),
            ("one", 1),
        ]
        first = page["items"][0]
        assert first["workflow"] == "desk.pay"
        assert first["label"] == "step desk.transfer"
        assert first["at"] == desk.get("/executions/three/parked").json()["parked"][0]["at"]
        assert first["asked"] is False
        assert first["attributes"] == {}
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"limit": 1}
        while True:
            some = desk.get("/inbox", params=query).json()
            assert len({one["execution"] for one in some["items"]}) <= 1
            found += some["items"]
            if some["next"] is None:
                break
            query["before"] = some["next"]
        assert found == page["items"]
        narrowed = desk.get("/inbox", params={"prefix": "t", "workflow": "desk.pay"}).json()
        assert {one["execution"] for one in narrowed["items"]} == {"two", "three"}
        assert desk.get("/inbox", params={"attribute": "a=1"}).json()["items"] == []
        act(desk, "one", "resolve", ok="done")
        assert end(desk, "one")["result"] == ["done"]
        assert "one" not in {one["execution"] for one in desk.get("/inbox").json()["items"]}
        expect(desk.get("/inbox", params={"runs": "true"}), 422, "input-invalid", "runs")
        expect(desk.get("/inbox", params={"limit": 101}), 422, "input-invalid", "limit")
