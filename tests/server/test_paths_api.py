"""The paths of executions over HTTP: points, stacks, lines, variables, and what is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from flawless.client import Client
from serving import serving

TRACED = Path(__file__).with_name("traced.py")
CODE = TRACED.read_text().splitlines()
LINES = [{"item": name, "count": n, "cents": 250} for name, n in (("lamp", 2), ("rug", 200))]


def at(text: str) -> int:
    """Return the number of the first line with a text."""
    return next(number for number, line in enumerate(CODE, 1) if text in line)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a server with one execution of each kind."""
    with serving(tmp_path_factory.mktemp("paths") / "data", [TRACED]) as (_, client):
        start(client, "invoice", [LINES], "good")
        start(client, "invoice", [[]], "bad")
        start(client, "patient", [2], "waits", end=False)
        start(client, "together", [["lamp", "rug"]], "async")
        start(client, "many", [300], "many")
        yield client


def start(
    client: httpx.Client, workflow: str, given: list[Any], execution: str, *, end: bool = True
) -> None:
    """Start an execution, and wait for its end, or until it waits itself."""
    body = {"workflow": f"traced.{workflow}", "input": given, "id": execution}
    assert client.post("/executions", json=body).status_code == 201
    while end and "wake_at" in client.get(f"/executions/{execution}/result?wait=20").json():
        pass


