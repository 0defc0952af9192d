"""Probes, samples, restarts and replays: what those see who watch over an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from asking import await_kind, await_status, end, start
from starlette.applications import Starlette
from watching import Metrics, root, with_app

import flawless
from flawless.core.status import Status
from flawless.engine import monitor, replay_log, stats
from flawless.engine.clock import SystemClock
from flawless.engine.histogram import Histogram
from flawless.engine.replay_log import Replays
from flawless.engine.service import Service
from flawless.engine.stats import Gauges, Stats
from flawless.engine.telemetry import Telemetry
from flawless.errors import StoreError
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import MemoryStore
from flawless.stores.base import Append, Chunk, Create, Write
from serving import serving


class FullStore(MemoryStore):
    """Has no room for anything while `full` is set."""

    full = False

    async def commit(self, writes: Sequence[Write], *, inline: bool = False) -> Any:
        """See `Store.commit`."""
        if self.full:
            raise StoreError("commit", "no space is left", "Free some.", retriable=True)
        return await super().commit(writes, inline=inline)

    async def counts(self) -> Any:
        """See `Store.counts`."""
        if self.full:
            raise StoreError("count", "the disk is gone", "Mount it.", retriable=True)
        return await super().counts()


# --- probes ---------------------------------------------------------------------------------------


def test_a_store_in_trouble_is_alive_and_not_ready() -> None:
    """Traffic is sent elsewhere, the process is not killed, and metrics say what is wrong."""
    store = FullStore()

    async def work(client: httpx.AsyncClient, app: Starlette) -> None:
        async def ask(path: str) -> tuple[int, str]:
            answer = await client.get(path)
            return answer.status_code, answer.text

        assert await ask("/healthz") == (200, "ok\n")
        assert await ask("/readyz") == (200, "ready\n")
        store.full = True
        body = {"workflow": "shop.greet", "id": "meanwhile"}
        assert (await client.post("/api/v1/executions", json=body)).status_code == 503
        assert await ask("/healthz") == (200, "ok\n")
        assert await ask("/readyz") == (503, "not ready\n")
        found = Metrics((await client.get("/metrics")).text)
        assert (found("store_failing"), found("ready")) == (1, 0)
        assert found("store_problems_total") == 1
        store.full = False
        while (await ask("/readyz"))[0] != 200:
            await asyncio.sleep(0)
        found = Metrics((await client.get("/metrics")).text)
        assert (found("store_failing"), found("ready")) == (0, 1)
        assert found("store_problems_total") == 1

    with_app(Service(store, ["shop"]), work)


def test_a_server_that_stops_is_not_ready() -> None:
    """From the moment it is told to stop, no new work should be sent to it."""

    async def work(client: httpx.AsyncClient, app: Starlette) -> None:
        app.state.stopping.set()
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200

    with_app(Service(MemoryStore(), ["shop"]), work)


def test_an_engine_whose_loader_is_gone_is_not_ready() -> None:
    """If what loads executions has died of a bug, somebody has to look."""
    service = Service(MemoryStore(), ["shop"])

    async def work(client: httpx.AsyncClient, app: Starlette) -> None:
        (loader,) = [t for t in asyncio.all_tasks() if t.get_name() == "flawless-loader"]
        loader.cancel()
        await asyncio.gather(loader, return_exceptions=True)
        await asyncio.sleep(0)
        assert (await client.get("/readyz")).status_code == 503

    with_app(service, work)


def test_a_closed_engine_is_not_ready() -> None:
    """Before it is opened and after it was closed, an engine takes nothing."""
    service = Service(MemoryStore(), ["shop"])
    assert not service.monitor.ready

    async def work(client: httpx.AsyncClient, app: Starlette) -> None:
        assert service.monitor.ready
        await service.close(0.0)
        assert (await client.get("/readyz")).status_code == 503

    with_app(service, work)


# --- samples --------------------------------------------------------------------------------------


def test_samples_tell_what_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    """One after another, each with what happened since the one before."""
    monkeypatch.setattr(monitor, "INTERVAL_S", 0.01)
    monkeypatch.setattr(monitor, "_LAG_LOOK_S", 0.01)

    async def work(client: httpx.AsyncClient, app: Starlette) -> None:
        body = {"workflow": "shop.greet", "wait_s": 30}
        for _ in range(3):
            assert (await client.post("/api/v1/executions", json=body)).status_code == 201

        async def samples() -> list[dict[str, Any]]:
            answer = await client.get("/api/v1/stats")
            assert answer.status_code == 200, answer.text
            document = answer.json()
            assert document["guests_max"] == 200
            found: list[dict[str, Any]] = document["samples"]
            return found

        while sum(one["ended"] for one in await samples()) < 3:
            await asyncio.sleep(0)
        found = await samples()
        assert sum(one["started"] for one in found) == 3
        assert sum(one["commits"] for one in found) > 0
        assert sum(one["journal_bytes"] for one in found) > 100
        assert any(one["commit_ms_p50"] is not None for one in found)
        assert [one["at"] for one in found] == sorted(one["at"] for one in found)
        latest = found[-1]
        assert latest["memory_bytes"] > 10_000_000
        assert set(latest["executions"]) == set(flawless.Status)
        assert latest["lag_ms"] >= 0

    with_app(Service(MemoryStore(), ["shop"]), work)


def gauges(at_us: int) -> Gauges:
    """Return some gauges."""
    return Gauges(at_us, {}, 1, 2, 3, 4, 5, float(at_us), 0.0)


def test_the_ring_of_samples_has_a_bound() -> None:
    """An hour of samples, however long a process lives."""
    ring = Stats(Telemetry())
    for n in range(2 * stats.SAMPLES_MAX):
        ring.take(gauges(n), 5.0)
    assert len(ring.samples) == stats.SAMPLES_MAX
    assert ring.samples[-1].gauges.at_us == 2 * stats.SAMPLES_MAX - 1


def test_samples_behind_one_that_is_known() -> None:
    """Only what was taken after it, also when the clock has been set back meanwhile."""
    ring = Stats(Telemetry())
    for at_us in (0, 10, 20, 30, 5, 15):
        ring.take(gauges(at_us), 5.0)

    def behind(at_us: int) -> list[int]:
        return [one.gauges.at_us for one in ring.behind(at_us)]

    assert behind(10) == [20, 30, 5, 15]
    assert behind(30) == [5, 15]
    assert behind(15) == []
    assert behind(-1) == [10, 20, 30, 5, 15]  # (the first of all only begins to count)
    assert behind(29) == [30]
    assert behind(31) == []


def test_samples_are_asked_for_from_one_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the moment of the last one known, a chart hears only what is new."""
    monkeypatch.setattr(monitor, "INTERVAL_S", 0.01)
    monkeypatch.setattr(monitor, "_LAG_LOOK_S", 0.01)
    service = Service(MemoryStore(), ["shop"])

    async def work(client: httpx.AsyncClient, app: Starlette) -> None:
        async def samples(**query: str) -> list[dict[str, Any]]:
            answer = await client.get("/api/v1/stats", params=query)
            assert answer.status_code == 200, answer.text
            found: list[dict[str, Any]] = answer.json()["samples"]
            return found

        while len(service.monitor.samples()) < 4:
            await asyncio.sleep(0)
        known = await samples()
        later = await samples(after=known[1]["at"])
        assert later[: len(known) - 2] == known[2:]
        assert await samples(after="2999-01-01T00:00:00Z") == []
        assert (await samples(after="1999-01-01T00:00:00Z"))[: len(known)] == known
        for wrong in ({"after": "yesterday"}, {"before": known[0]["at"]}):
            answer = await client.get("/api/v1/stats", params=wrong)
            assert answer.status_code == 422
            assert answer.json()["path"] == next(iter(wrong))

    with_app(service, work)


