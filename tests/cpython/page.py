"""Writes docs/internals/cpython-tests.md: cd tests && python -m cpython.page"""

from __future__ import annotations

import textwrap
from pathlib import Path

from cpython import expectations
from cpython.bench import MODULES
from cpython.expectations import Expected, Failing
from cpython.suite import PACKAGES

FILE = Path(__file__).resolve().parent.parent.parent / "docs" / "internals" / "cpython-tests.md"

WIDTH = 100
HEAD = """\
# CPython's own tests in a guest

Workflows run on CPython 3.14, compiled to WebAssembly. To see that it is the Python people know,
`make test` runs CPython's own tests of seven modules inside a guest, unmodified: the ones in C
and their twins in pure Python, and all of the arithmetic tests of `decimal`. The tests are not part
of this repository. They are those of Python 3.11, fetched by name from Debian 12
(`{packages}`) and kept in the user's cache: no package with
newer ones was found. What changed between Python 3.11 and 3.14 therefore shows as failures; they
are listed here, each with the version that brought the change.

A test run fails when any other test fails, and also when a listed one passes. This page is made
from `tests/cpython/expected.toml`.

| module | tests of CPython | pass, at least |
|---|---|---:|
"""


def render(expected: Expected) -> str:
    """Return the page."""
    lines = HEAD.format(packages="`, `".join(PACKAGES)).splitlines()
    for module, tests in MODULES.items():
        names = ", ".join(f"`{name}`" for name in tests)
        lines.append(f"| `{module}` | {names} | {expected.passed[module]:,} |")
    lines.append(f"| all | | {sum(expected.passed.values()):,} |")
    lines += ["", "## What fails because of the guest", ""]
    lines += _failing([one for one in expected.failing if one.guest])
    lines += ["## What fails because Python changed", ""]
    changed = sorted((one for one in expected.failing if one.since), key=lambda one: one.since)
    lines += _failing(changed)
    lines += ["## What skips itself", ""]
    for skipped in expected.skipped:
        reasons = ", ".join(f"“{reason}”" for reason in skipped.reasons)
        lines += _item(f"It {skipped.why}: {reasons}.")
    return "\n".join(lines) + "\n"


def _failing(reasons: list[Failing]) -> list[str]:
    lines = []
    for one in reasons:
        since = f"Since Python {one.since}: " if one.since else ""
        lines += _item(f"{since}{one.why}")
        lines += [f"  - `{test}`" for test in one.tests]
    return [*lines, ""]


def _item(text: str) -> list[str]:
    return textwrap.wrap(f"- {text}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)


if __name__ == "__main__":
    FILE.write_text(render(expectations.load()))
