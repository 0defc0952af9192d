"""Ending executions over HTTP, families, runs, and going on after a failure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from asking import act, await_kind, await_status, end, entries, expect, start


def test_a_cancelled_execution_cleans_up(shop: httpx.Client) -> None:
    """202; the workflow is told why, cleans up, and ends as cancelled with an error."""
    start(shop, "desk.tidy", None, id="end-tidy")
    await_status(shop, "end-tidy", "waiting")
    answer = act(shop, "end-tidy", "cancel", reason="no more", grace_s=3600, by="ann")
    assert (answer.status_code, answer.json()["id"]) == (202, "end-tidy")
    await_kind(shop, "end-tidy", "published")
    assert shop.get("/executions/end-tidy/state").json()["value"] == "cleaning"
    act(shop, "end-tidy", "messages", name="cleaned")
    ended = end(shop, "end-tidy")
    assert ended["status"] == "cancelled"
    assert ended["error"]["message"] == "no more"
    assert "result" not in ended
    assert shop.get("/executions/end-tidy/response").json() == ended
    shown = {entry["kind"]: entry for entry in entries(shop, "end-tidy")}
    told = shown["cancel_observed"]
    assert told["reason"] == "no more"
    assert told["until_us"] - told["elapsed_us"] == 3_600_000_000
    assert shown["cancelled"]["error"]["message"] == "no more"


def test_a_second_cancel_ends_for_good(shop: httpx.Client) -> None:
    """With the same id it is the same request, with another one (or none) it is the second."""
    start(shop, "desk.tidy", None, id="end-twice")
    await_status(shop, "end-twice", "waiting")
    for _ in range(2):
        act(shop, "end-twice", "cancel", reason="once", id="c-1")
    await_kind(shop, "end-twice", "published")
    assert shop.get("/executions/end-twice/result").json()["status"] != "cancelled"
    act(shop, "end-twice", "cancel", reason="twice")
    assert end(shop, "end-twice")["status"] == "cancelled"


def test_terminate_asks_nobody(shop: httpx.Client) -> None:
    """The workflow does not clean up; the body may be left out."""
    start(shop, "desk.tidy", None, id="end-now")
    await_status(shop, "end-now", "waiting")
    assert shop.post("/executions/end-now/terminate").status_code == 202
    assert end(shop, "end-now")["status"] == "cancelled"
    assert not [entry for entry in entries(shop, "end-now") if entry["kind"] == "published"]


def test_what_has_ended_cannot_be_reached(shop: httpx.Client) -> None:
    """409, and what to do: nothing reaches an execution that has ended, or an earlier run."""
    start(shop, "desk.rounds", [2], id="end-over", wait_s=60)
    end(shop, "end-over")
    for execution in ("end-over", "end-over~1"):
        for verb, body in (("messages", {"name": "x"}), ("cancel", {}), ("terminate", {})):
            response = shop.post(f"/executions/{execution}/{verb}", json=body)
            problem = expect(response, 409, "execution-ended", execution)
            assert problem["execution_status"] == "completed"
            assert problem["hint"]
        retried = shop.post(f"/executions/{execution}/retry")
        assert retried.status_code == 409


def test_a_deadline_cancels(shop: httpx.Client) -> None:
    """`deadline_s` is in the journal, and when it has passed the execution is told to end."""
    answer = start(shop, "desk.listen", None, id="end-late", deadline_s=0.05, wait_s=60).json()
    assert answer["status"] == "cancelled"
    assert "deadline" in answer["error"]["message"]
    invoked = entries(shop, "end-late")[0]
    assert invoked["deadline_us"] == 50_000
    assert invoked["deadline"] > invoked["at"]


def test_a_family_is_shown_from_both_sides(shop: httpx.Client) -> None:
    """A parent counts and lists its children in pages, and a child names its parent."""
    start(shop, "desk.family", [3], id="kin")
    await_kind(shop, "kin", "started", 3)
    assert shop.get("/executions/kin").json()["children"] == 3
    page = shop.get("/executions/kin/children", params={"limit": 2}).json()
    assert (page["length"], page["next"]) == (3, 2)
    rest = shop.get("/executions/kin/children", params={"from": page["next"]}).json()
    assert rest["next"] is None
    children = page["children"] + rest["children"]
    assert [child["id"] for child in children] == ["kin.1", "kin.2", "kin.3"]
    assert children[1]["parent"] == {"id": "kin", "run": 1, "effect": 2, "close": "wait"}
    assert shop.get("/executions/kin").json()["parent"] is None
    for n, child in enumerate(children):
        act(shop, child["id"], "messages", name="go", payload=n)
    assert end(shop, "kin")["result"] == 3
    assert shop.get("/executions/kin.1/children").json() == {
        "children": [], "length": 0, "next": None,
    }  # fmt: skip


def test_earlier_runs_are_readable(shop: httpx.Client) -> None:
    """`runs=true` lists them; result, journal and logs of `ID~n` are those of that run."""
    start(shop, "desk.rounds", [3], id="laps")
    assert end(shop, "laps")["result"] == 1
    assert shop.get("/executions/laps").json()["run"] == 3

    def listed(**query: Any) -> list[tuple[str, int]]:
        page = shop.get("/executions", params={"prefix": "laps", **query}).json()
        return [(found["id"], found["run"]) for found in page["executions"]]

    assert listed() == listed(runs="false") == [("laps", 3)]
    assert listed(runs="true") == [("laps", 3), ("laps~2", 2), ("laps~1", 1)]
    ended = shop.get("/executions/laps~1/result", params={"wait": 5}).json()
    assert ended == {
        "id": "laps~1", "status": "completed", "continued": {"args": [2], "kwargs": {}},
    }  # fmt: skip
    assert shop.get("/executions/laps~1/response").json() == ended
    page = shop.get("/executions/laps~2/journal").json()
    assert page["run"] == 2
    assert page["entries"][0]["run"] == 2
    assert page["entries"][-1]["kind"] == "continued"
    assert page["entries"][-1]["input"] == {"args": [1], "kwargs": {}}
    logs = shop.get("/executions/laps~1/logs").json()
    assert [line["message"] for line in logs["logs"]] == ["3 to go"]
    assert logs["run"] == 1
    assert shop.get("/executions/laps~1/state").json()["version"] is None
    expect(shop.get("/executions/laps~9"), 404, "execution-not-found")


def test_a_failed_execution_goes_on_from_what_failed(shop: httpx.Client, tmp_path: Path) -> None:
    """What was done before is not done again; the journal has who let it go on."""
    notes, file = tmp_path / "notes", tmp_path / "file"
    start(shop, "desk.report", [str(notes), str(file)], id="mend", wait_s=60)
    assert end(shop, "mend")["error"]["type"] == "FileNotFoundError"
    file.write_text("text")
    answer = act(shop, "mend", "retry", by="ann")
    assert (answer.status_code, answer.json()["run"]) == (202, 1)
    assert end(shop, "mend")["result"] == [1, "text"]
    (retried,) = [entry for entry in entries(shop, "mend") if entry["kind"] == "retried"]
    assert (retried["effect"], retried["by"]) == (2, "ann")


def test_a_failed_execution_goes_on_from_where_one_says(shop: httpx.Client, tmp_path: Path) -> None:
    """`effect` repeats that effect and all after it, `from_start` begins the next run."""
    notes, file = tmp_path / "notes", tmp_path / "file"
    start(shop, "desk.report", [str(notes), str(file)], id="mend-far", wait_s=60)
    refused = shop.post("/executions/mend-far/retry", json={"effect": 99})
    assert "from_start" in expect(refused, 409, "retry-refused", "99")["hint"]
    act(shop, "mend-far", "retry", effect=1)
    assert end(shop, "mend-far")["status"] == "failed"
    file.write_text("text")
    assert act(shop, "mend-far", "retry", from_start=True).json()["run"] == 2
    assert end(shop, "mend-far")["result"] == [3, "text"]
    assert shop.get("/executions/mend-far~1/result").json()["status"] == "failed"
    expect(shop.post("/executions/mend-far/retry"), 409, "retry-refused", "completed")
