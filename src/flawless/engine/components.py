"""The components that deployments run on: compiled, and kept in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from flawless.engine.deployment import Deployment
from flawless.errors import DeploymentInvalid, StoreError
from flawless.stores.base import SaveBlob, Store, pack
from flawless.wasm import CompileBounds, Component
from flawless.wasm.cache import CacheFolder
from flawless.wasm.progress import Progress


class Components:
    """Components by the SHA-256 of their content, those that this engine has used."""

    def __init__(self, store: Store, progress: Progress | None = None) -> None:
        self._store = store
        self._progress = progress
        self._loaded: dict[str, Component] = {}
        self._fetches: dict[str, asyncio.Task[Component]] = {}
        """Components that are being read from the store and compiled."""
        self._bounds = CompileBounds()
        self._compiling = asyncio.Lock()

    def get(self, sha256: str) -> Component | None:
        """Return a component that is in memory."""
        return self._loaded.get(sha256)

    def add(self, component: Component) -> None:
        """Have a component that is in the store."""
        self._loaded[component.sha256] = component

    def clear(self) -> None:
        """Have none in memory."""
        self._loaded.clear()

    def close(self) -> None:
        """Give up what is being read."""
        for fetch in self._fetches.values():
            fetch.cancel()
        self._bounds.stopped.set()

    async def load(self, wasm: bytes) -> Component:
        """Compile a component, without holding up others. Raises `DeploymentInvalid`."""
        return await asyncio.to_thread(Component.load, wasm, progress=self._progress)

    async def load_foreign(self, wasm: bytes) -> Component:
        """Compile a component that nobody needs to trust: within bounds, and one at a time.

        Raises `DeploymentInvalid`.
        """
        async with self._compiling:
            return await asyncio.to_thread(Component.load, wasm, bounds=self._bounds)

    async def keep(self, component: Component, wasm: bytes) -> None:
        """Keep a component in the store for as long as the data lives. Raises `StoreError`."""

        def packed() -> bytes:
            kept = CacheFolder().get_or_make("deflated", component.sha256, lambda: pack(wasm))
            return kept.read_bytes()

        try:
            await self._store.commit([SaveBlob(component.sha256, wasm, packed)])
        except StoreError as error:
            raise StoreError(
                "keep the component that executions run on",
                error.cause,
                error.hint,
                retriable=error.retriable,
            ) from error
        self.add(component)

    async def adopt(self, wasm: bytes) -> Component:
        """Compile a component and keep it."""
        component = await self.load(wasm)
        await self.keep(component, wasm)
        return component

    async def find(self, deployment: Deployment) -> Component:
        """Return the component of a deployment, read and compiled once for all who want it now.

        Raises `DeploymentInvalid` when the store does not have it.
        """
        wanted = deployment.manifest.component
        if (component := self._loaded.get(wanted)) is not None:
            return component
        fetch = self._fetches.get(wanted)
        if fetch is None:
            fetch = self._fetches[wanted] = asyncio.ensure_future(self._fetch(deployment))
            fetch.add_done_callback(self._fetch_ended(wanted))
        return await asyncio.shield(fetch)

    async def _fetch(self, deployment: Deployment) -> Component:
        wasm = await self._store.blob(deployment.manifest.component)
        if wasm is None:
            raise DeploymentInvalid(
                f"the component of deployment {deployment.id} is not in the store: restore the "
                "data folder from a backup"
            )
        manifest = deployment.manifest
        foreign = manifest.kind == "component" and manifest.upload
        component = await (self.load_foreign(wasm) if foreign else self.load(wasm))
        self.add(component)
        return component

    def _fetch_ended(self, wanted: str) -> Callable[[asyncio.Task[Component]], None]:
        def ended(fetch: asyncio.Task[Component]) -> None:
            del self._fetches[wanted]
            if not fetch.cancelled():
                fetch.exception()  # those who wait have it, if any still do

        return ended
