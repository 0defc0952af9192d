"""What people outside do to the workflows of the storms, in every life of the engine.

Half of what they say they say again in each life: messages and cancellations have ids, decisions
are made about what is parked now. The other half they trust the engine with, once it has answered.
What it has answered stands in a notebook, and has to stay true.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

from ledger import answer_to
from notebook import Notebook
from points import Points
from storm_lives import ROUNDS

import flawless
from flawless.engine.clock import Clock
from flawless.engine.control import ParkedEffect
from flawless.engine.handle import Execution

_PAUSE = threading.Event()


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who uses the engine, and keeps a notebook of what it tells."""

    engine: flawless.Engine
    clock: Clock
    notebook: Notebook
    points: Points
    until_s: float

    @property
    def patience_s(self) -> float:
        """How long to wait still."""
        return max(0.01, self.until_s - time.monotonic())

    @property
    def guests(self) -> int:
        """How many guests are alive."""
        scheduler = self.engine.service._scheduler
        return 0 if scheduler is None else scheduler.guests

    def nothing_to_do(self) -> bool:
        """Tell whether all executions wait for a message or for a time that has not come."""
        waiting = self.engine.list(status="waiting", limit=1_000)
        now_us = self.clock.now_us()
        return (
            bool(waiting)
            and not self.engine.list(status="running", limit=1)
            and all(record.wake_us is None or record.wake_us > now_us for record in waiting)
        )

    def note(self, kind: str, execution: str, **facts: Any) -> None:
        """Write down what was told, between two points."""
        number = self.points.before("told")
        self.notebook.note(kind, execution, **facts)
        self.points.after("told", number)

    def begin(self, workflow: str, ledger: str, *, id: str, delay: float | None) -> Execution[Any]:  # noqa: A002 (the word for it)
        """Start an execution, and look first whether it is there if an earlier life said so."""
        if self.notebook.knows("started", id):
            try:
                self.notebook.note("found", id, final=self.engine.get(id).status.final)
            except flawless.ExecutionNotFound:
                self.notebook.note("lost", id)
        run = self.engine.start(workflow, ledger, id=id, delay=delay)
        if not self.notebook.knows("started", id):
            self.note("started", id)
        return run

    def note_end(self, run: Execution[Any], told: Any) -> None:
        """Write down how an execution has ended: what anyone was told, and what is kept."""
        facts = {"told": told, "status": str(run.status), "entries": len(run.journal())}
        self.note("ended", run.id, **facts)


