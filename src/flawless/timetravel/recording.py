"""Recordings: all that a replay needs of an execution, and nothing else."""

from __future__ import annotations

from typing import Any

from flawless.core.entries import End, Entry, Invoked
from flawless.core.history import end_of
from flawless.core.limits import Limits
from flawless.core.status import Status
from flawless.engine.deployment import Deployment
from flawless.engine.endings import status_of
from flawless.engine.handle import Execution
from flawless.engine.replay import Replayed, replay
from flawless.engine.service import Service
from flawless.errors import UsageError
from flawless.timetravel.code import load_component
from flawless.wasm import Component
from flawless.wasm.progress import Progress


class Recording:
    """An execution as it was recorded until some moment, and the code that it ran on.

    Nothing changes a recording, and replays of it change nothing.

    Args:
        execution: its id.
        status: how it stood then.
        entries: its durable journal, entry 0 first.
        deployment: the code; None where a journal was kept without it.
        wasm: the deployment's component. Without it, it is looked for in this machine's cache.
        component: the same, where somebody has it compiled already.
    """

    def __init__(
        self,
        execution: str,
        status: str,
        entries: list[Entry],
        deployment: Deployment | None = None,
        wasm: bytes = b"",
        component: Component | None = None,
    ) -> None:
        assert entries
        assert isinstance(entries[0], Invoked)
        self.execution = execution
        self.status = status
        self.entries = entries
        self.wasm = wasm
        self._deployment = deployment
        self._component = component

    def __repr__(self) -> str:
        return f"<recording of {self.execution}: {len(self.entries)} entries, {self.status}>"

    @classmethod
    def of(cls, execution: Execution[Any]) -> Recording:
        """Return what is durable of an execution of an embedded engine, by its handle."""
        return execution.ask(lambda service: record(service, execution.id, whole=True))

    @property
    def invoked(self) -> Invoked:
        """Entry 0: what was asked for, when, on which deployment, and the seed."""
        first = self.entries[0]
        assert isinstance(first, Invoked)
        return first

    @property
    def workflow(self) -> str:
        """The name of the workflow."""
        return self.invoked.workflow

    @property
    def run(self) -> int:
        """Which run of the execution this is; runs count from 1."""
        return self.invoked.run

    @property
    def ended(self) -> bool:
        """Whether the journal says how the execution ended."""
        return end_of(self.entries) is not None

    @property
    def journal_only(self) -> bool:
        """Whether the journal was kept without its deployment."""
        return self._deployment is None

    @property
    def deployment(self) -> Deployment:
        """The code. Raises `UsageError` where the journal was kept without it."""
        if self._deployment is None:
            raise UsageError(
                f"the recording of {self.execution!r} holds the journal only, without deployment "
                f"{self.invoked.deployment}: name code to replay it on (--patch app.py), or export "
                "it again without --journal-only"
            )
        return self._deployment

    def component(self, progress: Progress | None = None) -> Component:
        """Return the deployment's component, compiled once for all recordings of this process.

        Raises `DeploymentInvalid` when the recording does not hold it and the cache does not have
        it, `UsageError` when there is no deployment.
        """
        wanted = self.deployment.manifest.component
        if self._component is not None:
            return self._component
        return load_component(wanted, self.wasm, progress)

    def on(
        self, deployment: Deployment, wasm: bytes = b"", component: Component | None = None
    ) -> Recording:
        """Return the same journal on other code, such as that of `present_code`."""
        return Recording(self.execution, self.status, self.entries, deployment, wasm, component)

    def replay(self, limits: Limits | None = None) -> Replayed:
        """Run a fresh guest along the journal, to its end; see `flawless.engine.replay.replay`."""
        return replay(
            self.execution, self.entries, self.deployment, self.component(), limits=limits
        )


async def record(
    service: Service, execution: str, *, compiled: bool = True, whole: bool = False
) -> Recording:
    """Return what is durable of an execution now.

    Where it is not to be replayed here, it need not be `compiled`, which may take a moment. The
    `whole` of it has the user's own component as bytes as well, so that it can be exported. Raises
    `ExecutionNotFound`, `JournalDamaged`, and `DeploymentInvalid` (or `DeploymentNotFound`) when
    the deployment is lost.
    """
    while True:
        before = await service.get(execution)
        entries = await service.journal(execution)
        stored = await service.get(execution)
        if stored.run == before.run:
            break  # else the next run began meanwhile, and these may be the entries of the other
    end = end_of(entries)
    status = _status(stored.status, end)
    if not compiled:
        _, deployment = await service.catalogue.get(stored.deployment)
        return Recording(execution, status, entries, deployment)
    deployment, component = await service.catalogue.load(stored.deployment)
    wasm = None
    if whole and not deployment.is_python:
        wasm = await service.store.blob(deployment.manifest.component)
    return Recording(execution, status, entries, deployment, wasm or b"", component)


def _status(stored: Status, end: End | None) -> str:
    """Return how the execution stood when the journal was read: a moment later than its record."""
    if end is not None:
        return str(status_of(end))
    return str(Status.RUNNING if stored.final else stored)
