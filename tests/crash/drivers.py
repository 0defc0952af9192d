"""What people outside do to the workflows of the storms, in every life of the engine.

They do not know what a former engine was told, so they say everything again: messages and
cancellations have ids, decisions are made about what is parked now.
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

import flawless
from flawless.engine.control import ParkedEffect
from flawless.engine.handle import Execution

_PAUSE = threading.Event()


@dataclass(frozen=True, slots=True)
class Outsider:
    """Somebody who knows the id of an execution, and the ledger."""

    engine: flawless.Engine
    run: Execution[Any]
    ledger: str
    until_s: float

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
        if time.monotonic() > self.until_s:
            raise TimeoutError(f"{self.run.id} is {self.run.status} still")
        _PAUSE.wait(0.004)

    def staged(self) -> bool:
        """Whether the execution has shown itself."""
        return self.run.state() is not None

    def send(self, message: Any, payload: Any = None, *, id: str) -> None:  # noqa: A002 (the word for it)
        """Send a message, again in each life."""
        with contextlib.suppress(flawless.ExecutionEnded):
            self.run.send(message, payload, id=id)

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
    "never_begins": call_off,
}
"""By workflow; the others are left alone."""

DELAYS_S = {"begins_later": 0.4, "never_begins": 600.0}
"""How long after their start executions of these workflows begin."""
