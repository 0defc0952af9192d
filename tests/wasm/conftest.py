"""The component the tests run: built and compiled once per machine, then cached."""

from __future__ import annotations

from pathlib import Path

import pytest

from flawless.wasm import CacheFolder, Component
from flawless.wasm.python_runtime import componentize

APP = Path(__file__).with_name("app.py")


@pytest.fixture(scope="session")
def component_bytes() -> bytes:
    """The component itself."""
    return componentize({"app.py": APP.read_bytes()}, "app", cache=CacheFolder())


@pytest.fixture(scope="session")
def component(component_bytes: bytes) -> Component:
    """The component, compiled."""
    return Component.load(component_bytes)
