"""Of many that start together some follow: they hold up nobody, and nobody them for ever."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import life_programs as programs
import pytest

import flawless
from flawless.engine import crowd
from flawless.engine.crowd import GUESTS, MOMENT_S, Crowd
from flawless.engine.queued import Queued
from flawless.ids import ExecutionId

pytestmark = pytest.mark.anyio

PREPARED: Any = SimpleNamespace(preparation=object())
NOT_PREPARED: Any = SimpleNamespace(preparation=None)


class Hall:
    """A crowd, whose guests a test counts."""

    def __init__(self, guests: int = GUESTS) -> None:
        self.guests = guests
        self.queued = Queued()
        self.changed = asyncio.Event()
        self.crowd = Crowd(self.queued, lambda: self.guests, self.changed)

    def follow(self, *names: str) -> None:
        """Queue followers."""
        for name in names:
            self.queued.put(ExecutionId(name), "begun", "follower")

    def come(self, name: str) -> None:
        """Queue one that has begun."""
        self.queued.put(ExecutionId(name), "woken")
        self.changed.set()

    def go(self, count: int = 1) -> None:
        """Let guests end."""
        self.guests -= count
        self.crowd.guest_gone()
        self.changed.set()

    async def next(self) -> str:
        """Take the next one, who begins."""
        name, _ = self.queued.take(follower=await self.crowd.turn())
        self.guests += 1
        return name


async def test_who_follows() -> None:
    """Those whose guests are prepared, where there are many, or others follow already."""
    hall = Hall(GUESTS - 1)
    assert not hall.crowd.holds_back(PREPARED)
    hall.follow("a")
    assert hall.crowd.holds_back(PREPARED)
    full = Hall(GUESTS)
    assert full.crowd.holds_back(PREPARED)
    assert not full.crowd.holds_back(NOT_PREPARED)
    assert not full.queued  # asking leaves nothing


async def test_a_follower_holds_up_nobody() -> None:
    """One that has begun goes first, also if it comes while a follower waits already."""
    hall = Hall()
    hall.follow("follower")
    hall.come("early")
    assert await hall.next() == "early"
    waiting = asyncio.ensure_future(hall.next())
    await asyncio.sleep(0)
    hall.come("late")
    assert await waiting == "late"
    assert "follower" in hall.queued


async def test_followers_come_as_others_go() -> None:
    """In the order in which they came, one for each guest that ends."""
    hall = Hall()
    hall.follow("a", "b")
    waiting = asyncio.ensure_future(hall.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    hall.go()
    assert await waiting == "a"
    hall.go()
    assert await hall.next() == "b"


async def test_where_nobody_goes_more_may_come() -> None:
    """After a moment twice as many, and only so many again once the crowd has gone."""
    hall = Hall()
    hall.follow(*(str(n) for n in range(GUESTS + 1)))
    for n in range(GUESTS):
        assert await hall.next() == str(n)
    assert hall.crowd.holds_back(PREPARED)
    hall.go(hall.guests - GUESTS)
    hall.queued.take(follower=True)
    assert not hall.crowd.holds_back(PREPARED)
    hall.go()
    hall.guests = GUESTS
    assert hall.crowd.holds_back(PREPARED)


async def test_nobody_holds_up_followers_for_ever() -> None:
    """Where others never cease to come, and none ends, they and followers have turns."""
    hall = Hall()
    hall.follow("a", "b", "c")
    hall.come("other")
    seen = []
    loop = asyncio.get_running_loop()
    while hall.queued.following:
        seen.append(await hall.next())
        hall.queued.put(ExecutionId("other"), "woken")
        if seen[-1] == "other":
            passed = asyncio.Event()
            loop.call_later(MOMENT_S * 1.5, passed.set)
            await passed.wait()
    assert seen == ["other", "a", "other", "b", "other", "c"]


def test_a_start_that_is_not_made_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An id that is taken already does not stay in the queue, and all who follow end."""
    monkeypatch.setattr(crowd, "GUESTS", 0)
    with flawless.Engine(modules=[programs]) as engine:
        runs = [engine.start(programs.plain, n, id=f"run-{n}") for n in range(5)]
        again = [engine.start(programs.plain, n, id=f"run-{n}") for n in range(5)]
        assert [run.result(30) for run in [*runs, *again]] == [*range(5), *range(5)]
        with pytest.raises(flawless.ExecutionConflict):
            engine.start(programs.plain, 7, id="run-1")
        scheduler = cast("Any", engine._service._scheduler)
        assert scheduler.queued == 0
