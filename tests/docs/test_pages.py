"""Every code block of README.md, CONTRIBUTING.md and the documentation does what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import blocks
from runner import reader

from compiling import rust
from repository import ROOT, files, shown

PAGES = [
    shown(path)
    for path in files()
    if path.suffix == ".md"
    and (path.parent == ROOT or path.is_relative_to(ROOT / "docs"))
    and path.name != "CHANGELOG.md"
]


@pytest.mark.timeout(900)  # a page may start servers and wait for durable sleeps
@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, tmp_path: Path) -> None:
    """The blocks of the page, followed from top to bottom, all work."""
    found = blocks((ROOT / page).read_text(), page)
    if any(block.language == "console" and "--rust" in block.code for block in found):
        rust()
    with reader(tmp_path) as somebody:
        for block in found:
            somebody.follow(block)
