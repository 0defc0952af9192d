"""What a live execution needs of its engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from flawless.core.entries import Continued, End
from flawless.core.machine import NewEntries, Perform
from flawless.core.protocol import ExecuteRequest
from flawless.engine.clock import Clock
from flawless.engine.outcome import Outcome
from flawless.stores.base import Write
from flawless.wasm import GuestLimits

if TYPE_CHECKING:
    from flawless.engine.effects import InFlight
    from flawless.engine.execution import LiveExecution


class Host(Protocol):
    """What an execution needs of its engine."""

    clock: Clock
    loop: asyncio.AbstractEventLoop
    evict_after_us: int
    guest_limits: GuestLimits
    stopping: bool

    def submit(
        self, write: Write | None, durable: Callable[[], None] | None, *, joined: bool = False
    ) -> None:
        """Queue a write; `durable` is called when it and all writes before it are durable.

        A `joined` one is made in the same commit as the one before it.
        """
        ...

    def perform(self, execution: LiveExecution, action: Perform, item: InFlight) -> None:
        """Begin an effect; its outcome comes to `execution.arrived`."""
        ...

    def effect_ended(self, item: InFlight, outcome: Outcome) -> None:
        """The outcome of an effect has come, and is wanted."""
        ...

    def give_up(self, item: InFlight) -> None:
        """Stop an effect whose outcome nobody wants."""
        ...

    def start_child(
        self, execution: LiveExecution, request: ExecuteRequest, *, joined: bool
    ) -> None:
        """Create a child, if `joined` in the same commit as what was submitted before."""
        ...

    def reload(self, execution: LiveExecution) -> None:
        """Give an evicted execution its machine and guest again."""
        ...

    def suspended(self, execution: LiveExecution) -> None:
        """The execution waits only for what the store knows: forget it."""
        ...

    def ended(self, execution: LiveExecution, final: End) -> None:
        """The execution's end is durable."""
        ...

    def replayed(self, execution: LiveExecution, entries: int) -> None:
        """A guest that began anew is where it was, after so many answers from the journal."""
        ...

    def next_run(
        self,
        execution: LiveExecution,
        last: NewEntries | None,
        final: Continued,
        *,
        joined: bool,
    ) -> None:
        """Record the end of a run and begin the next one."""
        ...

    def responded(self, execution: LiveExecution) -> None:
        """A response to the caller is durable."""
        ...

    def guest_closed(self) -> None:
        """There is room for another guest."""
        ...
