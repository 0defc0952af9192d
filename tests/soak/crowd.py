"""The load of a soak: executions started at a steady rate, and what became of each."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from kinds import KINDS, Kind
from ledger import Ledger
from people import Visit

import flawless
from flawless.client import AsyncClient

PREFIX = "soak-"
FOLLOWED = {"many", "steps", "sleeps", "requests"}
"""Executions of one run: some of them are followed through their events."""
FOLLOWED_PART = 0.2
RECENT_S = 600.0
TROUBLES_MAX = 100


@dataclass(slots=True)
class Started:
    """One execution that was started, with what its caller was told. Times since the epoch."""

    id: str
    kind: Kind
    language: str
    began_s: float
    calm: bool
    ended_s: float | None = None
    result: Any = None
    error: str | None = None

    @property
    def latency_ms(self) -> float | None:
        """From start to result, as the caller saw it."""
        return None if self.ended_s is None else (self.ended_s - self.began_s) * 1_000


class Crowd:
    """Everybody outside: those who start executions, deal with them, and look on."""

    def __init__(
        self,
        url: str,
        ledger: Ledger,
        languages: Sequence[str],
        kinds: Sequence[str],
        chance: Random,
        pause_s_max: float,
    ) -> None:
        self._ledger = ledger
        self._chance = chance
        self._pause_s_max = pause_s_max
        self._calls = AsyncClient(url, chance=Random(chance.random()))
        self._streams = AsyncClient(url, chance=Random(chance.random()))
        chosen = [kind for kind in KINDS if not kinds or kind.name in kinds]
        self.choices = [
            (kind, language) for kind in chosen for language in kind.languages(tuple(languages))
        ]
        self._weights = [
            kind.weight / len(kind.languages(tuple(languages))) for kind, _ in self.choices
        ]
        self.started: list[Started] = []
        self.errors: Counter[str] = Counter()
        self.troubles: list[str] = []
        """What should never be seen from outside."""
        self.followed = 0
        self._mirror: dict[str, str] = {}
        self._busy: set[asyncio.Task[None]] = set()
        self._looking = asyncio.ensure_future(self._look_on())

    async def start_each(self) -> None:
        """Start one of each and wait for their ends: what all others are compared with."""
        for kind, language in self.choices:
            self._start(kind, language, calm=True)
        await self.ended()

    async def start_steadily(self, rate: float) -> None:
        """Start so many a second, chosen by weight, until cancelled."""
        due_s = time.time()
        while True:
            self.start_at_once(1)
            due_s += 1 / rate
            await asyncio.sleep(max(0.0, due_s - time.time()))

    def start_at_once(self, count: int) -> None:
        """Start so many, chosen by weight."""
        for kind, language in self._chance.choices(self.choices, self._weights, k=count):
            self._start(kind, language, calm=False)

    async def ended(self, timeout_s: float | None = None) -> bool:
        """Wait until everybody has been told an end; False if that takes too long."""
        if self._busy:
            await asyncio.wait(self._busy, timeout=timeout_s)
        return not self._busy

    async def idle(self, timeout_s: float) -> list[str]:
        """Wait until nothing is left to do; return the executions that have not ended."""
        until = time.monotonic() + timeout_s
        while True:
            left = []
            for status in ("running", "waiting", "parked"):
                page = await self._calls.list(status=status, limit=10)
                left += [f"{one.id} is {one.status}" for one in page.executions]
            if not left or time.monotonic() > until:
                return left
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Send everybody home."""
        for task in (self._looking, *self._busy):
            task.cancel()
        await asyncio.gather(self._looking, *self._busy, return_exceptions=True)
        await self._calls.aclose()
        await self._streams.aclose()

    async def seen(self, timeout_s: float) -> None:
        """Give the reader of the list's events time for the last ones."""
        until = time.monotonic() + timeout_s
        while self.unseen_ends() and time.monotonic() < until:
            await asyncio.sleep(0.1)

    def unseen_ends(self) -> list[str]:
        """Return what somebody who only reads the list's events would not know to have ended."""
        return [
            f"{one.id}: its end never reached a reader of the list's events"
            for one in self.started
            if one.ended_s and self._mirror.get(one.id) not in ("completed", "failed", "cancelled")
        ]

    # --- inside -------------------------------------------------------------------------------

    def _start(self, kind: Kind, language: str, *, calm: bool) -> None:
        number = len(self.started) + 1
        id_ = f"{PREFIX}{kind.name}-{language[0]}{number:06}"
        started = Started(id_, kind, language, time.time(), calm)
        self.started.append(started)
        follow = kind.name in FOLLOWED and self._chance.random() < FOLLOWED_PART
        self._go(self._attend(started, follow=follow))

    def _go(self, work: Coroutine[Any, Any, None]) -> None:
        async def carry_out() -> None:
            try:
                await work
            except Exception as error:
                self._trouble(f"somebody gave up: {type(error).__name__}: {error}")

        task = asyncio.ensure_future(carry_out())
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    def _visit(self, client: AsyncClient, id_: str) -> Visit:
        chance = Random(self._chance.random())
        return Visit(client, self._ledger, id_, chance, self.errors, self._pause_s_max)

    async def _attend(self, started: Started, *, follow: bool) -> None:
        """Start one, do what people do, and wait for its result."""
        visit = self._visit(self._calls, started.id)
        kind = started.kind
        await visit.insist(
            lambda: self._calls.start(
                kind.workflow(started.language),
                [visit.address],
                id=started.id,
                delay_s=kind.delay_s,
                attributes={"language": started.language},
            )
        )
        if follow:
            self.followed += 1
            self._go(self._follow(self._visit(self._streams, started.id)))
        if kind.person is not None:
            await kind.person(visit)
        try:
            started.result = await visit.insist(lambda: self._calls.result(started.id))
        except (flawless.ExecutionFailed, flawless.ExecutionCancelled) as error:
            started.error = f"{type(error).__name__}: {error}"
        started.ended_s = time.time()

    async def _follow(self, visit: Visit) -> None:
        """Read all events of an execution, and hold them against each other."""
        status = end = ""

        async def read() -> None:
            nonlocal status, end
            position = 0
            async for event in self._streams.events(visit.id, include=("execution", "journal")):
                data: Any = event.data
                if event.type == "journal":
                    positions = [entry["position"] for entry in data.entries]
                    if positions != [*range(position, position + len(positions))]:
                        self._trouble(f"{visit.id}: events of {positions} after {position}")
                    position += len(positions)
                elif event.type == "execution":
                    status = data.status
                elif event.type == "end":
                    end = data.status

        await visit.insist(read)
        if not end or end != status:
            self._trouble(f"{visit.id}: the stream ended with {status!r}, then {end!r}")

    async def _look_on(self) -> None:
        """Keep a mirror of all executions, as a page that shows their list does."""
        visit = self._visit(self._streams, "")

        async def mirror() -> None:
            async for changes in self._streams.changes(prefix=PREFIX):
                found = list(changes.executions)
                if changes.reset:
                    since = datetime.fromtimestamp(time.time() - RECENT_S, UTC)
                    found = []
                    async for one in self._calls.executions(prefix=PREFIX, created_after=since):
                        found.append(one)
                self._mirror.update((one.id, one.status) for one in found)

        while True:
            await visit.insist(mirror)

    def _trouble(self, text: str) -> None:
        if len(self.troubles) < TROUBLES_MAX:
            self.troubles.append(text)
