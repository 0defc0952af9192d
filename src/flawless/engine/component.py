"""Deployments of components that the user has built: what they say of themselves, checked.

Nobody needs to trust a component. It runs in a guest that can do nothing, and what it describes is
believed as far as it is within bounds, and makes sense.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec

from flawless.durations import LONGEST_S
from flawless.engine.deployment import MANIFEST_FORMAT, Deployment, Manifest, ModuleCode
from flawless.engine.describing import TrialHost, describe
from flawless.engine.egress import Egress
from flawless.engine.schemas import Schema, SchemaInvalid
from flawless.engine.upload import FILES_BYTES_MAX
from flawless.engine.workflows import ParameterInfo, ReturnInfo, WorkflowInfo
from flawless.errors import DeploymentInvalid
from flawless.wasm import Component, GuestLimits

COMPONENT_LIMITS: Final = GuestLimits(memory_bytes=256 * 1024 * 1024, cpu_s_per_turn=10.0)
"""Of a component that describes itself: it only puts together a text."""
DESCRIPTION_BYTES_MAX: Final = 2 * FILES_BYTES_MAX
WORKFLOWS_MAX: Final = 1_000
PARAMETERS_MAX: Final = 100
MESSAGES_MAX: Final = 100
MODULES_MAX: Final = 1_000
NAME_CHARS_MAX: Final = 200
PATH_CHARS_MAX: Final = 1_000
VERSION_CHARS_MAX: Final = 100
SCHEMA_BYTES_MAX: Final = 256 * 1024

_JsonSchema = dict[str, Any] | bool
_Line = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class _Parameter(msgspec.Struct):
    name: str
    kind: Literal[
        "positional_only", "positional_or_keyword", "var_positional", "keyword_only", "var_keyword"
    ] = "positional_or_keyword"
    required: bool = True
    annotation: str = ""
    schema: _JsonSchema = True


class _Returns(msgspec.Struct, frozen=True):
    annotation: str = ""
    schema: _JsonSchema = True


class _Workflow(msgspec.Struct):
    name: str
    module: str
    function: str
    doc: str = ""
    is_async: bool = False
    parameters: list[_Parameter] = []
    returns: _Returns = _Returns()
    file: str = ""
    line: _Line = 0
    messages: dict[str, _JsonSchema] = {}
    deadline_s: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_S)] | None = None


class _Module(msgspec.Struct):
    name: str
    file: str = ""
    source: str = ""


class _Described(msgspec.Struct):
    workflows: list[_Workflow]
    module: str = ""
    version: str = ""
    language: str = ""
    modules: list[_Module] = []


async def make_component(
    component: Component,
    *,
    egress: list[str] | None = None,
    upload: str = "",
    limits: GuestLimits = COMPONENT_LIMITS,
) -> Deployment:
    """Let a component describe itself and return it as a deployment.

    `egress` are the hosts its requests may go to (None: all), `upload` is the component's SHA-256
    if it was uploaded. Raises `DeploymentInvalid` when it does not describe itself, wants to do
    anything else meanwhile, or says what cannot be.
    """
    host = TrialHost("the component", "while it describes itself: do that inside a workflow")
    told = await describe(
        component,
        host,
        [],
        limits,
        named="the component",
        output_bytes_max=DESCRIPTION_BYTES_MAX,
    )
    try:
        described = msgspec.json.decode(told, type=_Described)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _wrong(str(error)) from error
    module = described.module or _common_module(described.workflows)
    _check(described, module)
    manifest = Manifest(
        MANIFEST_FORMAT,
        "component",
        component.sha256,
        [module],
        [_workflow(one) for one in described.workflows],
        {},
        [
            ModuleCode(one.name, one.file, package=False, user=True, code="", source=one.source)
            for one in described.modules
        ],
        None if egress is None else Egress(egress).hosts,
        upload,
        described.version,
        described.language,
    )
    return Deployment(manifest)


def label_of(deployment: Deployment) -> str:
    """Return the label of a deployment that was given none: its modules, and the version."""
    manifest = deployment.manifest
    return " ".join(filter(None, [", ".join(manifest.entry_modules), manifest.version]))


def _workflow(one: _Workflow) -> WorkflowInfo:
    parameters = [
        ParameterInfo(each.name, each.kind, each.required, each.annotation, _object(each.schema))
        for each in one.parameters
    ]
    return WorkflowInfo(
        one.name,
        one.module,
        one.function,
        one.doc,
        one.is_async,
        parameters,
        ReturnInfo(one.returns.annotation, _object(one.returns.schema)),
        one.file,
        one.line,
        {name: _object(schema) for name, schema in one.messages.items()},
        one.deadline_s,
    )


def _object(schema: _JsonSchema) -> dict[str, Any]:
    """Return a schema as an object: anything is `{}`, nothing is what is not that."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    return schema


