"""What tests of Rust share: the toolchain, and the component of `programs/`."""

from __future__ import annotations

import pytest

from compiling import compiled, rust
from flawless.rust.build import Built
from flawless.rust.toolchain import Toolchain
from flawless.wasm import Component


@pytest.fixture(scope="session")
def rust_toolchain() -> Toolchain:
    """What crates are built with on this machine."""
    return rust()


@pytest.fixture(scope="session")
def programs() -> Built:
    """The crate `programs`, built."""
    return compiled()


@pytest.fixture(scope="session")
def programs_component(programs: Built) -> Component:
    """The component of the crate `programs`, compiled."""
    return Component.load(programs.wasm)
