"""Attributes, executions that begin later, and lists that are narrowed: what the API says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from asking import act, end, entries, expect, start

from flawless import api
from flawless.core.attributes import ATTRIBUTES_MAX, VALUE_CHARS_MAX


def listed(shop: httpx.Client, **query: Any) -> list[str]:
    """Return the ids of all executions that are found, from as many pages as it takes."""
    found: list[str] = []
    while True:
        response = shop.get("/executions", params=query)
        assert response.status_code == 200, response.text
        page = response.json()
        found += [one["id"] for one in page["executions"]]
        if page["next"] is None:
            return found
        query["before"] = page["next"]


def test_attributes_are_shown_and_found(shop: httpx.Client) -> None:
    """They come back with the execution, in its list, and narrow the list; all must hold."""
    for n, region in enumerate(["north", "south", "north"]):
        attributes = {"customer": "find-1", "region": region}
        begun = start(shop, "shop.echo", [n], id=f"find-{n}", attributes=attributes)
        assert begun.json()["attributes"] == attributes
    assert shop.get("/executions/find-1").json()["attributes"]["region"] == "south"
    start(shop, "shop.echo", [9], id="find-9")
    assert shop.get("/executions/find-9").json()["attributes"] == {}
    assert listed(shop, attribute="customer=find-1") == ["find-2", "find-1", "find-0"]
    both = ["customer=find-1", "region=north"]
    assert listed(shop, attribute=both) == ["find-2", "find-0"]
    assert listed(shop, attribute=both, limit=1) == ["find-2", "find-0"]
    assert listed(shop, attribute="customer=find-1", prefix="find-1") == ["find-1"]
    assert listed(shop, attribute="customer=nobody") == []


def test_attributes_do_not_tell_executions_apart(shop: httpx.Client) -> None:
    """The same id, workflow and input are the same execution, which keeps its own attributes."""
    start(shop, "shop.echo", [1], id="same", attributes={"a": "1"})
    again = start(shop, "shop.echo", [1], id="same", attributes={"a": "2"}, delay_s=60)
    assert again.status_code == 200
    assert again.json()["new"] is False
    assert again.json()["attributes"] == {"a": "1"}


@pytest.mark.parametrize(
    "attributes",
    [
        {"1st": "x"},
        {"": "x"},
        {"a b": "x"},
        {"a" * 65: "x"},
        {"a": ""},
        {"a": "x" * (VALUE_CHARS_MAX + 1)},
        {"a": "two\nlines"},
        {"a": 1},
        {f"a{n}": "x" for n in range(ATTRIBUTES_MAX + 1)},
        ["a"],
    ],
)
def test_bad_attributes(shop: httpx.Client, attributes: Any) -> None:
    """What cannot be an attribute is refused, and nothing is started."""
    body = {"workflow": "shop.echo", "input": [1], "id": "never", "attributes": attributes}
    problem = expect(shop.post("/executions", json=body), 422, "input-invalid", "attribute")
    assert problem["path"].startswith("attributes")
    assert shop.get("/executions/never").status_code == 404


def test_the_largest_attributes(shop: httpx.Client) -> None:
    """All of them at their bounds come back as they were."""
    attributes = {
        f"{chr(97 + n)}" + "x" * 63: "\u00e4" * VALUE_CHARS_MAX for n in range(ATTRIBUTES_MAX)
    }
    begun = start(shop, "shop.echo", [1], id="largest", attributes=attributes)
    assert begun.json()["attributes"] == attributes
    pairs = [f"{name}={value}" for name, value in attributes.items()]
    assert listed(shop, attribute=pairs[:4]) == ["largest"]


def test_filters_by_time(shop: httpx.Client) -> None:
    """The range holds its first moment and not its last; both take any zone."""
    for n in range(3):
        start(shop, "shop.echo", [n], id=f"timed-{n}")
    moments = [shop.get(f"/executions/timed-{n}").json()["created_at"] for n in range(3)]
    assert listed(shop, prefix="timed-", created_after=moments[1]) == ["timed-2", "timed-1"]
    assert listed(shop, prefix="timed-", created_before=moments[1]) == ["timed-0"]
    between = {"created_after": moments[1], "created_before": moments[2]}
    assert listed(shop, prefix="timed-", **between) == ["timed-1"]
    zone = datetime.fromisoformat(moments[2]).astimezone().isoformat()
    assert listed(shop, prefix="timed-", created_after=zone) == ["timed-2"]
    assert listed(shop, prefix="timed-", created_after="9999-12-31T23:59:59Z") == []
    assert listed(shop, prefix="timed-", created_before="0001-01-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({"created_after": "yesterday"}, "created_after"),
        ({"created_before": "2026-01-01T00:00:00"}, "zone"),
        ({"attribute": "customer"}, "NAME=VALUE"),
        ({"attribute": "=x"}, "name of an attribute"),
        ({"attribute": ["a=1", "a=2"]}, "two values"),
        ({"attribute": [f"a{n}=1" for n in range(ATTRIBUTES_MAX + 1)]}, "at most"),
        ({"created_after": ["2026-01-01T00:00:00Z"] * 2}, "given twice"),
    ],
)
def test_bad_filters(shop: httpx.Client, query: dict[str, Any], text: str) -> None:
    """What cannot be asked for is named."""
    expect(shop.get("/executions", params=query), 422, "input-invalid", text)


def test_pages_do_not_shift(shop: httpx.Client) -> None:
    """What is created between two pages, also a next run, is on none of the later ones."""
    for n in range(4):
        start(shop, "desk.relay", [2], id=f"still-{n}")
    page = shop.get("/executions", params={"prefix": "still-", "limit": 2}).json()
    assert [one["id"] for one in page["executions"]] == ["still-3", "still-2"]
    start(shop, "desk.relay", [2], id="still-4")
    act(shop, "still-2", "messages", name="go")  # so its record is now the newest of all
    while shop.get("/executions/still-2").json()["run"] == 1:
        shop.get("/executions/still-2/result", params={"wait": 0.05})
    assert listed(shop, prefix="still-", before=page["next"]) == ["still-1", "still-0"]


def test_a_delayed_execution_waits(shop: httpx.Client) -> None:
    """Until its time it is waiting, shows when it starts, and takes messages; then it has them."""
    begun = start(shop, "desk.listen", ["word"], id="later-1", delay_s=2).json()
    assert begun["status"] == "waiting"
    created = datetime.fromisoformat(begun["created_at"])
    starts = datetime.fromisoformat(begun["start_at"])
    assert starts - created == timedelta(seconds=2)
    act(shop, "later-1", "messages", name="word", payload="early")
    waiting = shop.get("/executions/later-1/messages").json()["messages"]
    assert [(one["name"], one["payload"]) for one in waiting] == [("word", "early")]
    assert len(entries(shop, "later-1")) == 1
    assert end(shop, "later-1")["result"] == "early"
    after = shop.get("/executions/later-1").json()
    assert after["start_at"] is None
    first = entries(shop, "later-1")[0]
    assert first["at"] == begun["start_at"]


def test_a_delayed_execution_that_is_cancelled_never_ran(shop: httpx.Client) -> None:
    """It ends as cancelled at once, with nothing in its journal but beginning and end."""
    start_at = api.timestamp(4_000_000_000_000_000)
    begun = start(shop, "desk.tidy", [], id="later-2", start_at=start_at).json()
    assert begun["start_at"] == start_at == begun["wake_at"]
    act(shop, "later-2", "cancel", reason="changed my mind")
    outcome = end(shop, "later-2")
    assert outcome["status"] == "cancelled"
    assert outcome["error"]["message"] == "changed my mind"
    assert [one["kind"] for one in entries(shop, "later-2")] == ["invoked", "cancelled"]
    assert shop.get("/executions/later-2").json()["start_at"] is None


def test_a_start_in_the_past_is_at_once(shop: httpx.Client) -> None:
    """A time that has passed is no delay."""
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    begun = start(shop, "shop.echo", ["now"], id="later-3", start_at=past, wait_s=30).json()
    assert (begun["start_at"], begun["result"]) == (None, "now")


@pytest.mark.parametrize(
    ("when", "text"),
    [
        ({"start_at": "tomorrow"}, "start_at"),
        ({"start_at": "2030-01-01T00:00:00"}, "zone"),
        ({"delay_s": -1}, "delay_s"),
        ({"delay_s": 1e12}, "100 years"),
        ({"start_at": "2030-01-01T00:00:00Z", "delay_s": 1}, "either"),
    ],
)
def test_bad_times_to_start(shop: httpx.Client, when: dict[str, Any], text: str) -> None:
    """Nothing is started at a time that is none."""
    body = {"workflow": "shop.echo", "input": [1], "id": "never", **when}
    expect(shop.post("/executions", json=body), 422, "input-invalid", text)
    assert shop.get("/executions/never").status_code == 404
