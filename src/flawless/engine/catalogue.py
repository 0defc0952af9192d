"""Looking at what is deployed: what the store keeps, and what new executions run on."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

import msgspec

from flawless.engine.deployment import Deployment
from flawless.engine.library import Library
from flawless.errors import DeploymentNotFound, InputInvalid
from flawless.ids import DeploymentId
from flawless.stores.base import Deployment as DeploymentRecord
from flawless.stores.base import Store
from flawless.wasm import Component

PAGE_MAX: Final = 100
"""Deployments on one page: of each that is not known yet, the whole manifest is decoded."""
OUTLINES_MAX: Final = 1_000
"""Deployments whose outlines are kept in memory, those that were listed last."""


class _Named(msgspec.Struct):
    name: str


class _Outline(msgspec.Struct):
    """What lists show of a manifest; the code is skipped."""

    entry_modules: list[str]
    workflows: list[_Named]
    upload: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A deployment as lists show it; the workflows by name."""

    id: str
    label: str
    kind: str
    created_us: int
    component: str
    entry_modules: list[str]
    workflows: list[str]
    uploaded: bool
    current: list[str]
    """The workflows that new executions run from here."""


class Catalogue:
    """All deployments of a store, and which of them new executions run on."""

    def __init__(self, store: Store, library: Library) -> None:
        self._store = store
        self._library = library
        self._outlines: OrderedDict[str, _Outline] = OrderedDict()

    async def page(
        self, *, limit: int = PAGE_MAX, before: str | None = None
    ) -> tuple[list[Listed], str | None]:
        """Return deployments, newest first, saved before `before`; and the next page's `before`.

        Raises `DeploymentNotFound` when `before` is no deployment.
        """
        if not 1 <= limit <= PAGE_MAX:
            raise InputInvalid(f"limit must lie between 1 and {PAGE_MAX}", path="limit")
        after = None if before is None else DeploymentId(before)
        if after is not None and await self._store.deployment(after) is None:
            raise DeploymentNotFound(after)
        found = await self._store.deployments(limit=limit + 1, before=after)
        page = [self._listed(record) for record in found[:limit]]
        return page, page[-1].id if len(found) > limit else None

    async def get(self, id: str) -> tuple[Listed, Deployment]:  # noqa: A002 (the field's name)
        """Return a deployment with all that its manifest says; raises `DeploymentNotFound`."""
        record = await self._store.deployment(DeploymentId(id))
        if record is None:
            raise DeploymentNotFound(id)
        return self._listed(record), Deployment.decode(record.manifest)

    async def load(self, id: str) -> tuple[Deployment, Component]:  # noqa: A002 (the field's name)
        """Return a deployment and its component; raises `DeploymentInvalid` if either is lost."""
        return await self._library.find(id)

    async def files(self, deployment: Deployment) -> list[str]:
        """Return the paths of what was uploaded for a deployment; none if it was no upload."""
        if not deployment.is_python:
            return []
        packed = await self._store.blob(deployment.manifest.upload)
        return [] if packed is None else list(msgspec.json.decode(packed, type=dict[str, str]))

    def _listed(self, record: DeploymentRecord) -> Listed:
        outline = self._outline(record)
        return Listed(
            record.id,
            record.label,
            record.kind,
            record.created_us,
            record.component,
            outline.entry_modules,
            [workflow.name for workflow in outline.workflows],
            bool(outline.upload),
            sorted(self._library.current_workflows(record.id)),
        )

    def _outline(self, record: DeploymentRecord) -> _Outline:
        """Return the outline of a manifest, which is immutable: its hash is the deployment's id."""
        outline = self._outlines.get(record.id)
        if outline is None:
            outline = self._outlines[record.id] = msgspec.json.decode(
                record.manifest, type=_Outline
            )
            if len(self._outlines) > OUTLINES_MAX:
                self._outlines.popitem(last=False)
        else:
            self._outlines.move_to_end(record.id)
        return outline
