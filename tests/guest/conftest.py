"""The runtime component that all guest tests share."""

from __future__ import annotations

import pytest
from guest_scripts import Guests

from flawless.wasm import CacheFolder, Component, python_runtime


@pytest.fixture(scope="session")
def guests() -> Guests:
    """Guests on the real Python runtime, built once per machine."""
    cache = CacheFolder()
    return Guests(Component.load(python_runtime.build(cache=cache), cache=cache))
