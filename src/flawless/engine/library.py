"""The deployments an engine knows, and the components they run on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

import msgspec

from flawless.codec import public_module
from flawless.engine import deploy
from flawless.engine.component import label_of, make_component
from flawless.engine.components import Components
from flawless.engine.deployment import Deployment
from flawless.engine.egress import Egress
from flawless.engine.given import Spec, check_distinct, have_workflows, read_component, sort_out
from flawless.engine.imports import Imported
from flawless.engine.modules import find_source, import_user_module
from flawless.engine.upload import LABEL_CHARS_MAX, Upload
from flawless.engine.uploads import Uploads
from flawless.engine.workflows import WorkflowInfo
from flawless.errors import DeploymentInvalid, InputInvalid
from flawless.ids import DeploymentId
from flawless.stores.base import SaveActive, SaveBlob, SaveDeployment, Store
from flawless.wasm import Component, GuestLimits
from flawless.wasm.contract import check as check_component
from flawless.wasm.progress import Progress
from flawless.wasm.python_runtime import build as build_runtime

UPLOADS_MAX: Final = 100
"""Uploads that serve at the same time, each with workflows that no later one has."""

_log = logging.getLogger("flawless.deploy")


@dataclass(frozen=True, slots=True)
class _Uploaded:
    """An upload that serves, or would, if the engine's own modules did not serve instead."""

    deployment: Deployment
    imported: Imported | None


