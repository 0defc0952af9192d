"""Deployments: immutable, content-addressed builds of the user's code.

A *bundle* is a set of Python modules, compiled once and loaded into the ready Python runtime
component at each start: nothing to build, good while developing. A *baked* deployment is a
component of its own, made with the modules already imported: slow to build, nothing to import at a
start. A *component* is what the user has built, of Rust or whatever compiles to WebAssembly: it
tells of its workflows itself, and what it holds of modules is their text, to be shown.

A deployment's manifest, kept in the store, is all that is needed to run its executions later, on
this machine or another: it holds the modules' code and names the component by its SHA-256.
"""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

import msgspec

from flawless.core.machine import Answers
from flawless.core.protocol import (
    VERSION,
    LoadRequest,
    Question,
    SecretRequest,
    SourceRequest,
    decode_request,
)
from flawless.engine.egress import Egress
from flawless.engine.secrets import placeholder
from flawless.engine.signatures import Signature
from flawless.engine.workflows import WorkflowInfo
from flawless.errors import WorkflowNotFound
from flawless.ids import DeploymentId
from flawless.wasm import NotAlike, Preparation

MANIFEST_FORMAT = 1

Kind: TypeAlias = Literal["bundle", "baked", "component"]


class ModuleCode(msgspec.Struct, frozen=True):
    """A module of a deployment; `code` is base64 of its marshalled code object, if it is Python."""

    name: str
    file: str
    package: bool
    user: bool
    code: str
    source: str


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything a deployment consists of, apart from the component.

    What was added later has a default, and is left out where it has that: the ids of deployments
    are made of this.
    """

    format: int
    kind: Kind
    component: str
    """SHA-256 of the component, in hexadecimal."""
    entry_modules: list[str]
    workflows: list[WorkflowInfo]
    standins: dict[str, str]
    """Libraries that run natively only, and why."""
    modules: list[ModuleCode]
    egress: list[str] | None = None
    """The hosts that requests may go to, or None for all; see `engine.egress`."""
    upload: str = ""
    """SHA-256 of the uploaded files, or component, where the code came as an upload."""
    version: str = ""
    """As the user's component says, as is the next one."""
    language: str = ""
    prepared: bool = False
    """Whether all executions begin in the same way, so that it need be done but once: importing the
    modules asks for no time, no randomness and nothing else that may differ between them."""


class _Modules:
    """What a manifest holds of modules, as answers to guests."""

    def __init__(self, manifest: Manifest) -> None:
        self._code = {
            module.name: msgspec.json.encode(
                {
                    "kind": "code",
                    "file": module.file,
                    "package": module.package,
                    "user": module.user,
                    "code": module.code,
                }
            )
            for module in manifest.modules
            if module.code
        }
        self._sources = {module.name: module.source for module in manifest.modules}
        self._standins = manifest.standins

    def answer(self, request: LoadRequest | SourceRequest) -> bytes:
        """Answer a question for code."""
        if isinstance(request, SourceRequest):
            return msgspec.json.encode({"source": self._sources.get(request.name, "")})
        known = self._code.get(request.name)
        if known is not None:
            return known
        for name in (request.name, request.name.partition(".")[0]):
            if name in self._standins:
                return msgspec.json.encode({"kind": "native", "reason": self._standins[name]})
        return b'{"kind":"missing"}'

    def answer_preparing(self, request: bytes) -> bytes:
        """Answer a guest that is prepared: it has modules, and nothing else."""
        asked = decode_request(request)
        if isinstance(asked, LoadRequest | SourceRequest):
            return self.answer(asked)
        raise NotAlike("the guest asked for more than modules while they were imported")


class Deployment:
    """A manifest, ready to answer what guests ask of it."""

    def __init__(self, manifest: Manifest, encoded: bytes | None = None) -> None:
        self.manifest = manifest
        # What a store has kept is taken as it is: an older release left out what is new.
        self.encoded = encoded or msgspec.json.encode(manifest, order="deterministic")
        self.id = DeploymentId(hashlib.sha256(self.encoded).hexdigest()[:16])
        self.egress = None if manifest.egress is None else Egress(manifest.egress)
        """The hosts that requests may go to, or None for all."""
        self.workflows = {info.name: info for info in manifest.workflows}
        self._modules = _Modules(manifest)
        self._signatures: dict[str, Signature] = {}
        self.preparation = self.preparing() if manifest.prepared else None
        """How its guests begin, all of them or none: what a guest can see depends on it."""

    @property
    def is_python(self) -> bool:
        """Whether its workflows are functions that can be imported natively, too."""
        return self.manifest.kind != "component"

    def signature(self, workflow: str) -> Signature:
        """Return what calls of a workflow are held to, as the deployment describes it."""
        found = self._signatures.get(workflow)
        if found is None:
            found = self._signatures[workflow] = Signature(self.workflows[workflow])
        return found

    def preparing(self) -> Preparation:
        """Return how its guests begin if they are prepared."""
        head = {"protocol": VERSION, "prepare": True, "modules": self.manifest.entry_modules}
        return Preparation(msgspec.json.encode(head), self._modules.answer_preparing)

    def on(self, component: str, kind: Kind) -> Deployment:
        """Return the same code as a deployment on another component."""
        manifest = msgspec.structs.replace(self.manifest, component=component, kind=kind)
        return Deployment(manifest)

    @classmethod
    def decode(cls, data: bytes) -> Deployment:
        """Return the deployment whose manifest a store has kept."""
        return cls(msgspec.json.decode(data, type=Manifest), data)

    def answer(self, request: LoadRequest | SourceRequest) -> bytes:
        """Answer a guest's question for code: the same answer in every run of an execution."""
        return self._modules.answer(request)

    def answers(self, seed: bytes) -> Answers:
        """Return what answers all questions of an execution with that seed, the same way always.

        A secret's placeholder is given out whether this engine has the secret or not: that may
        change, and a replay must see what the first run saw.
        """

        def answer(question: Question) -> bytes:
            if isinstance(question, SecretRequest):
                return b'{"ok":"%s"}' % placeholder(question.name, seed).encode()
            return self.answer(question)

        return answer

    def run_input(
        self, execution: str, workflow: str, args: bytes, now_us: int, run: int = 1
    ) -> bytes:
        """Return the input of the guest's `run` export."""
        if workflow not in self.workflows:
            raise WorkflowNotFound(workflow, list(self.workflows))
        head = {
            "protocol": VERSION,
            "execution": execution,
            "workflow": workflow,
            "now": now_us,
            "run": run,
            "modules": self.manifest.entry_modules,
        }
        return msgspec.json.encode(head)[:-1] + b',"args":' + args + b"}"