@dataclass(frozen=True, slots=True)
class Outsider:
    """Somebody who knows the id of an execution, and the ledger."""

    person: Person
    run: Execution[Any]
    ledger: str

    @property
    def engine(self) -> flawless.Engine:
        """The engine of this life."""
        return self.person.engine

    @property
    def ended(self) -> bool:
        """Whether the execution has ended."""
        return self.run.status.final

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so, or the execution has ended."""
        while not condition() and not self.ended:
            self.pause()

    def pause(self) -> None:
        """Look again in a moment."""
        if time.monotonic() > self.person.until_s:
            raise TimeoutError(f"{self.run.id} is {self.run.status} still")
        _PAUSE.wait(0.004)

    def staged(self) -> bool:
        """Whether the execution has shown itself."""
        return self.run.state() is not None

    def send(self, message: Any, payload: Any = None, *, id: str) -> None:  # noqa: A002 (the word for it)
        """Send a message, again in each life if its number is even; once taken, the others last."""
        trusted = id[-1] in "13579"
        if trusted and self.person.notebook.knows("sent", self.run.id, id):
            return
        with contextlib.suppress(flawless.ExecutionEnded):
            self.run.send(message, payload, id=id)
            if trusted:
                self.person.note("sent", self.run.id, message=id)

    def note(self, name: str, **body: Any) -> None:
        """Write into the ledger."""
        with urlopen(Request(f"{self.ledger}/{name}", json.dumps(body).encode()), timeout=20):
            pass

    def noted(self) -> list[dict[str, Any]]:
        """Read the ledger."""
        base, _, run = self.ledger.rpartition("/")
        with urlopen(f"{base}/_/{run}", timeout=20) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found


def write(outsider: Outsider) -> None:
    """Send letters, in an order of their own."""
    from storm_steps import Parcel

    outsider.send("item", "a", id="m1")
    outsider.send("first", {"n": 1}, id="m2")
    outsider.send("item", "b", id="m3")
    outsider.send(Parcel(7, "heavy"), id="m4")
    for n in range(4):
        outsider.send("item", n, id=f"n{n}")
        _PAUSE.wait(0.01)
    outsider.send("stop", id="m5")


def write_items(outsider: Outsider) -> None:
    """Send what three runs receive."""
    for n in range(6):
        outsider.send("item", n, id=f"item{n}")


def write_many(outsider: Outsider) -> None:
    """Send what a long life receives."""
    for n in range(ROUNDS):
        outsider.send("item", f"i{n}", id=f"i{n}")


def go(outsider: Outsider) -> None:
    """Send one message."""
    outsider.send("go", "went", id="go")


def watch(outsider: Outsider) -> None:
    """Look at states and the response, and write down what was seen."""
    known: Any = None
    responded = False
    while True:
        over = outsider.ended
        state = outsider.run.state()
        if state is not None and state != known:
            outsider.note("outsider-state", **state)
            known = state
        if not responded:
            try:
                response = outsider.run.response(0.001)
            except flawless.ResultTimeout:
                pass
            else:
                responded = True
                outsider.note("outsider-response", **response)
        if over:
            return
        outsider.pause()


def stop(outsider: Outsider) -> None:
    """Cancel it, once it waits."""
    outsider.wait_for(outsider.staged)
    with contextlib.suppress(flawless.ExecutionEnded):
        outsider.engine.call(
            lambda service: service.control.cancel(
                outsider.run.id, reason="enough", by="ann", message_id="stop"
            )
        )


def call_off(outsider: Outsider) -> None:
    """Cancel it before it begins."""
    with contextlib.suppress(flawless.ExecutionEnded):
        outsider.engine.call(
            lambda service: service.control.cancel(
                outsider.run.id, reason="called off", by="ann", message_id="off"
            )
        )


def terminate(outsider: Outsider) -> None:
    """End it, once it waits."""
    outsider.wait_for(outsider.staged)
    with contextlib.suppress(flawless.ExecutionEnded):
        outsider.run.terminate("enough", by="ann")


def decide(outsider: Outsider) -> None:
    """Find out about everything that is parked, and decide."""
    while not outsider.ended:
        for parked in outsider.run.parked():
            with contextlib.suppress(flawless.NotParked):
                _decide(outsider, parked)
        outsider.pause()


def _decide(outsider: Outsider, parked: ParkedEffect) -> None:
    run, effect = outsider.run, parked.effect
    if parked.asked:
        outsider.note("by-hand")
        run.resolve(effect=effect, ok=None, by="ann")
        return
    name = "exact-step" if parked.label.startswith("step") else parked.label.rpartition("/")[2]
    seen = [one for one in outsider.noted() if one["name"] == name]
    if not seen:
        run.resolve(effect=effect, retry=True, by="ann")
        return
    answer = answer_to(name, seen[0]["body"])
    ok = answer["answer"] if parked.label.startswith("step") else answer
    run.resolve(effect=effect, ok=ok, by="ann")


def mend(outsider: Outsider, *, from_start: bool = False) -> None:
    """When it has failed, mend the world and have it go on."""
    while True:
        outsider.wait_for(lambda: False)
        if outsider.run.status is not flawless.core.status.Status.FAILED:
            return
        outsider.note("maybe-mended")
        with contextlib.suppress(flawless.RetryRefused):
            outsider.run.retry(from_start=from_start, by="ann")
        outsider.pause()


def mend_from_start(outsider: Outsider) -> None:
    """The same, from the start."""
    mend(outsider, from_start=True)


DRIVERS: dict[str, Callable[[Outsider], None]] = {
    "receives": write,
    "receives_async": write,
    "shows": watch,
    "races": go,
    "races_async": go,
    "stopped": stop,
    "stopped_async": stop,
    "sagas_async": stop,
    "terminated": terminate,
    "sagas_parked": decide,
    "parks": decide,
    "parks_async": decide,
    "mended": mend,
    "mended_below": mend,
    "restarted": mend_from_start,
    "continues": write_items,
    "continues_async": write_items,
    "begins_later": write_items,
    "lasts": write_many,
    "never_begins": call_off,
}
"""By workflow; the others are left alone."""

DELAYS_S = {"begins_later": 0.4, "never_begins": 600.0}
"""How long after their start executions of these workflows begin."""
