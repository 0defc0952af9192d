"""Making deployments: a trial load in a guest finds out what of the user's code it needs."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from flawless.core.protocol import (
    VERSION,
    ClockRequest,
    LoadRequest,
    LogRequest,
    SourceRequest,
    decode_request,
)
from flawless.core.randomness import RandomStream
from flawless.engine.deployment import (
    MANIFEST_FORMAT,
    Deployment,
    Manifest,
    ModuleCode,
    WorkflowInfo,
)
from flawless.engine.egress import Egress
from flawless.engine.modules import Source, Unavailable, find_source
from flawless.errors import DeploymentInvalid, FlawlessError, UsageError
from flawless.wasm import Component, Finished, Guest, GuestLimits, Preempted
from flawless.wasm.progress import Progress
from flawless.wasm.python_runtime import ModuleFile
from flawless.wasm.python_runtime import bake as bake_component

_log = logging.getLogger("flawless.deploy")

Find: TypeAlias = Callable[[str], Source | Unavailable]
"""How a trial load finds what is behind a module's name."""

TRIAL_LIMITS = GuestLimits(memory_bytes=1024 * 1024 * 1024, cpu_s_per_turn=120.0)
UPLOAD_LIMITS = GuestLimits(memory_bytes=512 * 1024 * 1024, cpu_s_per_turn=30.0)
"""Of what comes from elsewhere, while executions run."""
_TRIAL_TIME_US = 1_700_000_000_000_000  # any fixed moment: a module must not depend on it


class _LoadedModule(msgspec.Struct):
    name: str
    code: str
    file: str = ""
    package: bool = False


class _Described(msgspec.Struct):
    workflows: list[WorkflowInfo]
    modules: list[_LoadedModule] = []
    standin_reasons: dict[str, str] = {}


class _DescribeOutput(msgspec.Struct):
    ok: _Described | None = None
    error: dict[str, Any] | None = None


class _TrialHost:
    """Serves sources to a guest that only loads modules; the world is a fixed moment."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self.served: dict[str, Source] = {}
        self._random = RandomStream(b"trial load")

    def call(self, request: bytes) -> bytes | None:
        asked = decode_request(request)
        match asked:
            case LoadRequest(name):
                return self._load(name)
            case SourceRequest(name):
                text = self.served[name].text if name in self.served else ""
                return msgspec.json.encode({"source": text})
            case LogRequest(level, logger, message):
                _log.log(level, "%s: %s", logger, message)
                return b"{}"
            case ClockRequest():
                return b'{"now":%d}' % _TRIAL_TIME_US
            case _:
                raise DeploymentInvalid(
                    "the module performs an effect while it is imported: do that inside a workflow"
                )

    def clock_ns(self) -> int:
        return _TRIAL_TIME_US * 1_000

    def random(self, size: int) -> bytes:
        return self._random.read(size)

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        _log.info("%s: %s", stream, data.decode("utf-8", "replace").rstrip())

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        raise DeploymentInvalid("the module sleeps while it is imported: do that in a workflow")

    def _load(self, name: str) -> bytes:
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
    host = _TrialHost(find)
    described = await _describe(component, host, entry_modules, limits)
    return _deployment(entry_modules, component.sha256, described, host.served, hosts, upload)


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
    component: Component, host: _TrialHost, entry_modules: Sequence[str], limits: GuestLimits
) -> _Described:
    guest = Guest(component, host, limits)
    request = msgspec.json.encode({"protocol": VERSION, "modules": list(entry_modules)})
    try:
        state = guest.start("describe", request)
        while isinstance(state, Preempted):
            await asyncio.sleep(0)
            state = guest.proceed()
        assert isinstance(state, Finished), "the trial host answers everything at once"
        output = msgspec.json.decode(state.output, type=_DescribeOutput)
    except UsageError:
        raise
    except (FlawlessError, msgspec.MsgspecError) as error:
        raise DeploymentInvalid(
            f"{', '.join(entry_modules)} cannot be loaded in a guest: {error}"
        ) from error
    finally:
        guest.close()
    if output.ok is None:
        error_object = output.error or {}
        raise DeploymentInvalid(
            f"{', '.join(entry_modules)} cannot be loaded in a guest: "
            f"{error_object.get('type')}: {error_object.get('message')}",
            traceback=str(error_object.get("traceback", "")),
        )
    return output.ok