def path(client: httpx.Client, execution: str, **query: Any) -> Any:
    """Return the path of an execution."""
    response = client.get(f"/executions/{execution}/path", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def place(client: httpx.Client, execution: str, **query: Any) -> Any:
    """Return what is seen at a place."""
    response = client.get(f"/executions/{execution}/path/variables", params=query)
    assert response.status_code == 200, response.text
    return response.json()


def values(level: Any) -> dict[str, str]:
    """Return the variables of a frame by name."""
    return {one["name"]: one["text"] for one in level["variables"]}


def stack(found: Any, number: int) -> list[tuple[str, int]]:
    """Return function and line of the frames of a point."""
    frames = [found["frames"][n] for n in found["stacks"][found["points"][number]["stack"]]]
    return [(frame["function"], frame["line"]) for frame in frames]


def test_a_path_tells_where_each_effect_was_asked_for(client: httpx.Client) -> None:
    """Points have the entry's position, a label, a moment, and the stack; stacks come once."""
    found = path(client, "good")
    assert [point["label"] for point in found["points"]] == ["step traced.reserve"] * 2
    assert stack(found, 0) == stack(found, 1) == [("invoice", at("shelves.append"))]
    assert len(found["stacks"]) == len(found["frames"]) == 1
    journal = client.get("/executions/good/journal").json()["entries"]
    for point in found["points"]:
        entry = journal[point["position"]]
        assert (entry["kind"], entry["at"]) == (point["kind"], point["at"])
    assert found["end"] == found["status"] == "completed"
    assert found["entries"] == len(journal)
    assert found["traced"]
    assert found["files"] == []


def test_with_lines_a_path_counts_them_and_tells_what_was_missed(client: httpx.Client) -> None:
    """Each executed line has its count; a statement of a function that never ran is missed."""
    found = path(client, "good", lines="true")
    [file] = found["files"]
    assert (file["file"], file["module"]) == ("traced.py", "traced")
    counts = dict(zip(file["counts"][::2], file["counts"][1::2], strict=True))
    assert counts[at("shelves.append")] == counts[at("total += cost")] == 2
    assert counts[at("if line.count > 100")] == 2
    assert counts[at("* 9 // 10")] == counts[at("return line.count * line.cents") + 1] == 1
    assert at("heard.append") in file["missed"]
    assert not set(counts) & set(file["missed"])
    assert found["line_count"] == sum(counts.values())
    assert found["points"][1]["lines_before"] > found["points"][0]["lines_before"] > 0


def test_lines_come_in_order_and_in_pages(client: httpx.Client) -> None:
    """The sequence is the same in one piece and in many, and each line names its function."""
    whole = client.get("/executions/good/path/lines").json()
    functions = {one["number"]: one["function"] for one in whole["functions"]}
    pairs = list(zip(whole["lines"][::2], whole["lines"][1::2], strict=True))
    assert len(pairs) == whole["length"]
    assert (functions[pairs[0][0]], pairs[0][1]) == ("invoice", at("total = 0"))
    assert "cost" in {functions[number] for number, _ in pairs}
    pieces: list[int] = []
    first: int | None = 0
    while first is not None:
        query = {"from": first, "limit": 3}
        page = client.get("/executions/good/path/lines", params=query).json()
        pieces += page["lines"]
        first = page["next"]
    assert pieces == whole["lines"]


def test_variables_at_a_point_with_what_changed_since_the_one_before(client: httpx.Client) -> None:
    """The second step sees what the first one brought, and is told that it is new."""
    seen = place(client, "good", point=1)
    [level] = seen["stack"]
    assert values(level)["total"] == "500"
    assert seen["compared"]
    changed = {one["name"]: one["change"] for one in level["variables"] if "change" in one}
    assert changed == {"total": "changed", "shelves": "changed", "line": "changed"}
    total = next(one for one in level["variables"] if one["name"] == "total")
    assert total["before"] == "0"
    shelves = next(one for one in level["variables"] if one["name"] == "shelves")
    assert [(one["name"], one["change"]) for one in shelves["children"]] == [("[0]", "new")]
    assert "change" not in str(place(client, "good", point=1, changes="false")["stack"])


def test_depth_tells_how_far_values_are_shown(client: httpx.Client) -> None:
    """Without depth a value is one line, with two its parts have parts."""
    flat = place(client, "good", point=0, depth=0)["stack"][0]["variables"]
    assert all("children" not in one for one in flat)
    deep = place(client, "good", point=0, depth=2)["stack"][0]["variables"]
    lines = next(one for one in deep if one["name"] == "lines")
    assert [one["name"] for one in lines["children"][0]["children"]] == ["item", "count", "cents"]


def test_variables_before_each_line_forwards_and_backwards(client: httpx.Client) -> None:
    """Any executed line can be looked at; the order in which one looks makes no difference."""
    lines = client.get("/executions/good/path/lines").json()["lines"][1::2]
    there = [place(client, "good", line=n) for n in range(len(lines))]
    back = [place(client, "good", line=n) for n in reversed(range(len(lines)))]
    assert there == back[::-1]
    assert [seen["stack"][0]["line"] for seen in there] == lines
    asked = [seen for seen in there if seen["stack"][0]["line"] == at("for line in lines")]
    assert [values(seen["stack"][0])["total"] for seen in asked] == ["0", "500", "45500"]


def test_a_failed_execution_shows_where_it_failed(client: httpx.Client) -> None:
    """Without a place the answer is the failing line, with the variables there."""
    found = path(client, "bad")
    frames = [found["frames"][n] for n in found["stacks"][found["raised"]["stack"]]]
    assert [frame["line"] for frame in frames] == [at("return total // len(lines)")]
    seen = place(client, "bad")
    assert seen["raised"]
    assert values(seen["stack"][0]) == {"lines": "[]", "total": "0", "shelves": "[]"}
    assert place(client, "bad", raised="true") == seen


def test_a_running_execution_is_shown_as_far_as_it_got(client: httpx.Client) -> None:
    """The last point is what it waits for, and when its journal has grown, so has the path."""
    found = path(client, "waits")
    last = found["points"][-1]
    assert (last["label"], last["kind"], found["end"]) == (
        "wait for receive word",
        None,
        None,
    )
    assert values(place(client, "waits")["stack"][0])["heard"] == "[]"
    body = {"name": "word", "payload": "hello"}
    assert client.post("/executions/waits/messages", json=body).is_success
    deadline = time.monotonic() + 20
    while path(client, "waits")["entries"] == found["entries"]:
        assert time.monotonic() < deadline
    grown = path(client, "waits")
    assert grown["length"] > found["length"]
    assert "hello" in values(place(client, "waits")["stack"][0])["heard"]


def test_tasks_of_asyncio_are_shown_with_their_variables(client: httpx.Client) -> None:
    """Where all tasks wait, each is shown with its stack; the path has a line for it too."""
    found = path(client, "async")
    waits = [point for point in found["points"] if point["tasks"] and point["task"]]
    assert waits
    seen = place(client, "async", point=waits[0]["number"])
    stacks = {task["stack"][0]["function"]: task["stack"] for task in seen["tasks"]}
    assert set(stacks) == {"together", "fetch"}
    assert values(stacks["fetch"][0])["name"] in ("'lamp'", "'rug'")
    clock = next(
        point
        for point in found["points"]
        if point["label"] == "clock" and point["stack"] is not None
    )
    assert place(client, "async", point=clock["number"])["stack"][0]["line"] == at("time.time()")


def test_points_come_in_pages(client: httpx.Client) -> None:
    """A page has its own tables, and the next one goes on behind it."""
    first = path(client, "many", limit=200)
    assert (first["length"], first["next"], len(first["points"])) == (300, 200, 200)
    second = path(client, "many", **{"from": 200})
    assert [point["number"] for point in second["points"]] == list(range(200, 300))
    assert second["next"] is None


def test_a_slider_does_not_replay_the_whole_each_time(client: httpx.Client) -> None:
    """Forwards the replay goes on from where it stands: many places cost little more than one."""
    place(client, "many", point=0)
    began = time.monotonic()
    for number in range(100, 300, 4):
        seen = place(client, "many", point=number)
        assert values(seen["stack"][0])["number"] == str(number)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("where", "status", "word"),
    [
        ("/executions/nobody/path", 404, "no execution"),
        ("/executions/good/path?colour=red", 422, "colour"),
        ("/executions/good/path?limit=0", 422, "limit"),
        ("/executions/good/path/variables?point=2", 404, "has 2"),
        ("/executions/good/path/variables?line=100000", 404, "there is no executed line"),
        ("/executions/good/path/variables?raised=true", 404, "has not raised"),
        ("/executions/good/path/variables?depth=9", 422, "depth"),
    ],
)
def test_what_is_not_there_is_refused(
    client: httpx.Client, where: str, status: int, word: str
) -> None:
    """Each refusal says what was wrong, and what to do."""
    response = client.get(where)
    assert response.status_code == status, response.text
    assert word in response.json()["detail"]
    assert response.json()["hint"]


