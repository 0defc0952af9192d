"""The deployments an engine knows, and the components they run on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from flawless.codec import public_module
from flawless.engine import deploy
from flawless.engine.deployment import Deployment
from flawless.engine.modules import import_user_module
from flawless.errors import DeploymentInvalid, StoreError
from flawless.ids import DeploymentId
from flawless.stores.base import SaveBlob, SaveDeployment, Store
from flawless.wasm import Component
from flawless.wasm.progress import Progress
from flawless.wasm.python_runtime import build as build_runtime


class Library:
    """Deploys the user's modules, and finds old deployments again.

    Executions stay on the deployment they began with: its manifest and its component are kept in
    the store, so an engine with newer code, or on another machine, can still run them.
    """

    def __init__(
        self,
        store: Store,
        modules: Sequence[str | Path | ModuleType],
        *,
        baked: bool = False,
        egress: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.native: dict[str, ModuleType] = {}
        self._store = store
        self._specs = list(modules)
        self._baked = baked
        self._egress = egress
        self._progress = progress
        self._current: Deployment | None = None
        self._deployments: dict[str, Deployment] = {}
        self._components: dict[str, Component] = {}

    @property
    def current(self) -> Deployment:
        """The deployment that new executions run on."""
        assert self._current is not None, "the library is open"
        return self._current

    def current_workflows(self, deployment: str) -> list[str]:
        """Return the names of the workflows that new executions run on that deployment."""
        return list(self.current.workflows) if self.current.id == deployment else []

    async def open(self, now_us: int) -> None:
        """Import the modules natively, deploy them, and keep the deployment in the store.

        Raises `DeploymentInvalid` or `ToolchainError`.
        """
        if not self._specs:
            raise DeploymentInvalid(
                "an engine needs at least one module with workflows: "
                'Engine("app.db", modules=["app"])'
            )
        for spec in self._specs:
            module = import_user_module(spec)
            self.native[public_module(module.__name__)] = module
        runtime = await asyncio.to_thread(build_runtime, self._progress)
        component = await self._adopt(runtime)
        deployment = await deploy.make_bundle(list(self.native), component, egress=self._egress)
        if self._baked:
            component = await self._adopt(await deploy.bake(deployment, self._progress))
            deployment = deployment.on(component.sha256, "baked")
        save = SaveDeployment(
            deployment.id,
            label=", ".join(self.native),
            kind=deployment.manifest.kind,
            manifest=deployment.encoded,
            component=deployment.manifest.component,
            created_us=now_us,
        )
        await self._store.commit([save])
        self._deployments[deployment.id] = deployment
        self._current = deployment

    async def find(self, deployment_id: str) -> tuple[Deployment, Component]:
        """Return a deployment and its component; raises `DeploymentInvalid` if either is lost."""
        deployment = self._deployments.get(deployment_id)
        if deployment is None:
            record = await self._store.deployment(DeploymentId(deployment_id))
            if record is None:
                raise DeploymentInvalid(
                    f"deployment {deployment_id} is not in the store: restore the data folder from "
                    "a backup"
                )
            deployment = Deployment.decode(record.manifest)
            self._deployments[deployment_id] = deployment
        component_hash = deployment.manifest.component
        component = self._components.get(component_hash)
        if component is None:
            wasm = await self._store.blob(component_hash)
            if wasm is None:
                raise DeploymentInvalid(
                    f"the component of deployment {deployment_id} is not in the store: restore the "
                    "data folder from a backup"
                )
            component = await self._load(wasm)
            self._components[component_hash] = component
        return deployment, component

    async def _adopt(self, wasm: bytes) -> Component:
        """Compile a component, and keep it in the store for as long as the data lives."""
        component = await self._load(wasm)
        try:
            await self._store.commit([SaveBlob(component.sha256, wasm)])
        except StoreError as error:
            raise StoreError(
                "keep the component that executions run on",
                error.cause,
                error.hint,
                retriable=error.retriable,
            ) from error
        self._components[component.sha256] = component
        return component

    async def _load(self, wasm: bytes) -> Component:
        return await asyncio.to_thread(Component.load, wasm, progress=self._progress)
