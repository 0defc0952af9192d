"""What is refused before it is deployed, and what the error tells whoever built it."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime

from flawless.errors import DeploymentInvalid
from flawless.wasm import CacheFolder, Component, contract
from wasm.test_compiled import TINY, importing, tiny


def refusal(content: bytes, folder: Path) -> str:
    """Return the error for a component that is refused."""
    with pytest.raises(DeploymentInvalid) as caught:
        Component.load(content, cache=CacheFolder(folder))
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"#!/bin/sh", b"\0as"])
def test_no_wasm(content: bytes, tmp_path: Path) -> None:
    """A file of another kind is refused with the command that makes the right one."""
    message = refusal(content, tmp_path)
    assert "this is no WebAssembly" in message
    assert "flawless build" in message


def test_core_module(tmp_path: Path) -> None:
    """A core module is told from a component, and the target that gives one is named."""
    message = refusal(bytes(wasmtime.wat2wasm("(module)")), tmp_path)
    assert "core WebAssembly module" in message
    assert "wasm32-wasip2" in message


def test_damaged_component(tmp_path: Path) -> None:
    """What begins as a component and is none is refused as well."""
    assert "not a usable WebAssembly component" in refusal(tiny()[:-3], tmp_path)


def test_large_component() -> None:
    """A component beyond the limit is refused before it is compiled."""
    content = tiny() + bytes(contract.COMPONENT_BYTES_MAX)
    with pytest.raises(DeploymentInvalid, match="the limit is 67,108,864: leave large data out"):
        contract.check(content)


def test_other_world(tmp_path: Path) -> None:
    """A component that exports no workflow is refused by the name of what is missing."""
    message = refusal(bytes(wasmtime.wat2wasm("(component)")), tmp_path)
    assert "no export 'run'" in message
    assert "crate `flawless`" in message


def test_exports_of_another_type(tmp_path: Path) -> None:
    """An export of the right name has to be a function from string to string."""
    text = TINY.format(imports="", core_imports="", arguments="", body="unreachable")
    text = text.replace('(param "input" string) (result string)', "(result string)")
    text = text.replace('"run") (param i32 i32)', '"run")')
    message = refusal(bytes(wasmtime.wat2wasm(text)), tmp_path)
    assert "'run' is no function from string to string" in message


@pytest.mark.parametrize(
    ("interface", "instead"),
    [
        ("wasi:http/outgoing-handler@0.2.3", "`http` of the flawless library"),
        ("wasi:keyvalue/store@0.2.0", "native step"),
        ("wasi:cli/stdout@0.3.0", "only WASI 0.2 is there"),
        ("shop:stock/counter@1.0.0", "leave out the library that needs it"),
        ("flawless:workflow/other@1.0.0", "update the engine"),
    ],
)
def test_import_that_is_not_there(interface: str, instead: str, tmp_path: Path) -> None:
    """Each import nobody serves is named, with what takes its place."""
    message = refusal(importing(interface, "act", "", ""), tmp_path)
    assert f"\n  {interface}: " in message
    assert instead in message


def test_host_of_another_version(tmp_path: Path) -> None:
    """A component for a later contract is refused, and told what to build with."""
    content = importing("flawless:workflow/host@2.0.0", "call", "", "")
    assert "this engine speaks version 1; build with version 1" in refusal(content, tmp_path)


def test_later_version_of_the_host(tmp_path: Path) -> None:
    """Of a later 1.x the functions we have are served; one that we lack is named."""
    later = "flawless:workflow/host@1.7.0"
    assert "host@1.7.0 defer: the component needs a newer engine" in refusal(
        importing(later, "defer", "", ""), tmp_path
    )
