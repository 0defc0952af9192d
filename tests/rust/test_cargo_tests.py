"""The tests of the crates themselves: units, and the examples of their documentation."""

from __future__ import annotations

import subprocess

import pytest

from compiling import rust
from repository import ROOT

TEST_S_MAX = 1_200.0


@pytest.mark.timeout(TEST_S_MAX)
def test_the_tests_of_all_crates_pass() -> None:
    """Every test and every example in the documentation of a crate passes where it is compiled."""
    toolchain = rust()
    arguments = [
        toolchain.cargo, "test", "--release", "--workspace", "--quiet", "--color=never",
        "--target-dir", str(ROOT / "target" / "flawless"),
    ]  # fmt: skip
    tested = subprocess.run(
        arguments,
        cwd=ROOT,
        env=toolchain.environment,
        capture_output=True,
        text=True,
        timeout=TEST_S_MAX,
    )
    assert tested.returncode == 0, f"{tested.stdout[-20_000:]}\n{tested.stderr[-5_000:]}"
    assert "running" in tested.stdout
