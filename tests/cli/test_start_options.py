"""Starting later, attributes, lists that are narrowed, and messages, from the command line."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from commanding import flawless, ok, read

from flawless import api


def listed(url: str, *options: str) -> list[str]:
    """Return the ids that `list` finds."""
    return [found["id"] for found in read(url, "list", *options)["executions"]]


def test_attributes_are_given_shown_and_found(shop_url: str) -> None:
    """Each option is one attribute; of several, all must hold."""
    for n, region in enumerate(("north", "south")):
        options = ("--attribute", "customer=cli 7", "--attribute", f"region={region}")
        ok(shop_url, "start", "shop.greet", "--id", f"attr-{n}", *options, "--wait")
    assert "attributes customer=cli 7  region=south" in ok(shop_url, "show", "attr-1").stdout
    assert "attributes" not in ok(shop_url, "show", *_plain(shop_url)).stdout
    assert listed(shop_url, "--attribute", "customer=cli 7") == ["attr-1", "attr-0"]
    both = ("--attribute", "customer=cli 7", "--attribute", "region=north")
    assert listed(shop_url, *both) == ["attr-0"]


def _plain(url: str) -> list[str]:
    return [ok(url, "start", "shop.greet", "--id", "attr-none").stdout.strip()]


def test_lists_by_time(shop_url: str) -> None:
    """A moment, or how long ago it was."""
    for n in range(2):
        ok(shop_url, "start", "shop.greet", "--id", f"since-{n}")
    second = read(shop_url, "show", "since-1")["execution"]["created_at"]
    assert listed(shop_url, "--prefix=since-", "--since", second) == ["since-1"]
    assert listed(shop_url, "--prefix=since-", "--until", second) == ["since-0"]
    assert listed(shop_url, "--prefix=since-", "--since", "1h") == ["since-1", "since-0"]
    assert listed(shop_url, "--prefix=since-", "--until", "1h") == []
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).astimezone()
    here = tomorrow.replace(tzinfo=None).isoformat(timespec="minutes")  # a time on this machine
    assert listed(shop_url, "--prefix=since-", "--since", here) == []
    assert listed(shop_url, "--prefix=since-", "--until", here) == ["since-1", "since-0"]


def test_start_later(shop_url: str) -> None:
    """It says when it begins; cancelled before that it never ran."""
    ok(shop_url, "start", "shop.greet", "--id", "later-1", "--delay", "2d")
    assert "begins in 1d 23h" in ok(shop_url, "list", "--prefix=later-1").stdout
    shown = ok(shop_url, "show", "later-1").stdout
    assert "begins 20" in shown
    ok(shop_url, "cancel", "later-1")
    assert flawless(shop_url, "result", "later-1").returncode == 1
    assert [one["kind"] for one in read(shop_url, "show", "later-1")["journal"]] == [
        "invoked",
        "cancelled",
    ]
    at = datetime(2090, 5, 1, 8, tzinfo=UTC)
    ok(shop_url, "start", "shop.greet", "--id", "later-2", "--at", at.isoformat())
    start_at = read(shop_url, "show", "later-2")["execution"]["start_at"]
    assert api.microseconds(start_at) == at.timestamp() * 1_000_000
    soon = ok(shop_url, "start", "shop.greet", "--delay=10ms", "--wait").stdout
    assert json.loads(soon).startswith("Hello")


def test_messages(shop_url: str) -> None:
    """What waits is a table, and JSON for programs."""
    ok(shop_url, "start", "shop.greet", "--id", "mail-1", "--delay", "2d")
    assert "no message waits" in ok(shop_url, "messages", "mail-1").stderr
    ok(shop_url, "send", "mail-1", "word", '{"n": 1}', "--id", "m-1")
    ok(shop_url, "send", "mail-1", "other")
    table = ok(shop_url, "messages", "mail-1").stdout
    head, first, second = [line.split() for line in table.splitlines()]
    assert head == ["NUMBER", "NAME", "PAYLOAD", "SINCE"]
    assert first[:2] == ["1", "word"]
    assert '{"n": 1}' in table
    assert second[:3] == ["2", "other", "null"]
    found = read(shop_url, "messages", "mail-1")
    assert found["execution"] == "mail-1"
    assert [(one["name"], one["payload"]) for one in found["messages"]] == [
        ("word", {"n": 1}),
        ("other", None),
    ]
    assert found["messages"][0]["id"] == "m-1"
    ok(shop_url, "terminate", "mail-1")
    missing = flawless(shop_url, "messages", "nobody", "--json")
    assert (missing.returncode, missing.stdout) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("start", "shop.greet", "--at", "tomorrow"), "--at tomorrow"),
        (("start", "shop.greet", "--at", "2d"), "write a time"),
        (("start", "shop.greet", "--delay", "soon"), "no length of time"),
        (("start", "shop.greet", "--delay", "1d", "--at", "2090-01-01"), "exclude"),
        (("start", "shop.greet", "--attribute", "customer"), "NAME=VALUE"),
        (("start", "shop.greet", "--attribute", "1=2"), "name of an attribute"),
        (("list", "--since", "yesterday"), "how long ago"),
        (("list", "--attribute", "a=1", "--attribute", "a=2"), "two values"),
    ],
)
def test_what_cannot_be_meant(shop_url: str, arguments: tuple[str, ...], text: str) -> None:
    """Exit status 2, and what to write instead."""
    done = flawless(shop_url, *arguments)
    assert (done.returncode, text in done.stderr) == (2, True), done.stderr
