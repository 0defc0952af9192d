"""CPython's own tests of the modules that workflows lean on, run inside a guest.

What fails is what `expected.toml` lists, each with its reason, and nothing else.
"""

from __future__ import annotations

import os

import pytest

from cpython import bench, expectations, page, suite
from cpython.expectations import Expected, matches, short
from flawless.wasm import CacheFolder, Component, python_runtime

LONG = {"json", "decimal", "collections"}
"""Left to the sweep."""

KINDS = ("passed", "failed", "skipped")


@pytest.fixture(scope="session")
def tests() -> suite.Suite:
    """CPython's tests. Where they cannot be had this is an error in CI, else a reason to skip."""
    try:
        return suite.load(CacheFolder())
    except suite.Unavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def component() -> Component:
    """The Python runtime."""
    cache = CacheFolder()
    return Component.load(python_runtime.build(cache=cache), cache=cache)


@pytest.fixture(scope="module")
def expected() -> Expected:
    """What `expected.toml` says."""
    return expectations.load()


@pytest.mark.parametrize(
    "module",
    [
        pytest.param(module, marks=pytest.mark.sweep) if module in LONG else module
        for module in bench.MODULES
    ],
)
def test_module(module: str, tests: suite.Suite, component: Component, expected: Expected) -> None:
    """The tests that fail are exactly those that are listed, and the others pass."""
    outcomes = bench.run(component, tests, module)
    kinds = {kind: {name for name in outcomes if outcomes[name].kind == kind} for kind in KINDS}
    covered = {name for name in outcomes if any(one.covers(name) for one in expected.failing)}
    unlisted = [f"{short(name)}: {outcomes[name].text}" for name in kinds["failed"] - covered]
    assert not unlisted, "\n".join(["these fail and are not listed:", *sorted(unlisted)])
    mended = sorted(map(short, covered - kinds["failed"]))
    assert not mended, f"these are listed as failing and do not: {mended}"
    left_over = [
        pattern
        for pattern in expected.patterns()
        if bench.module_of(pattern) == module
        and not any(matches(name, pattern) for name in covered)
    ]
    assert not left_over, f"no test is called so: {left_over}"
    assert len(kinds["passed"]) >= expected.passed[module]
    known = {reason for group in expected.skipped for reason in group.reasons}
    unknown = {outcomes[name].text for name in kinds["skipped"]} - known
    assert not unknown, f"tests skip themselves for reasons that are not listed: {unknown}"


def test_the_page_in_the_documentation_is_current(expected: Expected) -> None:
    """docs/internals/cpython-tests.md says what `expected.toml` says."""
    assert page.FILE.read_text() == page.render(expected), "cd tests && python -m cpython.page"