def test_a_long_replay_does_not_stop_the_engine(client: httpx.Client) -> None:
    """While a workflow that computes is traced line by line, another execution starts and ends."""
    start(client, "compute", [200_000], "computes")
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(path(client, "computes", lines="true")))
    thread.start()
    began, done = time.monotonic(), 0
    while thread.is_alive() and done < 5:
        start(client, "many", [1], f"beside-{done}")
        done += 1
    took = time.monotonic() - began
    thread.join()
    assert done == 5
    assert took < 5
    assert found[0]["line_count"] > 400_000


def test_a_replay_ends_when_its_client_has_left(client: httpx.Client) -> None:
    """Who gives up waiting for a trace of more than twenty seconds does not keep others from it."""
    start(client, "compute", [5_000_000], "endless")
    with pytest.raises(httpx.ReadTimeout):
        client.get("/executions/endless/path?lines=true", timeout=0.3)
    began = time.monotonic()
    assert path(client, "async", lines="true")["line_count"]
    assert time.monotonic() - began < 10


def test_the_client_reads_paths(client: httpx.Client) -> None:
    """`path`, `path_lines` and `point` are the same as typed documents."""
    with Client(str(client.base_url).partition("/api/")[0]) as reader:
        found = reader.path("good", lines=True)
        assert found.points[1].label == "step traced.reserve"
        assert reader.path_lines("good", first=1, limit=1).lines == [
            found.functions[0].number,
            at("shelves: list"),
        ]
        assert reader.point("good", 1).stack[0].function == "invoice"
        assert reader.point("bad").raised