def _common_module(workflows: Iterable[_Workflow]) -> str:
    names = {one.module for one in workflows}
    if len(names) != 1:
        raise _wrong("it names no module")
    return names.pop()


def _check(described: _Described, module: str) -> None:
    """Raise `DeploymentInvalid` unless what was decoded is within bounds and makes sense."""
    _check_name(module, "module")
    _check_text(described.version, "version", VERSION_CHARS_MAX)
    _check_text(described.language, "language", NAME_CHARS_MAX)
    if not described.workflows:
        raise DeploymentInvalid(
            "the component has no workflow: mark a function with #[workflow], or whatever its "
            "language has for it"
        )
    _check_count(described.workflows, "workflows", WORKFLOWS_MAX)
    _check_count(described.modules, "modules", MODULES_MAX)
    _check_distinct([one.name for one in described.workflows], "workflow")
    _check_distinct([one.name for one in described.modules], "module")
    for workflow in described.workflows:
        _check_workflow(workflow, module)
    for each in described.modules:
        _check_name(each.name, "module")
        _check_text(each.file, "file of a module", PATH_CHARS_MAX)
    size = sum(len(each.source.encode()) for each in described.modules)
    if size > FILES_BYTES_MAX:
        raise _wrong(f"its sources have {size:,} bytes, the limit is {FILES_BYTES_MAX:,}")


def _check_workflow(workflow: _Workflow, module: str) -> None:
    _check_name(workflow.name, "workflow")
    _check_name(workflow.function, "function of a workflow")
    if workflow.module != module:
        raise _wrong(
            f"its workflow {workflow.name!r} is of the module {_shown(workflow.module)}, and the "
            f"component is of {module!r}"
        )
    _check_text(workflow.file, "file of a workflow", PATH_CHARS_MAX)
    what = f"of the workflow {workflow.name!r}"
    _check_count(workflow.parameters, f"parameters {what}", PARAMETERS_MAX)
    _check_count(workflow.messages, f"messages {what}", MESSAGES_MAX)
    _check_distinct([one.name for one in workflow.parameters], f"parameter {what}")
    for one in workflow.parameters:
        _check_name(one.name, f"parameter {what}")
        _check_schema(one.schema, f"the parameter {one.name!r} {what}")
    _check_schema(workflow.returns.schema, f"the result {what}")
    for name, schema in workflow.messages.items():
        _check_name(name, f"message {what}")
        _check_schema(schema, f"the message {name!r} {what}")


def _check_schema(schema: _JsonSchema, what: str) -> None:
    size = len(msgspec.json.encode(schema))
    if size > SCHEMA_BYTES_MAX:
        raise _wrong(f"the schema of {what} has {size:,} bytes, the limit is {SCHEMA_BYTES_MAX:,}")
    try:
        Schema(_object(schema))
    except SchemaInvalid as error:
        raise _wrong(f"the schema of {what} is no JSON Schema to check with: {error}") from error


def _check_name(name: str, what: str) -> None:
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable() or name.strip() != name:
        raise _wrong(
            f"{_shown(name)} is no name of a {what}: it has 1 to {NAME_CHARS_MAX} printable "
            "characters"
        )


def _check_text(text: str, what: str, most: int) -> None:
    if len(text) > most or not text.isprintable():
        raise _wrong(f"{_shown(text)} is no {what}: it has at most {most} printable characters")


def _check_count(items: Any, what: str, most: int) -> None:
    if len(items) > most:
        raise _wrong(f"it has {len(items):,} {what}, the limit is {most:,}")


def _check_distinct(names: list[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _wrong(f"two are called {_shown(name)}: give each {what} another name")
        seen.add(name)


def _shown(text: str) -> str:
    return repr(text if len(text) <= NAME_CHARS_MAX else f"{text[:NAME_CHARS_MAX]}...")


def _wrong(text: str) -> DeploymentInvalid:
    return DeploymentInvalid(f"what the component says of itself is wrong: {text}")
