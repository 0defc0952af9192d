"""The examples run as they are, and print what the page about them says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from repository import ROOT, files

EXAMPLES = ROOT / "examples"

PAGE = (ROOT / "docs" / "guides" / "examples.md").read_text()
SHOWN = dict(
    re.findall(r"^\$ python examples/(\w+)/run\.py\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
)
"""What the page of examples says that each of them prints; `...` stands for anything."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.sweep) if name == "fan_out" else name for name in SHOWN],
)
def test_an_example_runs_as_is(name: str, tmp_path: Path) -> None:
    """`python examples/NAME/run.py` works from any folder, and prints what happens."""
    ran = subprocess.run(
        [sys.executable, EXAMPLES / name / "run.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stderr == ""
    pattern = ".*".join(re.escape(part) for part in SHOWN[name].split("..."))
    assert re.fullmatch(pattern, ran.stdout, re.DOTALL), ran.stdout
    assert list(tmp_path.iterdir()) == []


def test_every_example_is_listed_and_tested() -> None:
    """Each folder of examples is on the page, has a README.md, and is run here.

    The checkout serves until it is ended: test_checkout.py runs it.
    """
    folders = {
        path.relative_to(EXAMPLES).parts[0]
        for path in files()
        if path.name == "run.py" and path.is_relative_to(EXAMPLES)
    }
    assert folders - {"demo"} == {*SHOWN, "checkout"}
    for name in folders - {"demo"}:
        readme = (EXAMPLES / name / "README.md").read_text()
        assert f"python examples/{name}/run.py" in readme
        assert f"$ python examples/{name}/run.py" in PAGE
        for module in re.findall(r"`(\w+\.py)`", readme):
            assert (EXAMPLES / name / module).is_file(), f"{name}: {module}"


def test_the_workflows_are_short() -> None:
    """The module that holds an example's workflow can be read in one go."""
    for path in files():
        if path.suffix == ".py" and path.is_relative_to(EXAMPLES):
            text = path.read_text()
            if "@workflow" in text:
                assert 30 <= len(text.splitlines()) <= 120, path
