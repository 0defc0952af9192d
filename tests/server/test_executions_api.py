"""Starting, listing, waiting for and looking into executions over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest


def start(shop: httpx.Client, workflow: str, given: Any = None, **more: Any) -> httpx.Response:
    """Start an execution; anything but success fails the test."""
    response = shop.post("/executions", json={"workflow": workflow, "input": given, **more})
    assert response.is_success, response.text
    return response


def end(shop: httpx.Client, execution: str) -> dict[str, Any]:
    """Wait for the end of an execution."""
    response = shop.get(f"/executions/{execution}/result", params={"wait": 60})
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_a_start_is_created_once(shop: httpx.Client) -> None:
    """201 for a new execution, 200 and the same one when it is started again."""
    first = start(shop, "shop.greet", {"name": "Ada"}, id="once")
    assert first.status_code == 201
    assert first.json().items() >= {"id": "once", "workflow": "shop.greet", "new": True}.items()
    assert first.headers["Location"] == "/api/v1/executions/once"
    end(shop, "once")
    again = start(shop, "shop.greet", {"name": "Ada"}, id="once")
    assert again.status_code == 200
    assert again.json().items() >= {"new": False, "result": "Hello, Ada"}.items()


@pytest.mark.parametrize(
    ("workflow", "given"), [("shop.greet", {"name": "Bob"}), ("shop.echo", None)]
)
def test_an_id_belongs_to_one_start(shop: httpx.Client, workflow: str, given: Any) -> None:
    """The same id for another workflow or input is a conflict, and nothing is started."""
    start(shop, "shop.greet", None, id="taken")
    response = shop.post("/executions", json={"workflow": workflow, "input": given, "id": "taken"})
    assert response.status_code == 409
    assert response.json()["type"] == "urn:flawless:problem:execution-conflict"
    assert response.json()["execution"] == "taken"


@pytest.mark.parametrize(
    ("workflow", "given", "result"),
    [
        ("shop.greet", None, "Hello, world"),
        ("shop.greet", ["Ada"], "Hello, Ada"),
        ("shop.greet", {"name": "Ada", "loud": True}, "HELLO, ADA"),
        ("shop.buy", {"order": {"item": "tea"}}, {"item": "tea", "count": 2}),
        ("shop.echo", [{"deep": [1, 2.5, None, True, "é\u0000🎈"]}], ...),
        ("shop.echo", [10**30], 10**30),
    ],
)
def test_a_start_can_wait_for_the_result(
    shop: httpx.Client, workflow: str, given: Any, result: Any
) -> None:
    """With `wait` the answer holds the result; objects are keyword arguments, arrays positional."""
    body = start(shop, workflow, given, wait=30).json()
    assert body["status"] == "completed"
    assert body["result"] == (given[0] if result is ... else result)


def test_a_failure_shows_the_users_lines(shop: httpx.Client) -> None:
    """A failed execution's result is its error, with file, line and source of the user's code."""
    body = end(shop, start(shop, "shop.stumble", ["a stone"]).json()["id"])
    assert body["status"] == "failed"
    error = body["error"]
    assert (error["type"], error["message"]) == ("ValueError", "a stone")
    assert "shop.py" in error["traceback"]
    assert "raise ValueError(reason)" in error["traceback"]


def test_a_result_that_is_not_there_yet(shop: httpx.Client, tmp_path: Path) -> None:
    """Asking without waiting answers at once with the status alone."""
    gate = tmp_path / "gate"
    execution = start(shop, "shop.wait_for_gate", [str(gate)]).json()["id"]
    body = shop.get(f"/executions/{execution}/result").json()
    assert body == {"id": execution, "status": "running"}
    gate.write_text("open")
    assert end(shop, execution)["result"] == "open"


def test_failed_attempts_are_visible_while_they_happen(shop: httpx.Client, tmp_path: Path) -> None:
    """A step that is being retried shows what went wrong, and when, before it has ended."""
    gate = tmp_path / "gate"
    execution = start(shop, "shop.wait_for_gate", [str(gate)]).json()["id"]
    effects: list[dict[str, Any]] = []
    while not (effects and effects[0]["attempts"]):
        shop.get(f"/executions/{execution}/result", params={"wait": 0.05})
        effects = shop.get(f"/executions/{execution}").json()["in_flight"]
    assert effects[0]["label"] == "step shop.pass_gate"
    attempt = effects[0]["attempts"][0]
    assert (attempt["type"], attempt["message"]) == ("FileNotFoundError", "no gate gate")
    assert attempt["at"] >= effects[0]["began_at"]
    gate.write_text("open")
    end(shop, execution)
    entries = shop.get(f"/executions/{execution}/journal").json()["entries"]
    (called,) = [entry for entry in entries if entry["kind"] == "called"]
    assert called["value"] == "open"
    assert called["attempts"][0]["type"] == "FileNotFoundError"


def test_the_list_is_filtered_and_paged(shop: httpx.Client) -> None:
    """Filters combine, and pages neither repeat nor lose what was there when paging began."""
    ids = [f"page-{n}" for n in range(5)]
    for execution in ids:
        start(shop, "shop.greet", [execution], id=execution, wait=30)
    start(shop, "shop.echo", None, id="page-other", wait=30)
    query: dict[str, Any] = {"prefix": "page-", "workflow": "shop.greet", "status": "completed"}
    seen: list[str] = []
    page: dict[str, Any] = {"next": None}
    while True:
        before = {} if page["next"] is None else {"before": page["next"]}
        page = shop.get("/executions", params=query | {"limit": 2} | before).json()
        seen += [found["id"] for found in page["executions"]]
        start(shop, "shop.greet", [str(len(seen))], id=f"page-new-{len(seen)}")
        if page["next"] is None:
            break
    assert seen == ids[::-1]
    assert shop.get("/executions", params={"before": "no-such-id"}).json()["executions"] == []


def test_the_journal_is_json(shop: httpx.Client) -> None:
    """Entries have position, kind, time in two forms, and their payload decoded."""
    execution = start(shop, "shop.nap", {"seconds": 0.01}, wait=30).json()["id"]
    page = shop.get(f"/executions/{execution}/journal").json()
    entries = page["entries"]
    assert [entry["position"] for entry in entries] == list(range(page["length"]))
    kinds = [entry["kind"] for entry in entries]
    assert kinds[0] == "invoked"
    assert kinds[-1] == "completed"
    assert {"logged", "slept"} <= set(kinds)
    assert entries[0]["input"] == {"args": [], "kwargs": {"seconds": 0.01}}
    assert "seed" not in entries[0]
    assert entries[-1]["result"] == "rested"
    assert [e["elapsed_us"] for e in entries] == sorted(e["elapsed_us"] for e in entries)
    assert [e["at"] for e in entries] == sorted(e["at"] for e in entries)
    slept = entries[kinds.index("slept")]
    assert slept["until_us"] - slept["elapsed_us"] == 10_000
    assert slept["until"].endswith("Z")


def test_a_long_journal_comes_in_pages(shop: httpx.Client) -> None:
    """`from` and `limit` walk through a journal; logs are paged by the same positions."""
    execution = start(shop, "shop.talk", [300], wait=30).json()["id"]
    seen: list[int] = []
    position: int | None = 0
    while position is not None:
        page = shop.get(
            f"/executions/{execution}/journal", params={"from": position, "limit": 70}
        ).json()
        assert len(page["entries"]) <= 70
        seen += [entry["position"] for entry in page["entries"]]
        position = page["next"]
    assert seen == list(range(page["length"]))
    lines = shop.get(f"/executions/{execution}/logs").json()["logs"]
    assert [line["message"] for line in lines] == [f"line {n}" for n in range(300)]
    rest = shop.get(f"/executions/{execution}/logs", params={"from": 299}).json()
    assert [line["position"] for line in rest["logs"]] == [299, 300]
    beyond = shop.get(f"/executions/{execution}/journal", params={"from": 100_000}).json()
    assert (beyond["entries"], beyond["next"]) == ([], None)


def test_logs_have_level_and_logger(shop: httpx.Client) -> None:
    """What a workflow logs and prints is there, also when it fails afterwards."""
    execution = start(shop, "shop.stumble", ["a stone"], wait=30).json()["id"]
    (line,) = shop.get(f"/executions/{execution}/logs").json()["logs"]
    assert (line["level_name"], line["logger"]) == ("WARNING", "shop")
    assert line["message"] == "about to stumble"


def test_workflows_have_signatures(shop: httpx.Client) -> None:
    """The list of workflows tells what each takes and returns."""
    found = {each["name"]: each for each in shop.get("/workflows").json()["workflows"]}
    greet = found["shop.greet"]
    assert greet["doc"] == "Say hello."
    assert [p["name"] for p in greet["parameters"]] == ["name", "loud"]
    assert greet["parameters"][0]["schema"]["type"] == "string"
    assert not greet["parameters"][0]["required"]
    assert found["shop.nap"]["parameters"][0]["required"]


def test_the_server_tells_about_itself(shop: httpx.Client) -> None:
    """Version and health are there, the version in every response."""
    about = shop.get("")
    assert about.json().items() >= {"name": "flawless", "api": "v1"}.items()
    health = shop.get("/health")
    assert health.json()["status"] == "ok"
    assert set(health.json()["executions"]) >= {"running", "completed"}
    for response in (about, health, shop.get("/no-such-path")):
        assert response.headers["Flawless-Version"] == about.json()["version"]
        assert response.headers["Cache-Control"] == "no-store"
