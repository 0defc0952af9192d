"""Metrics: they move with what happens, have bounds, and are what the documentation says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from asking import act, await_status, end, start
from watching import Metrics, scrape

from flawless.engine.telemetry import OTHERS, WORKFLOWS_MAX, Telemetry
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.base import Chunk, Create
from repository import ROOT
from serving import DESK, SHOP, serving

ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| (.+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Give a client of a server that no other module asks."""
    with serving(tmp_path_factory.mktemp("watched"), [SHOP, DESK]) as (_, client):
        yield client


def test_executions_are_counted(own: httpx.Client) -> None:
    """Beginnings and ends by workflow and status, with the time between them."""
    before = scrape(own)
    for _ in range(3):
        end(own, start(own, "shop.greet").json()["id"])
    end(own, start(own, "shop.stumble", ["a stone"]).json()["id"])
    after = scrape(own)

    def grown(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    assert grown("executions_started_total", workflow="shop.greet") == 3
    assert grown("executions_ended_total", workflow="shop.greet", status="completed") == 3
    assert grown("executions_ended_total", workflow="shop.stumble", status="failed") == 1
    assert grown("execution_duration_seconds_count", workflow="shop.greet") == 3
    assert 0 < grown("execution_duration_seconds_sum", workflow="shop.greet") < 60
    assert grown("journal_entries_total") >= 8
    assert grown("journal_bytes_total") > 8 * 30
    commits = grown("commit_duration_seconds_count")
    assert commits == grown("commit_writes_count") > 0
    assert grown("commit_writes_sum") >= 8


def test_starting_with_a_known_id_begins_nothing(own: httpx.Client) -> None:
    """The same start twice counts once."""
    before = scrape(own)
    for _ in range(2):
        start(own, "shop.greet", id="twice")
    end(own, "twice")
    after = scrape(own)
    name = "executions_started_total"
    assert after(name, workflow="shop.greet") - before(name, workflow="shop.greet") == 1


def test_executions_by_status(own: httpx.Client) -> None:
    """What waits is a gauge, and so is what is in memory."""
    count = scrape(own)("executions", status="waiting")
    start(own, "shop.nap", [3600], id="napping")
    await_status(own, "napping", "waiting")
    while scrape(own)("executions", status="waiting") != count + 1:
        pass  # counts are taken anew when that is cheap
    act(own, "napping", "cancel")
    end(own, "napping")
    while scrape(own)("executions", status="waiting") != count:
        pass


def test_steps_are_counted_with_their_attempts(own: httpx.Client, tmp_path: Path) -> None:
    """Attempts, retries, and how long a step took with all of them."""
    before = scrape(own)
    gate = tmp_path / "gate"
    start(own, "shop.wait_for_gate", [str(gate)], id="gated")
    while scrape(own)("step_retries_total") - before("step_retries_total") < 2:
        pass
    assert scrape(own)("effects_in_flight") == 1
    gate.write_text("open")
    end(own, "gated")
    after = scrape(own)
    attempts = after("step_attempts_total") - before("step_attempts_total")
    retries = after("step_retries_total") - before("step_retries_total")
    assert attempts == retries + 1 >= 3
    name = "effect_duration_seconds"
    assert after(f"{name}_count", kind="step") - before(f"{name}_count", kind="step") == 1
    assert after(f"{name}_sum", kind="step") - before(f"{name}_sum", kind="step") >= 0.04
    assert after("effects_failed_total", kind="step") == before("effects_failed_total", kind="step")
    assert after("effects_in_flight") == 0


def test_messages_are_counted_by_what_became_of_them(own: httpx.Client) -> None:
    """Sent, sent twice, and too late; signals of the engine's own are no messages."""
    before = scrape(own)
    start(own, "desk.listen", id="listens")
    for _ in range(2):
        own.post("/executions/listens/messages", json={"name": "word", "payload": 1, "id": "m"})
    end(own, "listens")
    own.post("/executions/listens/messages", json={"name": "word", "payload": 2})
    after = scrape(own)
    for outcome in ("sent", "duplicate", "ended"):
        name = "messages_total"
        assert after(name, outcome=outcome) - before(name, outcome=outcome) == 1, outcome


def test_next_runs_and_retries_are_counted(own: httpx.Client, tmp_path: Path) -> None:
    """A run that goes on is no new execution, nor is a failed one that is retried."""
    before = scrape(own)
    end(own, start(own, "desk.rounds", [3]).json()["id"])
    missing = tmp_path / "missing"
    start(own, "desk.report", [str(tmp_path / "notes"), str(missing)], id="report")
    assert end(own, "report")["status"] == "failed"
    missing.write_text("found")
    act(own, "report", "retry")
    assert end(own, "report")["status"] == "completed"
    after = scrape(own)
    for name, labels, wanted in (
        ("executions_continued_total", {"workflow": "desk.rounds"}, 2),
        ("executions_started_total", {"workflow": "desk.rounds"}, 1),
        ("executions_retried_total", {}, 1),
        ("executions_ended_total", {"workflow": "desk.report", "status": "failed"}, 1),
        ("executions_ended_total", {"workflow": "desk.report", "status": "completed"}, 1),
        ("replays_total", {"reason": "retried"}, 1),
        ("effects_failed_total", {"kind": "step"}, 1),
    ):
        assert after(name, **labels) - before(name, **labels) == wanted, name


def test_requests_are_counted_by_route(own: httpx.Client) -> None:
    """Whatever ids and paths are asked for, the number of series stays the same."""
    for n in range(50):
        own.get(f"/executions/nobody-{n}")
        own.get(f"/nothing/{n}")
        own.request(f"ODD{n}", "/health")
    found = scrape(own)
    one = "/api/v1/executions/{id}"
    assert found("http_requests_total", method="GET", route=one, status="404") >= 50
    assert found("http_answer_seconds_count", route=one) >= 50
    assert found("http_requests_total", method="GET", route="(none)", status="404") >= 50
    methods = {labels["method"] for labels in found.series("http_requests_total")}
    assert "(other)" in methods
    assert not any("ODD" in method for method in methods)
    routes = {labels["route"] for labels in found.series("http_requests_total")}
    assert not any("nobody" in route or "nothing" in route for route in routes)
    assert found("http_requests_in_flight") == 1  # this one


def test_event_streams_are_counted_while_they_are_read(own: httpx.Client) -> None:
    """A reader of events is a gauge, not a request that never ends."""
    route = "/api/v1/events"
    with own.stream("GET", "/events") as stream:
        lines = stream.iter_lines()  # kept: who forgets it has left
        assert next(lines).startswith("retry")
        assert scrape(own)("event_streams", route=route) == 1
    while scrape(own)("event_streams", route=route):
        pass


def test_the_process_and_the_store_are_measured(own: httpx.Client) -> None:
    """Memory, files, size of the store, guests, and what runs here."""
    found = scrape(own)
    values = {
        sample.name: sample.value for family in found.families.values() for sample in family.samples
    }
    assert values["process_resident_memory_bytes"] > 10_000_000
    assert values["process_open_fds"] > 3
    assert found("store_size_bytes") > 1_000_000
    assert found("guests_max") == 200
    assert found("ready") == 1
    assert found("store_failing") == 0
    (build,) = found.series("build_info")
    assert set(build) == {"version", "python"}


def test_the_number_of_workflows_counted_by_name_has_a_bound() -> None:
    """Whoever deploys thousands of workflows does not fill the memory of a monitoring system."""
    telemetry = Telemetry()
    for n in range(2 * WORKFLOWS_MAX):
        execution = ExecutionId(f"e{n}")
        create = Create(execution, f"app.w{n}", DeploymentId("d"), b"", 1, Chunk(0, 1, b"x"))
        telemetry.wrote(create, None)
        telemetry.execution_ended(execution, f"app.w{n}", "completed", 5)
    assert len(telemetry.started) == len(telemetry.life_s) == WORKFLOWS_MAX + 1
    assert telemetry.started[OTHERS] == telemetry.ended[OTHERS, "completed"] == WORKFLOWS_MAX


def test_the_documentation_has_each_metric(own: httpx.Client) -> None:
    """Names, types, labels and meanings in the table are those of the server."""
    start(own, "shop.greet", id="for-the-table", wait_s=30)
    text = (ROOT / "docs" / "reference" / "metrics.md").read_text()
    documented = {name: (kind, labels, text) for name, kind, labels, text in ROW.findall(text)}
    exposed = _described(scrape(own))
    assert documented.keys() == exposed.keys()
    for name, (kind, labels, meaning) in exposed.items():
        assert documented[name][0] == kind, name
        assert documented[name][2] == meaning, name
        named = set(re.findall(r"`(\w+)`", documented[name][1]))
        assert labels is None or named == labels, name


def _described(found: Metrics) -> dict[str, tuple[str, set[str] | None, str]]:
    """Return type, labels (None: nothing was counted) and meaning of each metric."""
    described = {}
    for family in found.families.values():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        described[name] = (
            family.type,
            labels if family.samples else None,
            family.documentation,
        )
    return described
