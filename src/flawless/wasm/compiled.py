"""Components, compiled once per machine.

Compiling a Python component takes seconds, mapping the compiled code from the cache milliseconds.
The key is the component's content, wasmtime's version and our settings (`runtime.settings_key`):
code compiled for anything else is never found, let alone run.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import Final, Literal

import wasmtime
from wasmtime import component as wasm

from flawless.errors import ToolchainError

from . import contract, places, wasi
from .cache import CacheFolder
from .compiling import CompileBounds, compile_apart, compile_here
from .progress import Progress, watched
from .runtime import Runtime, address, runtime, runtime_with_places, settings_key

Export = Literal["run", "describe"]

COMPILE_S_EXPECTED: Final = 6.0


class Component:
    """A compiled component, linked against our host functions: what guests are made of.

    Immutable and shared by any number of guests and threads. `sha256` names its content.
    """

    def __init__(
        self,
        component: wasm.Component,
        sha256: str,
        of: Runtime,
        path: Path,
        placed: Component | None = None,
    ) -> None:
        self.sha256 = sha256
        self.path = path
        """The compiled code, which memories are mapped from."""
        self.runtime = of
        self._placed = placed
        self.address = address(component)
        self._component = component
        self._linker = wasm.Linker(self.runtime.engine)
        kind = component.type
        contract.check_world(kind, self.runtime.engine)
        wasi.define(self._linker, component, kind.imports(self.runtime.engine))
        self.linker_address = address(self._linker)
        self._exports: dict[str, int] = {}
        self._export_indexes: list[wasm.ExportIndex] = []
        for name in contract.EXPORTS:
            index = component.get_export_index(name)
            assert index is not None, "the check has seen it"
            self._export_indexes.append(index)
            self._exports[name] = address(index)

    @classmethod
    def _open(cls, path: Path, sha256: str) -> Component:
        """Map compiled code, for guests in places as well if there are any for it."""
        here = runtime()
        component = wasm.Component.deserialize_file(here.engine, str(path))
        placed = None
        small = path.stat().st_size <= places.CODE_BYTES_MAX
        if small and (there := runtime_with_places()) is not None:
            with contextlib.suppress(wasmtime.WasmtimeError):  # it needs more than a place has
                mapped = wasm.Component.deserialize_file(there.engine, str(path))
                placed = cls(mapped, sha256, there, path)
        return cls(component, sha256, here, path, placed)

    def claimed(self) -> Component:
        """Return what a new guest is made of, which its ticker knows of from now on."""
        placed = self._placed
        if placed is not None and placed.runtime.ticker.guest_born():
            return placed
        self.runtime.ticker.guest_born()
        return self

    @classmethod
    def load(
        cls,
        content: bytes,
        *,
        cache: CacheFolder | None = None,
        progress: Progress | None = None,
        bounds: CompileBounds | None = None,
    ) -> Component:
        """Return the component, from the cache or compiled now (some seconds).

        Args:
            content: a WebAssembly component with the world of `wit/flawless.wit`.
            cache: where compiled code is kept; by default the user's cache folder.
            progress: told every moment while it compiles.
            bounds: of what compiling may take, in a process of its own; None: it is done here.

        Raises:
            DeploymentInvalid: it is not a component of that world, imports what is not there, or
                takes more to compile than that.
            ToolchainError: the cache folder cannot be used.
        """
        contract.check(content)
        cache = CacheFolder() if cache is None else cache
        sha256 = hashlib.sha256(content).hexdigest()
        key = f"{sha256}-{settings_key()}"

        def compile_() -> bytes:
            return watched(
                "compiling the component",
                COMPILE_S_EXPECTED,
                progress,
                lambda: compile_here(content) if bounds is None else compile_apart(content, bounds),
            )

        for _ in range(3):
            path = cache.get_or_make("code", key, compile_)
            try:
                return cls._open(path, sha256)
            except (wasmtime.WasmtimeError, FileNotFoundError):
                # Evicted by another process a moment ago, or sound by its checksum but of another
                # build of wasmtime: make it again.
                path.unlink(missing_ok=True)
        raise ToolchainError(
            f"compiled code in {cache.path} cannot be loaded; delete the folder and try again"
        )

    @classmethod
    def find(
        cls,
        sha256: str,
        *,
        cache: CacheFolder | None = None,
        progress: Progress | None = None,
    ) -> Component | None:
        """Return the component with that hash if this machine has it, compiled or not; else None.

        Raises `ToolchainError` when the cache folder cannot be used.
        """
        cache = CacheFolder() if cache is None else cache
        compiled = cache.get("code", f"{sha256}-{settings_key()}")
        if compiled is not None:
            try:
                return cls._open(compiled, sha256)
            except (wasmtime.WasmtimeError, FileNotFoundError):  # see `load`
                compiled.unlink(missing_ok=True)
        content = cache.find(sha256)
        if content is None:
            return None
        return cls.load(content.read_bytes(), cache=cache, progress=progress)

    @staticmethod
    def is_known(sha256: str, *, cache: CacheFolder | None = None) -> bool:
        """Tell whether `find` would find it. Raises `ToolchainError` as that does."""
        cache = CacheFolder() if cache is None else cache
        compiled = cache.get("code", f"{sha256}-{settings_key()}")
        return compiled is not None or cache.find(sha256) is not None

    def export(self, name: Export) -> int:
        """Return the index of an export, as wasmtime's C API wants it."""
        return self._exports[name]
