"""Every Rust block of the documentation compiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import blocks
from rust_blocks import check, module
from test_pages import PAGES

from repository import ROOT

GOOD = """
```rust
use flawless::workflow;

fn twice(n: u32) -> u32 {
    n * 2
}
```

It sees the one above, and may be a body only.

```rust
// Nothing is run.
let four = twice(2);
flawless::sleep(std::time::Duration::from_secs(four.into()))?;
```
"""


@pytest.mark.timeout(900)  # the first time, cargo compiles the crates that `flawless` stands on
def test_the_rust_blocks_of_all_pages_compile() -> None:
    """One call of cargo compiles them all, beside a page of the test's own."""
    pages = {page: (ROOT / page).read_text() for page in PAGES}
    assert check({**pages, "good.md": GOOD}, ROOT / "target" / "pages") == ""


@pytest.mark.timeout(900)
def test_what_does_not_compile_is_found_with_its_line(tmp_path: Path) -> None:
    """The compiler's line is the line of the page."""
    said = check({"bad.md": GOOD.replace("twice(2)", "thrice(2)")}, tmp_path)
    assert "thrice" in said
    assert "bad_md.rs:14:12" in said


def test_a_page_keeps_its_lines() -> None:
    """The code of each block stands where it stands on the page."""
    page = GOOD.splitlines()
    lines = module(blocks(GOOD, "good.md")).splitlines()
    for number, line in enumerate(page):
        if line.strip() and "```" not in line and not line.startswith("It sees"):
            assert lines[number] == line
