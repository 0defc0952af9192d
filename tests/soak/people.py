"""What people outside do to the workflows of a soak, over HTTP, through all lives of the server.

The same as `drivers.py` has for an engine at hand. Clients repeat what is safe to repeat; where
they do not hear whether something was done and it carries no id, these people look again, as real
ones would have to.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any, TypeAlias, TypeVar
from urllib.request import Request, urlopen

from ledger import Ledger, answer_to

import flawless
from flawless.client import AnswerBroken, AsyncClient, ServerUnreachable

T = TypeVar("T")

AWAY = (ServerUnreachable, AnswerBroken, flawless.EngineStopped)
"""What is heard of a server that was killed, or stops."""
LOOK_S = 0.05
AGAIN_S = 0.2


@dataclass(frozen=True, slots=True)
class Visit:
    """One execution, from outside."""

    client: AsyncClient
    ledger: Ledger
    id: str
    chance: Random
    errors: Counter[str]
    pause_s_max: float
    """How long somebody may take between two messages."""

    @property
    def address(self) -> str:
        """Where its effects go."""
        return f"{self.ledger.url}/{self.id}"

    async def insist(self, call: Callable[[], Awaitable[T]]) -> T:
        """Do something as soon as the server is there, and count what was heard instead."""
        while True:
            try:
                return await call()
            except AWAY as error:
                self.errors[type(error).__name__] += 1
                await asyncio.sleep(AGAIN_S)

    async def send(self, name: str, payload: Any, message_id: str) -> None:
        """Send a message."""
        with contextlib.suppress(flawless.ExecutionEnded):
            await self.insist(
                lambda: self.client.send(self.id, name, payload, message_id=message_id)
            )

    async def pause(self) -> None:
        """Take one's time: mostly none, at times so long that the server may die meanwhile."""
        if self.chance.random() < 0.1:
            await asyncio.sleep(self.chance.uniform(0, self.pause_s_max))

    async def note(self, name: str, **body: Any) -> None:
        """Write into the ledger."""
        request = Request(f"{self.address}/{name}", json.dumps(body).encode())

        def tell() -> None:
            with urlopen(request, timeout=20):
                pass

        await asyncio.to_thread(tell)

    async def shown(self) -> None:
        """Wait until it has published something, or has ended."""
        async for _ in self.client.watch(self.id):
            return

    async def status(self) -> str:
        """Wait until it has ended; return how."""
        return (await self.insist(lambda: self.client.wait(self.id))).status


Person: TypeAlias = Callable[[Visit], Awaitable[None]]


async def write(visit: Visit) -> None:
    """Send letters, in an order of their own."""
    await visit.send("item", "a", "m1")
    await visit.send("first", {"n": 1}, "m2")
    await visit.pause()
    await visit.send("item", "b", "m3")
    await visit.send("Parcel", {"number": 7, "label": "heavy"}, "m4")
    for n in range(4):
        await visit.pause()
        await visit.send("item", n, f"n{n}")
    await visit.send("stop", None, "m5")


async def write_items(visit: Visit) -> None:
    """Send what three runs receive."""
    for n in range(6):
        await visit.send("item", n, f"item{n}")
        await visit.pause()


async def go(visit: Visit) -> None:
    """Send one message."""
    await visit.send("go", "went", "go")


async def watch(visit: Visit) -> None:
    """Read its states as they come and its response, and write down what was seen."""

    async def read_states() -> None:
        known: Any = None
        async for state in visit.client.watch(visit.id):
            if state.value != known:
                known = state.value
                await visit.note("outsider-state", **known)
        last = (await visit.client.state(visit.id)).value
        if last != known:
            await visit.note("outsider-state", **last)

    async def read_response() -> None:
        response = await visit.insist(lambda: visit.client.response(visit.id))
        await visit.note("outsider-response", **response)

    await asyncio.gather(visit.insist(read_states), read_response())


async def stop(visit: Visit) -> None:
    """Cancel it, once it waits."""
    await visit.insist(visit.shown)
    await visit.pause()
    await _cancel(visit, "enough", "stop")


async def call_off(visit: Visit) -> None:
    """Cancel it before it begins."""
    await _cancel(visit, "called off", "off")


async def _cancel(visit: Visit, reason: str, message_id: str) -> None:
    with contextlib.suppress(flawless.ExecutionEnded):
        await visit.insist(
            lambda: visit.client.cancel(visit.id, reason, by="ann", message_id=message_id)
        )


async def terminate(visit: Visit) -> None:
    """End it, once it waits."""
    await visit.insist(visit.shown)
    with contextlib.suppress(flawless.ExecutionEnded):
        await visit.insist(
            lambda: visit.client.terminate(visit.id, "enough", by="ann", message_id="end")
        )


async def decide(visit: Visit) -> None:
    """Find out about everything that is parked, and decide, until it has ended."""
    ended = asyncio.ensure_future(visit.status())
    while not ended.done():
        for parked in await visit.insist(lambda: visit.client.parked(visit.id)):
            with contextlib.suppress(flawless.NotParked, *AWAY):
                await _decide(visit, parked)
        await asyncio.wait([ended], timeout=LOOK_S)
    await ended


async def _decide(visit: Visit, parked: Any) -> None:
    effect = parked.effect
    if parked.asked:
        await visit.note("by-hand")
        await visit.client.resolve(visit.id, ok=None, effect=effect, by="ann")
        return
    is_step = parked.label.startswith("step")
    name = "exact-step" if is_step else parked.label.rpartition("/")[2]
    seen = await asyncio.to_thread(visit.ledger.seen, visit.id)
    done = [one for one in seen if one.name == name]
    if not done:
        await visit.client.resolve(visit.id, retry=True, effect=effect, by="ann")
        return
    answer = answer_to(name, done[0].body)
    ok = answer["answer"] if is_step else answer
    await visit.client.resolve(visit.id, ok=ok, effect=effect, by="ann")


async def mend(visit: Visit, *, from_start: bool = False) -> None:
    """When it has failed, mend the world and have it go on."""
    while await visit.status() == "failed":
        await visit.note("maybe-mended")
        with contextlib.suppress(flawless.RetryRefused, *AWAY):
            await visit.client.retry(visit.id, from_start=from_start, by="ann")


async def mend_from_start(visit: Visit) -> None:
    """The same, from the start."""
    await mend(visit, from_start=True)
