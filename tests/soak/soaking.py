"""A soak from its first start to its last check."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random

from crowd import Crowd, Started
from kinds import PYTHON, RUST, lay_out
from ledger import Ledger
from samples import Sample, Sampler
from soak_server import Launch, Life, Served, launch
from verification import Findings, Verification

DRAIN_S_MAX = 180.0
ORPHAN_S_MAX = 5.0
TWICE = 0.15
"""How many of the deaths are followed by another one while the server starts."""
IN_ORDER = 0.2
"""How many of the deaths are none: the server is asked to end, and is started again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a soak goes. Lengths in seconds, `rate` in executions started a second."""

    seed: int
    length_s: float = 3_600.0
    rate: float = 4.0
    life_s: tuple[float, float] = (20.0, 90.0)
    """Between these, a life is as long as chance will have it."""
    calm_part: float = 1 / 3
    """The last part of the time nothing is killed: what grows in one life shows there."""
    sample_s: float = 5.0
    languages: tuple[str, ...] = (PYTHON, RUST)
    kinds: tuple[str, ...] = ()
    """The workflows to start; all, where none are named."""
    replays: int = 400
    """Journals that are replayed at the end, chosen by chance."""
    pause_s_max: float = 40.0
    crowd: int = 100
    """So many start at once when the undisturbed life begins: what fills slowly is full then."""
    deaths: int | None = None
    """So many lives are over before the undisturbed one; else as many as there is time for."""

    @property
    def calm_s(self) -> float:
        """How long nothing is killed, at the end."""
        return self.length_s * self.calm_part

    @property
    def storm_s(self) -> float:
        """How long the server is killed again and again, before that."""
        return self.length_s - self.calm_s


@dataclass(slots=True)
class Soaked:
    """What a soak has shown."""

    plan: Plan
    began_s: float
    """Since the epoch, as all times of lives and executions."""
    storm_over_s: float = 0.0
    ended_s: float = 0.0
    lives: list[Life] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    started: list[Started] = field(default_factory=list)
    errors: dict[str, int] = field(default_factory=dict)
    followed: int = 0
    findings: Findings = field(default_factory=Findings)


def say_nothing(text: str) -> None:
    """Hear of the progress of a soak that nobody watches."""


async def soak(
    plan: Plan,
    folder: Path,
    say: Callable[[str], None] = say_nothing,
    launch: Launch = launch,
) -> Soaked:
    """Carry out a soak in a folder, which has to be empty or not there."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = Random(plan.seed)
    ledger = Ledger()
    served = Served(folder, lay_out(folder / "modules", plan.languages), launch)
    soaked = Soaked(plan, time.time())
    await served.begin()
    crowd: Crowd | None = None
    try:
        await served.ready()
        crowd = Crowd(
            served.url,
            ledger,
            plan.languages,
            plan.kinds,
            Random(chance.random()),
            plan.pause_s_max,
        )
        return await _Course(plan, folder, chance, ledger, served, crowd, soaked, say).run()
    finally:
        if crowd is not None:
            await crowd.close()
        await served.close()
        ledger.close()


@dataclass(slots=True)
class _Course:
    plan: Plan
    folder: Path
    chance: Random
    ledger: Ledger
    served: Served
    crowd: Crowd
    soaked: Soaked
    say: Callable[[str], None]

    async def run(self) -> Soaked:
        served, crowd, soaked, plan = self.served, self.crowd, self.soaked, self.plan
        file = self.folder / "samples.jsonl"
        sampler = Sampler(file, served, crowd, self.ledger, plan.sample_s)
        await crowd.start_each()
        soaked.began_s = sampler.began_s = time.time()
        self.say(f"undisturbed: {len(crowd.started)} executions, one of each; the storm begins")
        sampling = asyncio.ensure_future(sampler.run())
        load = asyncio.ensure_future(crowd.start_steadily(plan.rate))
        await self._storm()
        soaked.storm_over_s = time.time()
        self.say(f"{len(served.lives) - 1} lives are over; from here on one life, undisturbed")
        crowd.start_at_once(plan.crowd)
        await self._rest(max(plan.calm_s, soaked.began_s + plan.length_s - time.time()))
        soaked.ended_s = time.time()
        for task in (load, sampling):
            task.cancel()
        soaked.samples = sampler.samples
        problems = await self._drain()
        await served.stop()
        problems += await self._alone(sampler)
        soaked.lives, soaked.errors = served.lives, dict(crowd.errors)
        soaked.followed, soaked.started = crowd.followed, crowd.started
        self.say(f"{len(crowd.started)} executions were started; everything is compared")
        check = Verification(
            crowd, self.ledger, served.lives, replays=plan.replays, chance=Random(plan.seed)
        )
        soaked.findings = await check.run(served.store)
        soaked.findings.problems[:0] = problems
        return soaked

    async def _storm(self) -> None:
        """Kill the server again and again."""
        plan, served = self.plan, self.served
        until_s = self.soaked.began_s + plan.storm_s
        while plan.deaths is None or len(served.lives) <= plan.deaths:
            pause_s = self.chance.uniform(*plan.life_s)
            if plan.deaths is None and time.time() + pause_s > until_s:
                return
            await self._sleep(pause_s)
            if self.chance.random() < IN_ORDER:
                await served.stop()
            else:
                await served.kill()
            await served.begin()
            if self.chance.random() < TWICE:
                await self._sleep(self.chance.uniform(0, 2))
                await served.kill()
                await served.begin()
            await served.ready()

    async def _sleep(self, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        if not self.served.lives_on():
            raise RuntimeError(f"the server {self.served.now.end}:\n{self.served.log()[-4000:]}")

    async def _rest(self, length_s: float) -> None:
        until = time.monotonic() + length_s
        while time.monotonic() < until:
            await self._sleep(min(0.2, length_s))

    async def _drain(self) -> list[str]:
        """Wait until all has ended; return what has not, and what else was wrong outside."""
        crowd = self.crowd
        if not await crowd.ended(DRAIN_S_MAX):
            self.say(f"not everybody was told an end within {DRAIN_S_MAX:.0f} s")
        left = await crowd.idle(DRAIN_S_MAX)
        await crowd.seen(ORPHAN_S_MAX)
        return [*left, *crowd.troubles, *crowd.unseen_ends()]

    async def _alone(self, sampler: Sampler) -> list[str]:
        """Return the processes that are left when the last server has stopped."""
        until = time.monotonic() + ORPHAN_S_MAX
        while self.served.strays() and time.monotonic() < until:
            await asyncio.sleep(0.1)
        left = sampler.orphans | set(self.served.strays())
        ends = [f"life {one.number} {one.end}" for one in self.served.lives if not one.expected]
        return [*ends, *(f"a process outlived its server: {one}" for one in sorted(left))]


def keep(soaked: Soaked, folder: Path) -> None:
    """Write down what was measured, and remove what only the server needed."""
    latencies = [
        [round(one.began_s - soaked.began_s, 2), round(one.latency_ms or 0.0, 1), one.id]
        for one in soaked.started
    ]
    written = {
        "plan": asdict(soaked.plan),
        "lives": [asdict(one) for one in soaked.lives],
        "errors": soaked.errors,
        "findings": asdict(soaked.findings),
        "latencies": latencies,
    }
    (folder / "soak.json").write_text(json.dumps(written) + "\n")
    shutil.rmtree(folder / "modules")