def test_a_sample_counts_since_the_one_before() -> None:
    """What was counted earlier does not come again."""
    telemetry = Telemetry()
    ring = Stats(telemetry)
    telemetry.effect_ended("step", 1_000, failed=False)
    ring.take(gauges(0), 5.0)
    telemetry.effect_ended("step", 40_000, failed=True)
    telemetry.effect_ended("http", 1_000, failed=False)
    telemetry.committed(0.003, 7)
    ring.take(gauges(10), 5.0)
    ring.take(gauges(15), 5.0)
    first, second = ring.samples
    assert (first.steps, first.effects, first.effects_failed) == (1, 2, 1)
    assert (first.commits, first.writes, first.cpu) == (1, 7, 2.0)
    assert first.step_ms_p50 is not None
    assert 25 <= first.step_ms_p50 <= 50
    assert (second.steps, second.commits, second.step_ms_p95) == (0, 0, None)


def test_quantiles_lie_between_the_right_bounds() -> None:
    """They are estimates, and never further off than the bounds they lie between."""
    values = Histogram((1.0, 2.0, 5.0, 10.0))
    assert values.quantile(0.5) is None
    for value in (0.5, 1.0, 1.5, 3.0, 4.0, 4.5, 5.0, 7.0, 100.0, 200.0):
        values.add(value)
    assert values.counts == [2, 1, 4, 1, 2]
    assert values.count == 10
    for share, least, most in ((0.1, 0, 1), (0.3, 1, 2), (0.5, 2, 5), (0.8, 5, 10), (1.0, 10, 10)):
        found = values.quantile(share)
        assert found is not None
        assert least <= found <= most, share


# --- restarts -------------------------------------------------------------------------------------


