"""Mishaps: logs that raise, components to be compiled first, guests that do not begin."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

import flawless
from flawless import workflow
from flawless.engine.changes import Changes, Watch
from flawless.engine.components import Components
from flawless.engine.execution import LiveExecution
from flawless.engine.scheduler import Scheduler
from flawless.engine.service import Service
from flawless.engine.telemetry import Telemetry
from flawless.engine.tracing.tracer import Tracer
from flawless.stores import MemoryStore


@workflow
def says(word: str) -> str:
    logging.getLogger("mishaps").warning("%s", word)
    return word


def serving(work: Callable[[Service], Awaitable[None]], **settings: Any) -> None:
    """Run a test with a service on this module."""

    async def main() -> None:
        service = Service(MemoryStore(), [__name__], settings=flawless.Settings(**settings))
        await service.open()
        try:
            await work(service)
        finally:
            await service.close()

    asyncio.run(asyncio.wait_for(main(), 120))


async def says_so(service: Service, name: str) -> None:
    """Run an execution to its end."""
    await service.start(f"{__name__}.says", b'{"a":["%b"],"k":{}}' % name.encode(), name)
    end = await service.end(name, 60)
    assert end is not None
    assert end.payload == b'"%b"' % name.encode()


def test_logs_that_raise_stop_nothing() -> None:
    """Executions end, and the next ones run, also when no record can be logged at all."""

    def bug(record: logging.LogRecord) -> bool:
        raise RuntimeError("a filter of the user's")

    loggers = [logging.getLogger(f"flawless.{name}") for name in ("workflow", "store", "engine")]

    async def work(service: Service) -> None:
        for logger in loggers:
            logger.addFilter(bug)
        await says_so(service, "a")
        await says_so(service, "b")
        assert service.monitor.ready

    try:
        serving(work, workflow_logs=True)
    finally:
        for logger in loggers:
            logger.removeFilter(bug)


def test_a_tracer_with_a_bug_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it is asked for before an effect, or when an execution is loaded, may fail."""

    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("a bug")

    tracer = Tracer.__new__(Tracer)
    tracer._spans = Broken()  # type: ignore[assignment]  # that is the point
    tracer._stories = {"a": Broken()}  # type: ignore[dict-item]  # likewise
    with monkeypatch.context() as patch:
        patch.setattr(Tracer, "_story", Broken.__getattr__)
        assert tracer.caller() is None
        assert tracer.begins("a", 1, Broken(), 0) == ""  # type: ignore[arg-type]  # likewise
        record = SimpleNamespace(id="b")
        tracer.loaded(record, [])  # type: ignore[arg-type]  # (all it needs)


def test_a_component_is_compiled_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever wants it meanwhile waits for the same, and guests keep to their number."""
    compiled: list[int] = []
    guests: list[int] = []
    compile_, begin = Components.load, LiveExecution.begin

    async def counted(self: Components, wasm: bytes) -> Any:
        compiled.append(len(wasm))
        return await compile_(self, wasm)

    def watched(self: LiveExecution, *args: Any) -> None:
        guests.append(self._host.guests)  # type: ignore[attr-defined]  # the scheduler
        begin(self, *args)

    async def work(service: Service) -> None:
        monkeypatch.setattr(Components, "load", counted)
        monkeypatch.setattr(LiveExecution, "begin", watched)
        library = service._library
        latest = library.latest(f"{__name__}.says")
        assert latest is not None
        library._components.clear()
        found = asyncio.gather(*(library.find(latest.id) for _ in range(20)))
        await asyncio.gather(*(says_so(service, f"e{n}") for n in range(6)))
        assert len({id(component) for _, component in await found}) == 1
        assert len(compiled) == 1
        assert len(guests) >= 6
        assert max(guests) <= 2

    serving(work, guests_max=2)


def test_a_lost_component_is_an_error_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told to each who waits, and looked for again by the next."""

    async def work(service: Service) -> None:
        library, store = service._library, service.store
        latest = library.latest(f"{__name__}.says")
        assert latest is not None
        library._components.clear()

        async def nothing(_: str) -> None:
            return None

        with monkeypatch.context() as patch:
            patch.setattr(store, "blob", nothing)
            finds = [library.find(latest.id) for _ in range(3)]
            found = await asyncio.gather(*finds, return_exceptions=True)
            assert [type(error) for error in found] == [flawless.DeploymentInvalid] * 3
        await library.find(latest.id)

    serving(work)


def test_a_guest_that_does_not_begin_is_begun_by_the_loader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The execution is durable, so it has to run, and the room of the first guest is free again."""
    begin = LiveExecution.begin
    failed: list[str] = []

    def fails_once(self: LiveExecution, *args: Any) -> None:
        if not failed:
            failed.append(self.id)
            raise RuntimeError("no guest")
        begin(self, *args)

    async def work(service: Service) -> None:
        monkeypatch.setattr(LiveExecution, "begin", fails_once)
        await says_so(service, "a")
        assert failed == ["a"]
        await says_so(service, "b")

    serving(work, guests_max=1)


def test_a_replay_is_noted() -> None:
    """Whoever watches the execution hears of it at once, and the list does not."""
    changes = Changes()
    scheduler = Scheduler.__new__(Scheduler)
    scheduler._changes, scheduler._telemetry = changes, Telemetry()
    listed = Watch()
    changes.open_feed(listed)
    with changes.watch("x") as watch:
        assert watch.take()
        assert listed.take()
        scheduler.replayed(SimpleNamespace(id="x"), 1)  # type: ignore[arg-type]  # (all it needs)
        assert watch.pending
        assert not listed.pending
