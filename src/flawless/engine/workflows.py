"""What is known of workflows without their code: as guests describe them."""

from __future__ import annotations

from typing import Any

import msgspec


class ParameterInfo(msgspec.Struct, frozen=True):
    """A parameter of a workflow; `schema` is JSON Schema."""

    name: str
    kind: str
    required: bool
    annotation: str = ""
    schema: dict[str, Any] = {}


class ReturnInfo(msgspec.Struct, frozen=True):
    """What a workflow returns."""

    annotation: str = ""
    schema: dict[str, Any] = {}


class WorkflowInfo(msgspec.Struct, frozen=True):
    """A workflow as its guest describes it."""

    name: str
    module: str
    function: str
    doc: str = ""
    is_async: bool = False
    parameters: list[ParameterInfo] = []
    returns: ReturnInfo = ReturnInfo()
    file: str = ""
    line: int = 0
    messages: dict[str, dict[str, Any]] = {}
    """What it receives, as declared: JSON Schemas by name."""
    deadline_s: float | None = None
    """How long an execution may take, unless its start says otherwise."""
