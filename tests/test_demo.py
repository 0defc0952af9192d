"""The demo people see first keeps its promises."""

from __future__ import annotations

import subprocess
import sys

from repository import ROOT


def test_the_demo_survives_two_kills_and_says_so() -> None:
    """`make demo` ends well, with every outside effect carried out once."""
    demo = subprocess.run(
        [sys.executable, ROOT / "examples" / "demo" / "run.py"],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert demo.stdout.count("kill -9 ") >= 2
    assert demo.stdout.count("│ once │") == 4
    assert "✗" not in demo.stdout
    assert demo.stderr == ""
