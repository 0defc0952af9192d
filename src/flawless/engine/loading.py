"""Bringing an execution into memory: all that the store knows of it, and a machine for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from flawless.core.entries import Entry, Invoked
from flawless.core.machine import Machine, Message
from flawless.core.status import Status
from flawless.engine.attempts import SavedAttempts
from flawless.engine.children import Children
from flawless.engine.deployment import Deployment
from flawless.engine.effects import when_interrupted
from flawless.engine.execution import LiveExecution
from flawless.engine.host import Host
from flawless.engine.journals import read_attempts, read_entries, read_messages
from flawless.engine.library import Library
from flawless.engine.settings import Settings
from flawless.ids import ExecutionId
from flawless.stores.base import Create, Record, Store
from flawless.wasm import Component


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a store keeps of an unfinished execution, and what it runs on."""

    record: Record
    deployment: Deployment
    component: Component
    entries: list[Entry]
    size: int
    """Bytes of the journal."""
    earlier: dict[int, SavedAttempts]
    messages: list[Message]

    def come_alive(self, host: Host) -> LiveExecution:
        """Return the execution, without a guest yet."""
        return alive(host, self.record, self.deployment, self.component)


def alive(
    host: Host, what: Record | Create, deployment: Deployment, component: Component
) -> LiveExecution:
    """Return an execution, without a guest yet: one that is being created, or one of the store."""
    return LiveExecution(
        host,
        what.id,
        workflow=what.workflow,
        deployment=deployment,
        component=component,
        stored=what.status if isinstance(what, Record) else Status.RUNNING,
        wake_us=what.wake_us if isinstance(what, Record) else None,
        digest=what.digest,
        parent=what.parent,
        depth=what.depth,
    )


async def load(store: Store, library: Library, execution: ExecutionId) -> Loaded | None:
    """Read an execution; None if there is none, or it has ended.

    Raises `StoreError`, `JournalDamaged`, `DeploymentInvalid`, `ToolchainError`.
    """
    record = await store.get(execution)
    if record is None or record.status.final:
        return None
    deployment, component = await library.find(record.deployment)
    entries, size = await read_entries(store, execution)
    earlier = await read_attempts(store, execution)
    messages = await read_messages(store, execution)
    return Loaded(record, deployment, component, entries, size, earlier, messages)


@dataclass(frozen=True, slots=True)
class Machines:
    """Makes the machines of executions, which need their journals, and what all of them share."""

    settings: Settings
    children: Children

    def __call__(
        self, live: LiveExecution, entries: Sequence[Entry], size: int, *, delayed: bool = False
    ) -> Machine:
        """Return the machine of an execution with this journal; `delayed`: it has not begun."""
        first = entries[0]
        assert isinstance(first, Invoked)
        return Machine(
            live.id,
            entries,
            limits=self.settings.limits,
            when_interrupted=when_interrupted,
            answers=live.deployment.answers(first.seed),
            in_flight=live.known_effects,
            bytes_recorded=size,
            depth=live.depth,
            refuses=partial(self.children.refusal, live.deployment),
            delayed=delayed,
        )
