"""Forking executions over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import act, await_kind, await_status, end, entries, expect, start

from flawless import Client
from flawless.errors import Divergence, ExecutionConflict, InputInvalid

HERE = Path(__file__).parent
DESK = (HERE / "desk.py").read_text()


def fork(shop: httpx.Client, execution: str, at: int, **more: Any) -> httpx.Response:
    """Ask for a fork."""
    return shop.post(f"/executions/{execution}/fork", json={"at": at, **more})


def upload(shop: httpx.Client, old: str, new: str) -> dict[str, Any]:
    """Upload the desk with a change, only to be kept."""
    assert DESK.count(old) == 1
    files = {"desk.py": DESK.replace(old, new)}
    body = {"files": files, "modules": ["desk"], "serve": False, "label": "mended"}
    response = shop.post("/deployments", json=body)
    assert response.is_success, response.text
    found: dict[str, Any] = response.json()
    return found


def test_a_fork_lives_on_its_own(shop: httpx.Client) -> None:
    """201, where it comes from, and an execution like any other; asked again, 200 and the same."""
    start(shop, "desk.approve", ["a lamp"], id="fork-of", attributes={"room": "12"})
    await_status(shop, "fork-of", "waiting")
    assert [entry["kind"] for entry in entries(shop, "fork-of")] == [
        "invoked",
        "published",
        "responded",
        "started",
    ]
    response = fork(shop, "fork-of", 4, id="fork-new")
    assert response.status_code == 201, response.text
    assert response.headers["Location"] == "/api/v1/executions/fork-new"
    made = response.json()
    assert made["new"]
    assert made["forked_from"] == {"execution": "fork-of", "run": 1, "entries": 4}
    assert (made["attributes"], made["parent"]) == ({"room": "12"}, None)
    await_status(shop, "fork-new", "waiting")
    assert shop.get("/executions/fork-new/state").json()["value"]["stage"] == "asked"
    assert shop.get("/executions/fork-new/response").json()["response"] == "asked for a lamp"
    act(shop, "fork-new", "messages", name="Confirm", payload={"by": "ann"})
    assert end(shop, "fork-new")["result"] == "a lamp: ann"
    act(shop, "fork-of", "messages", name="Confirm", payload={"by": "ben"})
    assert end(shop, "fork-of")["result"] == "a lamp: ben"
    again = fork(shop, "fork-of", 4, id="fork-new")
    assert (again.status_code, again.json()["new"]) == (200, False)
    assert shop.get("/executions/fork-new").json()["forked_from"] == made["forked_from"]
    assert shop.get("/executions/fork-of").json()["forked_from"] is None
    shared, own = (entries(shop, one)[1:4] for one in ("fork-of", "fork-new"))
    assert shared == own  # their times too
    assert entries(shop, "fork-new")[0]["forked_from"] == made["forked_from"]
    newest = shop.get("/executions", params={"prefix": "fork-"}).json()["executions"]
    assert [one["id"] for one in newest] == ["fork-new", "fork-of"]


def test_where_and_as_what_no_fork_is_made(shop: httpx.Client) -> None:
    """Each refusal says what to do, and nothing is created."""
    start(shop, "shop.echo", ["x"], id="fork-no", wait_s=60)
    expect(fork(shop, "fork-no", 2), 422, "input-invalid", "1 is the last place to fork at")
    expect(fork(shop, "fork-no", 0), 422, "input-invalid", "at 1 or later")
    expect(fork(shop, "nobody", 1), 404, "execution-not-found")
    expect(fork(shop, "fork-no", 1, id="fork-no"), 409, "execution-conflict")
    expect(fork(shop, "fork-no", 1, deployment="nothing"), 404, "deployment-not-found")
    expect(fork(shop, "fork-no", 1, id="a b"), 422, "input-invalid")
    for body in ({}, {"at": "1"}, {"at": 1.5}, {"at": None}, {"at": 1, "more": 1}):
        expect(shop.post("/executions/fork-no/fork", json=body), 422, "input-invalid")
    listed = shop.get("/executions", params={"prefix": "fork-no"}).json()["executions"]
    assert len(listed) == 1


def test_a_fork_on_code_that_does_not_serve(shop: httpx.Client, tmp_path: Path) -> None:
    """Code may be kept for forks alone; what does not fit the shared entries is a 409."""
    notes, missing = str(tmp_path / "notes"), str(tmp_path / "missing")
    start(shop, "desk.report", [notes, missing], id="fork-mend")
    assert end(shop, "fork-mend")["status"] == "failed"
    mended = upload(shop, "[note(notes), fetch(file)]", '[note(notes), "not there"]')
    assert (mended["new"], mended["current"], mended["label"]) == (True, False, "mended")
    made = fork(shop, "fork-mend", 2, deployment=mended["id"]).json()
    assert made["deployment"] == mended["id"]
    assert end(shop, made["id"])["result"] == [1, "not there"]
    start(shop, "desk.report", [notes, notes], id="fork-old", wait_s=60)
    assert end(shop, "fork-old")["result"] == [2, "here\nhere\n"]  # what serves is what served
    other = upload(shop, "[note(notes), fetch(file)]", "[fetch(notes), fetch(file)]")
    problem = expect(
        fork(shop, "fork-mend", 2, deployment=other["id"]), 409, "divergence", "step desk.note"
    )
    assert (problem["execution"], problem["position"]) == ("fork-mend", 1)
    assert "desk.fetch" in problem["requested"]
    assert "desk.py" in problem["where"]


def test_the_client_forks(shop: httpx.Client) -> None:
    """`Client.fork` raises what the engine would raise."""
    start(shop, "desk.listen", ["word"], id="fork-client")
    await_kind(shop, "fork-client", "started")
    with Client(str(shop.base_url).removesuffix("/api/v1/")) as client:
        made = client.fork("fork-client", 2)
        assert (made.new, made.forked_from.execution) == (True, "fork-client")
        assert client.fork("fork-client", 2, id="fork-c", deployment="latest").new
        assert not client.fork("fork-client", 2, id="fork-c").new
        assert client.get("fork-c").forked_from == made.forked_from
        client.send("fork-c", "word", "hello")
        assert client.result("fork-c", timeout_s=60) == "hello"
        with pytest.raises(InputInvalid, match="beyond the end"):
            client.fork("fork-client", 9)
        with pytest.raises(ExecutionConflict):
            client.fork("fork-client", 1, id="fork-c")
        kept = client.deploy(
            {"desk.py": DESK.replace("return receive(name)", 'return receive("other")')},
            ["desk"],
            serve=False,
        )
        with pytest.raises(Divergence) as caught:
            client.fork("fork-client", 2, deployment=kept.id)
        assert caught.value.position == 1
        assert not client.deployment(kept.id).current