class Library:
    """Deploys the user's modules, takes uploads, and finds old deployments again.

    Executions stay on the deployment they began with: its manifest and its component are kept in
    the store, so an engine with newer code, or on another machine, can still run them.

    New executions of a workflow run on the latest deployment that has it. Later than those that
    were uploaded before is what the engine is given as modules, and later than that what is
    uploaded from then on.
    """

    def __init__(
        self,
        store: Store,
        modules: Sequence[Spec],
        *,
        baked: bool = False,
        egress: Sequence[str] | None = None,
        progress: Progress | None = None,
        code: Path | None = None,
    ) -> None:
        self.native: dict[str, ModuleType] = {}
        """The modules of what serves, as imported natively, by name."""
        self.workflows: dict[str, WorkflowInfo] = {}
        """What can be started, by name."""
        self._store = store
        self._specs = list(modules)
        self._baked = baked
        self._egress = egress
        self._progress = progress
        self._given: list[Deployment] = []
        """What was made of what the engine was given."""
        self._modules: dict[str, ModuleType] = {}
        self._before: list[_Uploaded] = []
        self._since: list[_Uploaded] = []
        self._current: dict[str, Deployment] = {}
        self._deployments: dict[str, Deployment] = {}
        self._components = Components(store, progress)
        self._runtime: Component | None = None
        self._uploads = Uploads(code)
        self._uploading = asyncio.Lock()

    # --- what serves --------------------------------------------------------------------------

    @property
    def current(self) -> Deployment:
        """The latest deployment of those that new executions run on."""
        serving = self._serving
        assert serving, "the library is open"
        return serving[-1]

    def latest(self, workflow: str) -> Deployment | None:
        """Return the deployment that new executions of a workflow run on, if there is one."""
        return self._current.get(workflow)

    def current_workflows(self, deployment: str) -> list[str]:
        """Return the names of the workflows that new executions run on that deployment."""
        return [name for name, made in self._current.items() if made.id == deployment]

    async def open(self, now_us: int) -> None:
        """Import the modules natively, deploy them, and serve them with what was uploaded before.

        Raises `DeploymentInvalid` or `ToolchainError`.
        """
        active = await self._store.active()
        if self._specs:
            self._given = await self._deploy_given(now_us)
        elif not active:
            raise DeploymentInvalid(
                "there is nothing to serve: name a module with workflows (`flawless up app.py`, "
                'Engine("app.db", modules=["app"])). Without one, what was deployed to the data is '
                "served, and nothing was"
            )
        await self._serve_uploads(active, now_us)

    def close(self) -> None:
        """Let the process be as it was before: no uploads shown to it, no instances kept."""
        for deployment in self._deployments.values():
            if deployment.preparation is not None:
                deployment.preparation.close()
        self._components.close()
        self._uploads.close()

    async def find(self, deployment_id: str) -> tuple[Deployment, Component]:
        """Return a deployment and its component; raises `DeploymentInvalid` if either is lost."""
        deployment = await self._deployment(deployment_id)
        return deployment, await self._components.find(deployment)

    def loaded(self, deployment_id: str) -> tuple[Deployment, Component] | None:
        """Return what `find` does, if that is in memory, as what serves always is; else None."""
        deployment = self._deployments.get(deployment_id)
        if deployment is None:
            return None
        component = self._components.get(deployment.manifest.component)
        return None if component is None else (deployment, component)

    async def upload(
        self,
        files: Mapping[str, str],
        modules: Sequence[str],
        label: str,
        now_us: int,
        *,
        serve: bool = True,
    ) -> tuple[str, bool]:
        """Deploy uploaded sources; return the deployment's id and whether it is new.

        From then on new executions of its workflows run on it, and its steps serve all executions.
        Unless it is to `serve`: then it is kept for those who name it, and changes nothing else. It
        is not imported natively; steps are those of what serves.

        Raises `InputInvalid` when these are no sources, and `DeploymentInvalid` when they do not
        load in a guest or do not import natively. What serves has not changed then; but its modules
        may have been imported, in a process of their own and in this one, and done there what they
        do when they are imported, and the store may have kept a component that was baked for it.

        Durability: when this returns, the upload is durable, and the next engine serves it too.
        """
        _check_label(label)
        upload = await asyncio.to_thread(Upload, files, modules)
        async with self._uploading:
            upload.check_names()
            deployment = await self._made(
                upload.modules, limits=deploy.UPLOAD_LIMITS, find=upload.find, upload=upload.sha256
            )
            named = label or ", ".join(upload.modules)

            async def keep() -> None:
                await self._store.commit([SaveBlob(upload.sha256, upload.packed)])

            return await self._take_in(deployment, upload, keep, named, now_us, serve=serve)

    async def upload_component(
        self, wasm: bytes, label: str, now_us: int, *, serve: bool = True
    ) -> tuple[str, bool]:
        """Deploy an uploaded component; return the deployment's id and whether it is new.

        Raises `DeploymentInvalid` when it is none that can be served; nothing has changed then.
        Otherwise as `upload`.
        """
        _check_label(label)
        check_component(wasm)
        component = await self._components.load_foreign(wasm)
        deployment = await self._described(component, upload=component.sha256)

        async def keep() -> None:
            await self._components.keep(component, wasm)

        async with self._uploading:
            named = label or label_of(deployment)
            return await self._take_in(deployment, None, keep, named, now_us, serve=serve)

    # --- inside -------------------------------------------------------------------------------

    @property
    def _serving(self) -> list[Deployment]:
        """All that serves, the latest last."""
        before, since = ([one.deployment for one in part] for part in (self._before, self._since))
        return [*before, *self._given, *since]

    async def _deploy_given(self, now_us: int) -> list[Deployment]:
        given = sort_out(self._specs)
        for spec in given.modules:
            module = import_user_module(spec)
            self._modules[public_module(module.__name__)] = module
        made = []
        # Beside components, Python modules may hold nothing but steps: those need no guest.
        if not given.components or have_workflows(self._modules.values()):
            made.append(await self._made_of_modules(list(self._modules)))
        for path in given.components:
            wasm = await read_component(path, self._progress)
            try:
                made.append(await self._made_of(wasm))
            except DeploymentInvalid as error:
                raise DeploymentInvalid(f"{path}: {error}", traceback=error.traceback) from error
        check_distinct(made)
        for deployment in made:
            await self._store.commit([save(deployment, label_of(deployment), now_us)])
            self._deployments[deployment.id] = deployment
        return made

    async def _made_of_modules(self, names: list[str]) -> Deployment:
        return await self._made(names)

    async def _made_of(self, wasm: bytes) -> Deployment:
        """Return the deployment that a component describes itself as, and keep the component."""
        component = await self._components.load(wasm)
        deployment = await self._described(component)
        await self._components.keep(component, wasm)
        return deployment

    async def _described(self, component: Component, upload: str = "") -> Deployment:
        egress = None if self._egress is None else list(self._egress)
        return await make_component(component, egress=egress, upload=upload)

    async def _take_in(
        self,
        deployment: Deployment,
        upload: Upload | None,
        keep: Callable[[], Awaitable[None]],
        label: str,
        now_us: int,
        *,
        serve: bool,
    ) -> tuple[str, bool]:
        """Keep an upload, and let it serve; `upload` are its sources, if it is no component.

        `keep` puts what was uploaded into the store.
        """
        record = await self._store.deployment(deployment.id)
        if not serve:
            if record is None:
                await keep()
                await self._store.commit([save(deployment, label, now_us)])
                self._deployments[deployment.id] = deployment
            return deployment.id, record is None
        if self._since and self._since[-1].deployment.id == deployment.id:
            return deployment.id, False
        others = [
            [one for one in part if one.deployment.id != deployment.id]
            for part in (self._before, self._since)
        ]
        try:
            imported = None
            if upload is not None:
                imported = await self._uploads.take_in(upload, deployment.id)
            taken = _Uploaded(deployment, imported)
            kept = _still_serving([*others[0], *others[1], taken])
            await keep()
            await self._store.commit(
                [
                    save(deployment, label, now_us),
                    SaveActive(tuple(one.deployment.id for one in kept)),
                ]
            )
        except BaseException:
            if deployment.id not in {one.deployment.id for one in self._before + self._since}:
                self._uploads.drop(deployment.id)
            raise
        self._before, self._since = ([one for one in part if one in kept] for part in others)
        self._since.append(taken)
        self._deployments[deployment.id] = deployment
        self._show()
        return deployment.id, record is None

    async def _made(
        self,
        entry_modules: Sequence[str],
        *,
        limits: GuestLimits = deploy.TRIAL_LIMITS,
        find: deploy.Find = find_source,
        upload: str = "",
    ) -> Deployment:
        if self._runtime is None:
            wasm = await asyncio.to_thread(build_runtime, self._progress)
            self._runtime = await self._components.adopt(wasm)
        deployment = await deploy.make_bundle(
            entry_modules,
            self._runtime,
            egress=self._egress,
            limits=limits,
            find=find,
            upload=upload,
        )
        if self._baked:
            baked = await deploy.bake(deployment, self._progress)
            component = await self._components.adopt(baked)
            deployment = deployment.on(component.sha256, "baked")
        return deployment

    async def _serve_uploads(self, active: Sequence[str], now_us: int) -> None:
        """Serve what was uploaded to earlier engines, as far as nothing later serves instead."""
        made = [await self._with_egress(id_, now_us) for id_ in active]
        if [one.id for one in made] != list(active):
            await self._store.commit([SaveActive(tuple(one.id for one in made))])
        table = latest_by_workflow([*made, *self._given])
        serving = {one.id for one in table.values()}
        await self._uploads.tidy(serving)
        for deployment in made:
            imported = None
            if deployment.id in serving:
                imported = await self._taken_in(deployment)
            else:
                _log.warning(
                    "upload %s of %s does not serve: the modules given here come first",
                    deployment.id,
                    ", ".join(deployment.manifest.entry_modules),
                )
            self._before.append(_Uploaded(deployment, imported))
        for deployment in table.values():  # whoever starts an execution does not wait for it then
            await self.find(deployment.id)
        self._show()

    async def _taken_in(self, deployment: Deployment) -> Imported | None:
        manifest = deployment.manifest
        if not deployment.is_python:
            return None
        packed = await self._store.blob(manifest.upload)
        if packed is None:
            raise DeploymentInvalid(
                f"the files of upload {deployment.id} are not in the store: restore the data "
                "folder from a backup"
            )
        upload = await asyncio.to_thread(Upload.unpack, packed, manifest.entry_modules)
        try:
            return await self._uploads.take_in(upload, deployment.id)
        except DeploymentInvalid as error:
            files = " ".join(f"{name.replace('.', '/')}.py" for name in manifest.entry_modules)
            raise DeploymentInvalid(
                f"{error}. This is upload {deployment.id}, which cannot be served so: install what "
                f"it misses, or serve its modules from files instead, as in `flawless up {files}`",
                traceback=error.traceback,
            ) from error

    async def _with_egress(self, deployment_id: str, now_us: int) -> Deployment:
        """Return an upload, made anew if its requests may go to other hosts now."""
        deployment = await self._deployment(deployment_id)
        hosts = None if self._egress is None else Egress(self._egress).hosts
        if deployment.manifest.egress == hosts:
            return deployment
        record = await self._store.deployment(deployment.id)
        label = "" if record is None else record.label
        deployment = Deployment(msgspec.structs.replace(deployment.manifest, egress=hosts))
        await self._store.commit([save(deployment, label, now_us)])
        self._deployments[deployment.id] = deployment
        return deployment

    def _show(self) -> None:
        """Let new executions, and steps, run on what serves now."""
        self._current = latest_by_workflow(self._serving)
        self.workflows = {name: made.workflows[name] for name, made in self._current.items()}
        serving = {made.id for made in self._current.values()}
        below, above = (
            [one.imported for one in part if one.imported and one.deployment.id in serving]
            for part in (self._before, self._since)
        )
        self._uploads.show(below, above)
        self.native.clear()
        for modules in (*(o.modules for o in below), self._modules, *(o.modules for o in above)):
            self.native.update(modules)

    async def _deployment(self, deployment_id: str) -> Deployment:
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
        return deployment


