"""Effects that a crash has interrupted, and what people decide about them, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from asking import act, await_status, end, entries, expect

from flawless.engine.decisions import as_outcome
from flawless.errors import InputInvalid
from serving import serving_parked


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the pipes."""
    return tmp_path_factory.mktemp("desk")


@pytest.fixture(scope="module")
def desk(folder: Path) -> Iterator[httpx.Client]:
    """Give a client of a server whose executions wait for decisions."""
    ids = ("ok", "error", "again", "bad", "gone")
    pipes = {name: [f"pipe-{name}"] for name in ids} | {"two": ["pipe-a", "pipe-b"]}
    with serving_parked(folder, pipes) as (_, client):
        yield client


def test_the_inbox_is_a_list(desk: httpx.Client) -> None:
    """Parked executions are listed with what waits for a decision, since when, and why."""
    page = desk.get("/executions", params={"status": "parked", "prefix": "two"}).json()
    (two,) = page["executions"]
    assert [one["effect"] for one in two["parked"]] == [1, 2]
    assert two["parked"][0]["label"] == "step desk.transfer"
    assert not two["parked"][0]["asked"]
    assert two["parked"][0]["at"] >= two["created_at"]
    assert desk.get("/executions/two").json()["parked"] == two["parked"]
    assert desk.get("/executions/two/parked").json() == {"parked": two["parked"]}
    everything = desk.get("/executions").json()["executions"]
    assert all("parked" not in found for found in everything)
    assert desk.get("/health").json()["executions"]["parked"] >= 1


def test_it_happened(desk: httpx.Client) -> None:
    """`ok` is the value the effect had; journal and result have it, and who said so."""
    answer = act(desk, "ok", "resolve", ok="sent", by="ann")
    assert answer.status_code == 202
    assert answer.json() == {"execution": "ok", "effect": 1, "label": "step desk.transfer"}
    assert end(desk, "ok")["result"] == ["sent"]
    shown = {entry["kind"]: entry for entry in entries(desk, "ok")}
    assert shown["parked"]["label"] == "step desk.transfer"
    assert shown["resolved"].items() >= {"by": "ann", "decision": "ok", "value": "sent"}.items()
    assert desk.get("/executions/ok/parked").json() == {"parked": []}
    expect(desk.post("/executions/ok/resolve", json={"retry": True}), 409, "not-parked", "ok")


def test_it_failed(desk: httpx.Client) -> None:
    """`error` is what the workflow gets as an exception."""
    act(desk, "error", "resolve", error="the bank says no", effect=1)
    ended = end(desk, "error")
    assert ended["status"] == "failed"
    assert "the bank says no" in ended["error"]["message"]
    (resolved,) = [entry for entry in entries(desk, "error") if entry["kind"] == "resolved"]
    assert (resolved["decision"], resolved["by"]) == ("error", "")


def test_it_is_done_again(desk: httpx.Client, folder: Path) -> None:
    """`retry` performs the effect once more."""
    act(desk, "again", "resolve", retry=True)
    (folder / "pipe-again").write_text("second time")
    assert end(desk, "again")["result"] == ["second time"]


def test_one_of_several_has_to_be_named(desk: httpx.Client) -> None:
    """Without `effect` the answer lists what is parked; each is decided for itself."""
    response = desk.post("/executions/two/resolve", json={"ok": 1})
    problem = expect(response, 422, "input-invalid", "2: step desk.transfer")
    assert problem["path"] == "effect"
    act(desk, "two", "resolve", ok="second", effect=2)
    while len(desk.get("/executions/two/parked").json()["parked"]) == 2:
        desk.get("/executions/two/result", params={"wait": 0.05})
    act(desk, "two", "resolve", ok="first")
    assert end(desk, "two")["result"] == ["first", "second"]


def test_what_is_parked_can_be_ended(desk: httpx.Client) -> None:
    """An execution that waits for a person hears of a cancel at once."""
    await_status(desk, "gone", "parked")
    act(desk, "gone", "cancel", reason="never mind")
    assert end(desk, "gone")["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "status", "slug", "text"),
    [
        ({}, 422, "input-invalid", "one of ok, error and retry"),
        ({"ok": 1, "retry": True}, 422, "input-invalid", "one of ok, error and retry"),
        ({"ok": None, "error": "x"}, 422, "input-invalid", "one of ok, error and retry"),
        ({"error": None}, 422, "input-invalid", "error"),
        ({"retry": "yes"}, 422, "input-invalid", "retry"),
        ({"ok": 1, "effect": "first"}, 422, "input-invalid", "effect"),
        ({"ok": 1, "efect": 1}, 422, "input-invalid", "efect"),
        ({"ok": 1, "effect": 7}, 409, "not-parked", "effect 7"),
        ({"ok": 1, "effect": -1}, 409, "not-parked", "effect -1"),
        ({"ok": 1, "by": "x" * 201}, 422, "input-invalid", "by"),
        ({"error": "x" * 1001}, 422, "input-invalid", "characters"),
        ([], 422, "input-invalid", "object"),
    ],
)
def test_decisions_that_are_none(
    desk: httpx.Client, body: object, status: int, slug: str, text: str
) -> None:
    """Nothing, two things at once, and effects that are not parked decide nothing."""
    expect(desk.post("/executions/bad/resolve", json=body), status, slug, text)
    assert desk.get("/executions/bad").json()["status"] == "parked"


@pytest.mark.parametrize(
    "response",
    [
        {"status": "fine"},
        {"status": 20},
        {"status": True},
        {"status": 200, "headers": 5},
        {"status": 200, "headers": ["a"]},
        {"status": 200, "headers": [["a", 1]]},
        {"status": 200, "url": 7},
    ],
)
def test_responses_that_are_none(response: object) -> None:
    """What stands for the response to a request must be one, or be just its body."""
    with pytest.raises(InputInvalid, match="a response's") as caught:
        as_outcome("POST http://bank.example/pay", json.dumps(response).encode())
    assert caught.value.path == "ok"
    assert as_outcome("step app.pay", b'{"status":"fine"}') == b'{"status":"fine"}'
