"""The README's table of guarantees names tests that exist."""

from __future__ import annotations

import re

from repository import ROOT

NAMED = re.compile(r"`(tests/[\w/]+\.py)`")


def test_each_guarantee_names_tests_that_exist() -> None:
    """Every line of the table has at least one file of tests, with tests in it."""
    text = (ROOT / "README.md").read_text()
    table = text.partition("| guarantee | shown by |")[2].partition("\n\n")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line]
    assert len(lines) >= 10
    for line in lines:
        files = NAMED.findall(line)
        assert files, line
        for name in files:
            assert "def test_" in (ROOT / name).read_text(), name
