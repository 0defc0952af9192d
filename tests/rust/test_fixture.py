"""The component that most tests run on is what its sources give."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import rust_programs
from compiling import compiled
from flawless.engine.component import make_component
from flawless.wasm import Component

SIZE_BYTES_MAX = 700_000


def test_the_fixture_is_of_these_sources() -> None:
    """Whoever changes the crate, or the tests' programs, builds the file anew."""
    assert rust_programs.is_fresh(), rust_programs.REMEDY
    assert rust_programs.COMMITTED.stat().st_size < SIZE_BYTES_MAX


def test_what_is_built_here_has_the_same_workflows() -> None:
    """The crate builds, and describes itself as the file in the repository does."""
    if not rust_programs.is_fresh():
        pytest.skip(rust_programs.REMEDY)
    assert described(compiled().wasm) == described(rust_programs.committed())


def described(wasm: bytes) -> list[Any]:
    """Return what a component says of its workflows and modules."""
    manifest = asyncio.run(make_component(Component.load(wasm))).manifest
    return [manifest.workflows, manifest.modules, manifest.version, manifest.language]
