"""Rust for tests: crates of this repository, built once by whoever asks first."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from cheap import CHEAP
from flawless.errors import ToolchainError
from flawless.rust import build, toolchain
from flawless.rust.build import Built
from flawless.rust.toolchain import Toolchain
from repository import ROOT

__all__ = ["CHEAP", "PROGRAMS", "REQUIRED", "compiled", "rust"]

REQUIRED = "FLAWLESS_TESTS_BUILD_RUST"
"""Where this variable is set, a machine that cannot build crates fails the tests that do."""

PROGRAMS = ROOT / "tests" / "rust" / "programs"
"""The workflows that tests run."""


def rust() -> Toolchain:
    """Return what crates are built with; without it the test is skipped, or fails."""
    found = _found()
    if isinstance(found, ToolchainError):
        if os.environ.get(REQUIRED):
            pytest.fail(str(found), pytrace=False)
        pytest.skip(" ".join(str(found).split()))
    return found


def compiled(crate: Path = PROGRAMS) -> Built:
    """Return a crate of the repository, built: quick for all but the first who asks."""
    rust()
    return _built(crate)


@functools.cache
def _found() -> Toolchain | ToolchainError:
    try:
        return toolchain.find(ROOT)
    except ToolchainError as error:
        return error


@functools.cache
def _built(crate: Path) -> Built:
    return build.build(crate)