def test_restarts_tell_whether_the_engine_was_killed(tmp_path: Path) -> None:
    """After `kill -9` the next opening is not clean, after a stop in order it is."""
    with serving(tmp_path) as (server, client):
        (first,) = client.get("/restarts").json()["restarts"]
        assert first["clean"]
        assert first["version"] == client.get("").json()["version"]
        server.kill()
    with serving(tmp_path) as (server, client):
        found = client.get("/restarts").json()["restarts"]
        assert [one["clean"] for one in found] == [False, True]
        assert found[1] == first
        assert found[0]["at"] > found[1]["at"]
        assert httpx.get(f"{root(client)}/readyz", trust_env=False).status_code == 200
        assert server.stop() == 0
    with serving(tmp_path) as (_, client):
        found = client.get("/restarts").json()["restarts"]
        assert [one["clean"] for one in found] == [True, False, True]


# --- replays --------------------------------------------------------------------------------------


def test_replays_tell_when_and_why(tmp_path: Path) -> None:
    """What was killed in a step was replayed because of the restart; a sleeper because it woke."""
    notes, gate = tmp_path / "notes", tmp_path / "gate"
    data = tmp_path / "data"
    with serving(data) as (server, client):
        start(client, "shop.journey", [str(notes), str(gate)], id="journey")
        await_kind(client, "journey", "slept")
        start(client, "shop.nap", [1.6], id="nap")
        await_kind(client, "nap", "slept")
        assert end(client, "nap")["status"] == "completed"
        (woken,) = client.get("/executions/nap").json()["replays"]
        assert woken["reason"] == "woken"
        assert woken["entries"] >= 1
        server.kill()
    with serving(data) as (_, client):
        while not (found := client.get("/executions/journey").json()["replays"]):
            await_status(client, "journey", "running")
        assert found[0]["reason"] == "restart"
        assert found[0]["entries"] >= 2
        assert found[0]["took_us"] > 0
        while len(found := client.get("/executions/journey").json()["replays"]) < 2:
            # its guest makes way while the gate is closed
            if found and not gate.exists():
                metrics = httpx.get(f"{root(client)}/metrics", trust_env=False).text
                if Metrics(metrics)("evictions_total") > 0:
                    gate.write_text("open")
        assert found[1]["reason"] == "evicted"
        assert end(client, "journey")["status"] == "completed"
        assert client.get("/executions/nap").json()["replays"] == []


def test_what_is_remembered_of_replays_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The latest of each, of the executions that were replayed last."""
    monkeypatch.setattr(replay_log, "EXECUTIONS_MAX", 3)
    monkeypatch.setattr(replay_log, "OF_ONE_MAX", 2)

    async def main() -> None:
        known = Replays()

        def replay(name: str, at_us: int) -> None:
            known.begin(ExecutionId(name), "woken", at_us)
            known.done(ExecutionId(name), 5)

        for at_us, name in enumerate(["a", "b", "a", "c", "a", "d"]):
            replay(name, at_us)
        assert [one.at_us for one in known.of(ExecutionId("a"))] == [2, 4]
        assert known.of(ExecutionId("b")) == []
        assert [one.at_us for one in known.of(ExecutionId("d"))] == [5]
        assert known.counts == {"woken": 6}
        assert known.entries == 30
        known.begin(ExecutionId("e"), "restart", 9)
        known.left(ExecutionId("e"))
        known.done(ExecutionId("e"), 1)
        assert known.of(ExecutionId("e")) == []

    asyncio.run(main())


# --- backlog --------------------------------------------------------------------------------------


def test_sleepers_whose_time_has_come_are_a_backlog(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many there are, up to a bound, and for how long the first has waited."""
    monkeypatch.setattr(monitor, "DUE_MAX", 5)

    class At(SystemClock):
        now = 0

        def now_us(self) -> int:
            """Return what was set."""
            return self.now

    async def main() -> None:
        clock, store = At(), MemoryStore()
        await store.open()
        watched = monitor.Monitor(store, clock, flawless.Settings())
        assert (await watched.backlog()).due == 0
        for n in range(8):
            name = ExecutionId(f"e{n}")
            create = Create(name, "w", DeploymentId("d"), b"", 1, Chunk(0, 1, b"x"))
            wake_us = (n + 1) * 1_000_000
            await store.commit([create, Append(name, None, Status.WAITING, wake_us, 1)])
        found = await watched.backlog()
        assert (found.due, found.due_lag_s) == (0, 0.0)
        clock.now = 3_500_000
        found = await watched.backlog()
        assert (found.due, found.due_lag_s) == (3, 2.5)
        clock.now = 100_000_000
        assert (await watched.backlog()).due == 5
        await store.close()
        assert (await watched.backlog()).size_bytes is None

    asyncio.run(main())
