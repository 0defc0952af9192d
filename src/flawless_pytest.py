"""The pytest plugin of Flawless: fixtures for tests of workflows.

It stands beside the package `flawless`, because importing a module of that package imports the
engine: every run of pytest loads this file, whether it has tests of workflows or not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flawless.testing import Lab

_HELP = "modules with workflows and steps, for the fixture flawless_lab: names, or files (*.py)"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting that names the modules."""
    parser.addini("flawless_modules", _HELP, type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Explain the marker."""
    config.addinivalue_line(
        "markers",
        "flawless(modules=[...], **options): what the fixture flawless_lab runs, and further "
        "options of flawless.testing.Lab (now, auto, seed, store, settings, ...)",
    )


@pytest.fixture
def flawless_lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A `flawless.testing.Lab` with the modules that the marker or the ini file names."""
    options: dict[str, Any] = {}
    for marker in reversed(list(request.node.iter_markers("flawless"))):
        options |= marker.kwargs  # the marker nearest to the test counts most
    modules = options.pop("modules", None)
    if modules is None:
        root = request.config.rootpath
        named = request.config.getini("flawless_modules")
        modules = [str(root / name) if name.endswith(".py") else name for name in named]
    if not modules:
        pytest.fail(
            "flawless_lab needs modules: mark the test with @pytest.mark.flawless(modules=[app]), "
            "or name them in the ini file: flawless_modules = app",
            pytrace=False,
        )

    from flawless.testing import Lab

    with Lab(*modules, **options) as lab:
        yield lab
