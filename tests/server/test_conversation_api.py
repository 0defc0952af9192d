"""Talking with executions over HTTP: messages, what they show, what they respond."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from asking import act, await_kind, await_status, end, entries, expect, start


def test_a_message_is_received_once(shop: httpx.Client) -> None:
    """202 for a message, 200 when one with its id was sent before, also after the end."""
    start(shop, "desk.listen", None, id="talk-once")
    sent = act(shop, "talk-once", "messages", name="word", payload={"n": [1, None]}, id="m-1")
    assert sent.status_code == 202
    assert sent.json() == {"execution": "talk-once", "name": "word", "new": True}
    again = act(shop, "talk-once", "messages", name="word", payload="other", id="m-1")
    assert (again.status_code, again.json()["new"]) == (200, False)
    assert end(shop, "talk-once")["result"] == {"n": [1, None]}
    assert act(shop, "talk-once", "messages", name="word", id="m-1").status_code == 200
    (observed,) = [entry for entry in entries(shop, "talk-once") if entry["kind"] == "observed"]
    assert observed["value"] == {"name": "word", "payload": {"n": [1, None]}, "id": "m-1"}


@pytest.mark.parametrize(
    "payload", [None, False, 10**30, "é\u0000🎈", [], {"$": "tuple", "v": [1]}, {"$": "nothing"}]
)
def test_a_payload_is_any_json(shop: httpx.Client, payload: Any) -> None:
    """Plain JSON arrives as it was sent, also what looks like a tag of the codec."""
    execution = start(shop, "desk.listen").json()["id"]
    act(shop, execution, "messages", name="word", payload=payload)
    assert end(shop, execution)["result"] == payload


def test_a_payload_must_fit_its_declaration(shop: httpx.Client) -> None:
    """The sender is told where a payload does not fit; the workflow does not see it."""
    start(shop, "desk.approve", None, id="talk-fit")
    path = "/executions/talk-fit/messages"
    for payload, place in ((None, "payload"), ({}, "by"), ({"by": "ann", "amount": "x"}, "amount")):
        response = shop.post(path, json={"name": "Confirm", "payload": payload})
        problem = expect(response, 422, "input-invalid", "desk.approve")
        assert problem["path"].endswith(place)
    act(shop, "talk-fit", "messages", name="Confirm", payload={"by": "ann"})
    assert end(shop, "talk-fit")["result"] == "a chair: ann"


def test_the_state_is_the_latest(shop: httpx.Client) -> None:
    """Nulls before anything was published, then the latest value with version and time."""
    start(shop, "desk.listen", None, id="talk-silent")
    assert shop.get("/executions/talk-silent/state").json() == {
        "id": "talk-silent", "value": None, "version": None, "at": None,
    }  # fmt: skip
    start(shop, "desk.approve", ["a lamp"], id="talk-state", wait_s=30)
    first = shop.get("/executions/talk-state/state").json()
    assert (first["value"], first["version"]) == ({"item": "a lamp", "stage": "asked"}, 1)
    act(shop, "talk-state", "messages", name="Confirm", payload={"by": "bob"})
    end(shop, "talk-state")
    last = shop.get("/executions/talk-state/state").json()
    assert last["value"] == {"item": "a lamp", "stage": "confirmed", "by": "bob"}
    assert last["version"] == 2
    assert last["at"] > first["at"]


@pytest.mark.parametrize("name", ["wait", "wait_s"])
def test_a_start_is_answered_with_the_response(shop: httpx.Client, name: str) -> None:
    """A waiting start hears what the workflow responds, and the workflow goes on."""
    answer = start(shop, "desk.approve", ["ink"], id=f"talk-{name}", **{name: 60}).json()
    assert answer["response"] == "asked for ink"
    assert answer["status"] != "completed"
    assert "result" not in answer
    again = start(shop, "desk.approve", ["ink"], id=f"talk-{name}")
    assert (again.status_code, again.json()["response"]) == (200, "asked for ink")
    act(shop, f"talk-{name}", "messages", name="Confirm", payload={"by": "ann"})
    end(shop, f"talk-{name}")
    last = start(shop, "desk.approve", ["ink"], id=f"talk-{name}").json()
    assert (last["response"], last["result"]) == ("asked for ink", "ink: ann")


def test_a_response_can_be_waited_for(shop: httpx.Client) -> None:
    """The response as soon as there is one, the end where there is none, else the status alone."""
    start(shop, "desk.approve", ["paper"], id="talk-reply")
    reply = shop.get("/executions/talk-reply/response", params={"wait": 60}).json()
    assert (reply["id"], reply["response"]) == ("talk-reply", "asked for paper")
    start(shop, "desk.listen", None, id="talk-none")
    silent = shop.get("/executions/talk-none/response", params={"wait": 0.05}).json()
    assert set(silent) == {"id", "status"}
    act(shop, "talk-none", "messages", name="word", payload=7)
    reply = shop.get("/executions/talk-none/response", params={"wait": 60}).json()
    assert reply == {"id": "talk-none", "status": "completed", "result": 7}
    failed = start(shop, "shop.stumble", ["a stone"], wait_s=60).json()["id"]
    reply = shop.get(f"/executions/{failed}/response").json()
    assert (reply["status"], reply["error"]["message"]) == ("failed", "a stone")


def test_the_journal_tells_of_talking(shop: httpx.Client) -> None:
    """Published and responded entries have a label; values stand in the state, not here."""
    start(shop, "desk.approve", None, id="talk-journal")
    await_kind(shop, "talk-journal", "started")
    shown = {entry["kind"]: entry for entry in entries(shop, "talk-journal")}
    assert shown["invoked"]["run"] == 1
    assert "deadline" not in shown["invoked"]
    assert shown["published"].items() >= {"label": "publish", "failed": False}.items()
    assert shown["responded"].items() >= {"label": "respond", "failed": False}.items()
    assert shown["started"]["label"] == "receive Confirm"


def test_an_inbox_has_room_for_so_much(shop: httpx.Client) -> None:
    """A message that does not fit is 429; it can be sent again when others were received."""
    start(shop, "desk.tidy", None, id="talk-full")
    await_status(shop, "talk-full", "waiting")
    body = b'{"name":"more","payload":"%b"}' % (b"x" * (4_000_000))
    status, count = 202, 0
    while status == 202:
        response = shop.post("/executions/talk-full/messages", content=body)
        status, count = response.status_code, count + 1
        assert count < 20
    problem = expect(response, 429, "inbox-full", "talk-full")
    assert problem["execution"] == "talk-full"
    assert "Retry-After" in response.headers
    assert "same `id`" in problem["hint"]
    act(shop, "talk-full", "terminate")
    assert end(shop, "talk-full")["status"] == "cancelled"
