"""What a workflow takes, as its component describes it: calls and messages are held to that.

The workflows of a component have no native function to be checked against. What there is instead is
the JSON Schema of each parameter, and values are looked at in their plain form: as the component
will read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from flawless import codec
from flawless.engine.schemas import Schema
from flawless.engine.workflows import ParameterInfo, WorkflowInfo
from flawless.errors import InputInvalid

_POSITIONAL = ("positional_only", "positional_or_keyword")
_NAMED = ("positional_or_keyword", "keyword_only")


class Signature:
    """The parameters and messages of one workflow. What it is asked for is compiled once."""

    def __init__(self, info: WorkflowInfo) -> None:
        self._info = info
        self._schemas: dict[str, Schema] = {}
        self._messages: dict[str, Schema] = {}
        parameters = info.parameters
        self._positional = [one for one in parameters if one.kind in _POSITIONAL]
        self._named = {one.name: one for one in parameters if one.kind in _NAMED}
        self._rest = next((one for one in parameters if one.kind == "var_positional"), None)
        self._others = next((one for one in parameters if one.kind == "var_keyword"), None)

    def check(self, call: Any) -> None:
        """Raise `InputInvalid` naming the parameter unless an encoded call fits the workflow."""
        args, kwargs = call["a"], call["k"]
        given = set()
        for path, parameter, value in self._bound(args, kwargs):
            given.add(parameter.name)
            schema = self._schemas.get(parameter.name)
            if schema is None:
                schema = self._schemas[parameter.name] = Schema(parameter.schema)
            schema.check(_plain(value, path), path)
        for parameter in self._info.parameters:
            if parameter.required and parameter.name not in given:
                raise self._unfit(parameter.name, "is missing: the workflow requires it")

    def check_message(self, name: str, payload: bytes) -> None:
        """Raise `InputInvalid` unless the payload of a message fits, if it is a declared one."""
        declared = self._info.messages.get(name)
        if declared is None:
            return
        schema = self._messages.get(name)
        if schema is None:
            schema = self._messages[name] = Schema(declared)
        try:
            value = codec.read(payload, path="payload")
        except codec.CodecError as error:
            raise InputInvalid(str(error), path=error.path) from error
        schema.check(_plain(value, "payload"), "payload")

    def _bound(
        self, args: list[Any], kwargs: dict[str, Any]
    ) -> Iterator[tuple[str, ParameterInfo, Any]]:
        """Yield each argument with its parameter, and a path for errors."""
        for number, value in enumerate(args):
            if number < len(self._positional):
                parameter = self._positional[number]
                yield parameter.name, parameter, value
            elif self._rest is not None:
                yield f"{self._rest.name}[{number - len(self._positional)}]", self._rest, value
            else:
                raise self._unfit(f"args[{number}]", f"is unexpected: {self._takes()}")
        taken = {one.name for one in self._positional[: len(args)]}
        for name, value in kwargs.items():
            found = self._named.get(name, self._others)
            if found is None:
                raise self._unfit(name, f"is unexpected: {self._takes()}")
            if name in taken and name in self._named:
                raise self._unfit(name, "is given twice, by its place and by its name")
            yield name, found, value

    def _takes(self) -> str:
        names = [one.name for one in self._info.parameters]
        return f"{self._info.name} takes {', '.join(names) or 'no arguments'}"

    def _unfit(self, path: str, text: str) -> InputInvalid:
        return InputInvalid(f"{path}: {text}", path=path)


def decoded(args: bytes) -> Any:
    """Return an encoded call that a guest has written. Raises `InputInvalid` if it is none."""
    try:
        call = msgspec.json.decode(args)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputInvalid(f"the arguments are not JSON: {error}", path="args") from error
    if (
        not isinstance(call, dict)
        or not isinstance(call.get("a"), list)
        or not isinstance(call.get("k"), dict)
    ):
        raise InputInvalid(
            'the arguments are no encoded call: {"a": [...], "k": {...}}', path="args"
        )
    return call


def _plain(value: Any, path: str) -> Any:
    try:
        return codec.plain(_numbers(value), strict=True)
    except (codec.CodecError, RecursionError) as error:
        # Guests write values themselves.
        raise InputInvalid(f"{path}: is no value of the codec: {error}", path=path) from error


def _numbers(value: Any) -> Any:
    """Return a value with a number for each float that is not finite: it is one to components."""
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if isinstance(value, dict):
        if value.get("$") == "float":
            return 0.0
        return {name: _numbers(item) for name, item in value.items()}
    return value