def save(deployment: Deployment, label: str, now_us: int) -> SaveDeployment:
    """Return what keeps a deployment in a store."""
    return SaveDeployment(
        deployment.id,
        label=label,
        kind=deployment.manifest.kind,
        manifest=deployment.encoded,
        component=deployment.manifest.component,
        created_us=now_us,
    )


def _check_label(label: str) -> None:
    if len(label) > LABEL_CHARS_MAX or not label.isprintable():
        raise InputInvalid(
            f"a label is one line of at most {LABEL_CHARS_MAX} characters", path="label"
        )


def latest_by_workflow(deployments: Iterable[Deployment]) -> dict[str, Deployment]:
    """Return, for each workflow, the last of the deployments that has it.

    A deployment also takes the place of earlier ones of its entry modules, so that a workflow which
    is no longer in its module cannot be started any more.
    """
    found: dict[str, Deployment] = {}
    for made in deployments:
        entries = set(made.manifest.entry_modules)
        found = {
            name: old
            for name, old in found.items()
            if old.workflows[name].module not in entries
            and not entries.issuperset(old.manifest.entry_modules)
        }
        found |= dict.fromkeys(made.workflows, made)
    return found


def _still_serving(uploads: Sequence[_Uploaded]) -> list[_Uploaded]:
    """Return the uploads that have a workflow which no later one has; refuse too many."""
    table = latest_by_workflow(one.deployment for one in uploads)
    serving = {made.id for made in table.values()}
    kept = [one for one in uploads if one.deployment.id in serving]
    if len(kept) > UPLOADS_MAX:
        raise InputInvalid(
            f"{UPLOADS_MAX} uploads serve already, each with other workflows: upload modules that "
            "belong together as one",
            path="modules",
        )
    return kept
