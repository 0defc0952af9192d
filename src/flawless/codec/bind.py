"""Plain JSON input against a function's signature: the check before an execution is started."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ._errors import CodecError, closest
from ._hints import Call, call_of
from .decode import decode

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def bind(function: Callable[..., Any], input: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:  # noqa: A002 (the word for it)
    """Return `(args, kwargs)` to call `function` with, made from plain JSON.

    `input` is an object (keyword arguments), an array (positional arguments) or None (none).
    Values are converted to what the annotations say; defaults are left to the function. Raises
    `CodecError` for an argument that is missing, unexpected or of the wrong type; its path begins
    with the parameter's name (`order.items[3].price`).

    >>> def pay(card: str, cents: int = 100): ...
    >>> bind(pay, {"card": "visa"})
    ((), {'card': 'visa'})
    """
    call = call_of(function)
    if input is None:
        input = {}  # noqa: A001 (the word for it)
    if type(input) is dict:
        return _bind_named(call, input)
    if type(input) is list:
        return _bind_positional(call, input)
    raise CodecError(
        "expected an object (keyword arguments) or an array (positional arguments), got "
        f"{type(input).__name__}",
        "input",
    )


def _bind_positional(call: Call, given: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    parameters = list(call.signature.parameters.values())
    names = [p.name for p in parameters if p.kind in _POSITIONAL]
    if len(given) > len(names) and all(p.kind is not p.VAR_POSITIONAL for p in parameters):
        takes = f"takes {_count(len(names))}"
        listed = f" ({', '.join(names)})" if names else ""
        raise CodecError(f"unexpected: the function {takes}{listed}", f"input[{len(names)}]")
    for p in parameters:
        _require(p, bool(p.kind in _POSITIONAL and names.index(p.name) < len(given)), call, {})
    args = []
    for i, item in enumerate(given):
        name, annotation = call.positional(i)
        args.append(decode(item, annotation, path=name))
    return tuple(args), {}


def _bind_named(call: Call, given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    parameters = call.signature.parameters
    named = {
        name: p for name, p in parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name in given:
        if name not in named and not takes_any:
            raise CodecError(_unexpected(name, list(named)) + _whole(call, given), name)
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    last = _last_positional_only(named, given)
    for name, p in named.items():
        _require(p, name in given, call, given)
        if p.kind is p.POSITIONAL_ONLY:
            if len(args) < last:
                args.append(
                    decode(given[name], call.keyword(name), path=name)
                    if name in given
                    else p.default
                )
        elif name in given:
            kwargs[name] = decode(given[name], call.keyword(name), path=name)
    for name, item in given.items():
        if name not in named:
            kwargs[name] = decode(item, call.keyword(name), path=name)
    return tuple(args), kwargs


def _last_positional_only(named: dict[str, inspect.Parameter], given: dict[str, Any]) -> int:
    """Return how many positional-only arguments must be passed so that the given ones are."""
    only = [name for name, p in named.items() if p.kind is p.POSITIONAL_ONLY]
    return max((i + 1 for i, name in enumerate(only) if name in given), default=0)


def _require(p: inspect.Parameter, given: bool, call: Call, named: dict[str, Any]) -> None:
    if given or p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
        return
    hint = ""
    if p.kind is p.KEYWORD_ONLY:
        hint = "; it can only be given by name, in an object"
    raise CodecError(f"is missing: the function requires it{hint}{_whole(call, named)}", p.name)


def _unexpected(name: str, known: list[str]) -> str:
    hint = closest(name, known)
    if not hint:
        hint = f"; it takes {', '.join(known)}" if known else "; it takes no arguments"
    return f"unexpected: the function has no such parameter{hint}"


def _whole(call: Call, given: dict[str, Any]) -> str:
    """Return a hint for the commonest slip: the one argument itself given as the input."""
    names = [p.name for p in call.signature.parameters.values()]
    if len(names) == 1 and given and names[0] not in given:
        return f'. Is the input that one argument? Then write {{"{names[0]}": ...}}'
    return ""


def _count(number: int) -> str:
    if number == 0:
        return "no positional arguments"
    return f"at most {number} positional argument{'' if number == 1 else 's'}"
