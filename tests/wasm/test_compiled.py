"""Components and their compiled code in the cache."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import wasmtime

from flawless.errors import DeploymentInvalid, GuestTrapped
from flawless.wasm import CacheFolder, Component, Finished, Guest, GuestLimits
from wasm.hosts import RecordingHost

# The smallest component with a workflow's exports. `run` calls what it imports, if anything.
TINY = """
(component
  {imports}
  (core module $m
    {core_imports}
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 8)
    (func (export "run") (param i32 i32) (result i32) {body}))
  (core instance $i (instantiate $m {arguments}))
  (func $run (param "input" string) (result string)
    (canon lift (core func $i "run")
      (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (export "run" (func $run))
  (export "describe" (func $run)))
"""


def tiny() -> bytes:
    """Return a component that traps."""
    text = TINY.format(imports="", core_imports="", arguments="", body="unreachable")
    return bytes(wasmtime.wat2wasm(text))


def importing(interface: str, function: str, result: str, core_result: str) -> bytes:
    """Return a component that calls one imported function and returns an empty string."""
    text = TINY.format(
        imports=(
            f'(import "{interface}" (instance $imported (export "{function}" (func {result}))))'
            f'(core func $lowered (canon lower (func $imported "{function}")))'
        ),
        core_imports=f'(import "" "f" (func $f {core_result}))',
        arguments='(with "" (instance (export "f" (func $lowered))))',
        body=f"(call $f) {'drop' if core_result else ''} i32.const 0",
    )
    return bytes(wasmtime.wat2wasm(text))


def entries(cache: CacheFolder) -> list[Path]:
    """Return the files with compiled code."""
    return sorted(cache.path.glob("code-*"))


def start(component: Component) -> None:
    """Start a guest of a tiny component."""
    with Guest(component, RecordingHost(), GuestLimits()) as guest:
        guest.start("run", b"")


def test_compiled_once(tmp_path: Path) -> None:
    """The second load maps the compiled code of the first."""
    cache = CacheFolder(tmp_path)
    stages: list[str] = []
    for _ in range(2):
        component = Component.load(
            tiny(), cache=cache, progress=lambda stage, _: stages.append(stage)
        )
        with pytest.raises(GuestTrapped, match="unreachable"):
            start(component)
    assert set(stages) == {"compiling the component"}
    assert len(entries(cache)) == 1


@pytest.mark.parametrize("at", [0, 0.3, 0.6, 0.95])
def test_damaged_code_is_compiled_again(tmp_path: Path, at: float) -> None:
    """A flipped byte anywhere in the file is noticed before the code is mapped."""
    cache = CacheFolder(tmp_path)
    Component.load(tiny(), cache=cache)
    path = entries(cache)[0]
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(GuestTrapped, match="unreachable"):
        start(Component.load(tiny(), cache=cache))
    assert entries(cache)[0].read_bytes() != bytes(data)


def test_code_of_another_wasmtime_is_compiled_again(tmp_path: Path) -> None:
    """Sound files that wasmtime does not accept are replaced."""
    cache = CacheFolder(tmp_path)
    component = Component.load(tiny(), cache=cache)
    key = entries(cache)[0].name.removeprefix("code-").rpartition("-")[0]
    entries(cache)[0].unlink()
    cache.put("code", key, b"not compiled code")
    assert Component.load(tiny(), cache=cache).sha256 == component.sha256


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not wasm",
        bytes(wasmtime.wat2wasm("(module)")),
        bytes(wasmtime.wat2wasm("(component)")),
    ],
)
def test_not_a_workflow(tmp_path: Path, content: bytes) -> None:
    """Anything but a component with a workflow's exports is refused."""
    with pytest.raises(DeploymentInvalid):
        Component.load(content, cache=CacheFolder(tmp_path))


def test_unknown_function_names_itself(tmp_path: Path) -> None:
    """Of an interface we have, a component may import more than we do; using it traps, by name."""
    content = importing("wasi:filesystem/types@0.2.3", "lock", "", "")
    component = Component.load(content, cache=CacheFolder(tmp_path))
    with pytest.raises(GuestTrapped, match="wasi:filesystem/types") as caught:
        start(component)
    assert "@step" in str(caught.value)


@pytest.mark.parametrize("version", ["0.2.0", "0.2.3", "0.2.9", "0.2.11"])
def test_any_wasi_0_2(tmp_path: Path, version: str) -> None:
    """Components are linked against whichever 0.2.x they were built for."""
    interface = f"wasi:random/random@{version}"
    content = importing(interface, "get-random-u64", "(result u64)", "(result i64)")
    host = RecordingHost()
    component = Component.load(content, cache=CacheFolder(tmp_path))
    with Guest(component, host, GuestLimits()) as guest:
        assert guest.start("run", b"") == Finished(b"")
    assert host.random_bytes == 8


@pytest.mark.sweep
def test_warm_load_is_fast(component_bytes: bytes, component: Component) -> None:
    """A compiled Python component loads in a fraction of a second, its check included."""
    began = time.perf_counter()
    assert Component.load(component_bytes).sha256 == component.sha256
    assert time.perf_counter() - began < 1.0
