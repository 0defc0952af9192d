"""Making deployments: a trial load in a guest finds out what of the user's code it needs."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from flawless.engine.deployment import (
    MANIFEST_FORMAT,
    Deployment,
    Manifest,
    ModuleCode,
)
from flawless.engine.describing import TrialHost, describe, prepares
from flawless.engine.egress import Egress
from flawless.engine.modules import Source, Unavailable, find_source
from flawless.engine.workflows import WorkflowInfo
from flawless.errors import DeploymentInvalid
from flawless.wasm import Component, GuestLimits
from flawless.wasm.progress import Progress
from flawless.wasm.python_runtime import ModuleFile
from flawless.wasm.python_runtime import bake as bake_component

Find: TypeAlias = Callable[[str], Source | Unavailable]
"""How a trial load finds what is behind a module's name."""

TRIAL_LIMITS = GuestLimits(memory_bytes=1024 * 1024 * 1024, cpu_s_per_turn=120.0)
UPLOAD_LIMITS = GuestLimits(memory_bytes=512 * 1024 * 1024, cpu_s_per_turn=30.0)
"""Of what comes from elsewhere, while executions run."""


class _LoadedModule(msgspec.Struct):
    name: str
    code: str
    file: str = ""
    package: bool = False


class _Described(msgspec.Struct):
    workflows: list[WorkflowInfo]
    modules: list[_LoadedModule] = []
    standin_reasons: dict[str, str] = {}


class _ModulesHost(TrialHost):
    """Serves sources to a guest that only loads modules."""

    def __init__(self, find: Find) -> None:
        super().__init__("the module", "while it is imported: do that inside a workflow")
        self._find = find
        self.served: dict[str, Source] = {}

    def load(self, name: str) -> bytes:
        found = self._find(name)
        if not isinstance(found, Source):
            return msgspec.json.encode({"kind": found.kind, "reason": found.reason})
        self.served[name] = found
        return msgspec.json.encode(
            {
                "kind": "source",
                "file": found.file,
                "package": found.package,
                "user": found.user,
                "source": found.text,
            }
        )

    def source(self, name: str) -> bytes:
        text = self.served[name].text if name in self.served else ""
        return msgspec.json.encode({"source": text})


async def make_bundle(
    entry_modules: Sequence[str],
    component: Component,
    *,
    egress: Sequence[str] | None = None,
    limits: GuestLimits = TRIAL_LIMITS,
    find: Find = find_source,
    upload: str = "",
) -> Deployment:
    """Load the user's modules once in a guest and return them as a deployment.

    `egress` are the hosts its requests may go to; None means all (see `engine.egress`). `upload` is
    the SHA-256 of what was uploaded, and `find` finds it.

    Raises `DeploymentInvalid` with the guest's traceback when they do not load there, or have no
    workflow, and `UsageError` when `egress` is no list of hosts.
    """
    hosts = None if egress is None else Egress(egress).hosts
    host = _ModulesHost(find)
    described = await _describe(component, host, entry_modules, limits)
    made = _deployment(entry_modules, component.sha256, described, host.served, hosts, upload)
    if not await prepares(component, made.preparing(), limits):
        return made
    return Deployment(msgspec.structs.replace(made.manifest, prepared=True))


async def bake(bundle: Deployment, progress: Progress | None = None) -> bytes:
    """Build the component that has a bundle's modules imported, or find it in the cache.

    Takes about as long as building the Python runtime does.
    """
    files = {
        module.name: ModuleFile(
            module.file, module.source, package=module.package, user=module.user
        )
        for module in bundle.manifest.modules
    }
    return await asyncio.to_thread(
        bake_component,
        files,
        bundle.manifest.entry_modules,
        progress,
        standins=bundle.manifest.standins,
    )


def _deployment(
    entry_modules: Sequence[str],
    component_hash: str,
    described: _Described,
    served: dict[str, Source],
    egress: list[str] | None,
    upload: str,
) -> Deployment:
    if not described.workflows:
        raise DeploymentInvalid(
            f"{', '.join(entry_modules)} has no workflow: decorate a function with @workflow"
        )
    modules = [
        ModuleCode(
            loaded.name,
            served[loaded.name].file,
            served[loaded.name].package,
            served[loaded.name].user,
            loaded.code,
            served[loaded.name].text,
        )
        for loaded in described.modules
    ]
    for module in modules:
        base64.b64decode(module.code, validate=True)
    manifest = Manifest(
        MANIFEST_FORMAT,
        "bundle",
        component_hash,
        list(entry_modules),
        described.workflows,
        described.standin_reasons,
        modules,
        egress,
        upload,
    )
    return Deployment(manifest)


async def _describe(
    component: Component, host: _ModulesHost, entry_modules: Sequence[str], limits: GuestLimits
) -> _Described:
    named = ", ".join(entry_modules)
    told = await describe(component, host, entry_modules, limits, named=named)
    try:
        return msgspec.json.decode(told, type=_Described)
    except msgspec.MsgspecError as error:
        raise DeploymentInvalid(f"{named} cannot be loaded in a guest: {error}") from error
