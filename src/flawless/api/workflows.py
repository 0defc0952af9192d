"""What can be started."""

from __future__ import annotations

from typing import Any

import msgspec


class Parameter(msgspec.Struct):
    """A parameter of a workflow; `schema` is JSON Schema."""

    name: str
    kind: str
    required: bool
    annotation: str = ""
    schema: dict[str, Any] = {}


class Returns(msgspec.Struct):
    """What a workflow returns; `schema` is JSON Schema."""

    annotation: str = ""
    schema: dict[str, Any] = {}


class Workflow(msgspec.Struct):
    """A workflow that executions can be started of.

    `messages` are those it declares to receive, by name, each with the JSON Schema of its payload.
    `deadline_s` is how long it may take unless the start says otherwise.
    """

    name: str
    module: str
    function: str
    doc: str = ""
    is_async: bool = False
    parameters: list[Parameter] = []
    returns: Returns = msgspec.field(default_factory=Returns)
    file: str = ""
    line: int = 0
    messages: dict[str, Any] = {}
    deadline_s: float | None = None


class WorkflowList(msgspec.Struct):
    """The workflows of the deployment that new executions run on."""

    workflows: list[Workflow]
