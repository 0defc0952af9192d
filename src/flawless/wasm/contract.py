"""What a component must be before it is run: of our world, and in want of nothing we do not have.

`check` looks at the bytes, before anything is compiled; `check_world` at what the component says
of itself, before it is linked. So nothing that cannot run is ever deployed, and whoever built it is
told which import is to blame and what takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

import wasmtime
from wasmtime import component as wasm

from flawless.errors import DeploymentInvalid

from . import wasi

COMPONENT_BYTES_MAX: Final = 64 << 20
"""The largest component; the Python runtime has 21 MB, a usual Rust program less than one."""

EXPORTS: Final = ("run", "describe")
HOST: Final = "flawless:workflow/host"

SHOWN_MAX: Final = 8
"""Imports that one error names."""

_MAGIC: Final = b"\0asm"
_COMPONENT_LAYER: Final = b"\x01\0"  # after the version; a core module has two zeros there

# Of these the guest can have no resource: what would make one is refused with an error code.
_NEVER_REACHED: Final = frozenset({"wasi:sockets/tcp", "wasi:sockets/udp"})
_SERVED: Final = _NEVER_REACHED | {*wasi.SYNC, *wasi.ASYNC, *wasi.RESOURCES} - {HOST}
_FUNCTIONS_OF_HOST: Final = frozenset({"call", "finish"})

# What to do about an import, by what its name begins with.
_INSTEAD: Final = (
    ("wasi:http/", "send requests with the `http` of the flawless library"),
    ("wasi:sockets/", "send HTTP requests with the flawless library, or do it in a native step"),
    ("wasi:filesystem/", "read and write files in a native step"),
    ("wasi:config/", "pass settings as arguments, or read them in a native step"),
    ("wasi:", "do it in a native step"),
)


class _Extern(Protocol):
    """An import or export, as wasmtime describes it."""

    @property
    def ty(self) -> wasm.ComponentItem: ...


def check(content: bytes) -> None:
    """Raise `DeploymentInvalid` unless the bytes begin as a component does, and are not too many.

    What they import and export is looked at when they are compiled, in `Component.load`.
    """
    if not content.startswith(_MAGIC):
        what = "it is empty" if not content else f"it begins with {content[:8]!r}"
        raise DeploymentInvalid(
            f"this is no WebAssembly ({what}): give the .wasm file that `flawless build` writes"
        )
    if content[6:8] != _COMPONENT_LAYER:
        raise DeploymentInvalid(
            "this is a core WebAssembly module, not a component: build it with `flawless build`, "
            "or for the target wasm32-wasip2"
        )
    if len(content) > COMPONENT_BYTES_MAX:
        raise DeploymentInvalid(
            f"the component has {len(content):,} bytes, the limit is {COMPONENT_BYTES_MAX:,}: "
            "leave large data out of the program, and let a native step read it"
        )


def check_world(component: wasm.ComponentType, engine: wasmtime.Engine) -> None:
    """Raise `DeploymentInvalid` unless the component fits the world in `wit/flawless.wit`."""
    _check_exports(component.exports(engine))
    problems = list(_unserved(component.imports(engine), engine))
    if problems:
        more = len(problems) - SHOWN_MAX
        shown = problems[:SHOWN_MAX] + ([f"and {more} more"] if more > 0 else [])
        raise DeploymentInvalid(
            "the component imports what workflows do not have:\n  " + "\n  ".join(shown)
        )


def _check_exports(exports: Mapping[str, _Extern]) -> None:
    for name in EXPORTS:
        if name not in exports:
            raise DeploymentInvalid(
                f"the component has no export {name!r}: it is not a Flawless workflow. A Rust "
                "crate exports it by depending on the crate `flawless` (see wit/flawless.wit)"
            )
        kind = exports[name].ty
        if not (
            isinstance(kind, wasm.FuncType)
            and [of for _, of in kind.params] == [wasm.String()]
            and kind.result == wasm.String()
        ):
            raise DeploymentInvalid(
                f"the component's export {name!r} is no function from string to string: it is "
                "built for another world than that of wit/flawless.wit"
            )


def _unserved(imports: Mapping[str, _Extern], engine: wasmtime.Engine) -> Iterator[str]:
    for name, imported in imports.items():
        interface, _, version = name.partition("@")
        if interface == HOST:
            yield from _unserved_of_host(name, version, imported, engine)
        elif interface.startswith("flawless:workflow/"):
            yield f"{name}: this engine has no such interface; update the engine"
        elif interface not in _SERVED:
            yield f"{name}: {_instead(interface)}"
        elif not version.startswith("0.2."):
            yield f"{name}: only WASI 0.2 is there; build for the target wasm32-wasip2"


def _unserved_of_host(
    name: str, version: str, imported: _Extern, engine: wasmtime.Engine
) -> Iterator[str]:
    if not version.startswith("1."):
        yield (
            f"{name}: this engine speaks version 1; build with version 1 of the flawless library, "
            "or update the engine"
        )
        return
    kind = imported.ty
    asked = set(kind.exports(engine)) if isinstance(kind, wasm.ComponentInstanceType) else set()
    for function in sorted(asked - _FUNCTIONS_OF_HOST):
        yield f"{name} {function}: the component needs a newer engine; update the engine"


def _instead(interface: str) -> str:
    for beginning, advice in _INSTEAD:
        if interface.startswith(beginning):
            return advice
    return "leave out the library that needs it, or call that library in a native step"
