"""The documentation can be built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from repository import ROOT


def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    """Sphinx finds no broken reference, and no page that no other page leads to."""
    options = ["--fail-on-warning", "--keep-going", "--quiet", "-d", str(tmp_path / "doctrees")]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, "docs", str(tmp_path / "html")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "html" / "index.html").exists()
