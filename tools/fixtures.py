"""Build what tests have ready in the repository: `tests/rust/programs.wasm.gz`, from its sources.

    make fixtures

It takes a Rust toolchain (see CONTRIBUTING.md), which no test needs that runs on that file.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from rust_programs import (  # type: ignore[import-not-found]  # noqa: E402 (of the tests: found through the line above)
    COMMITTED,
    commit,
    is_fresh,
)


def main() -> None:
    """Build it, unless it is what the sources as they are give."""
    shown = COMMITTED.relative_to(ROOT)
    if is_fresh():
        print(f"{shown} is built from the sources as they are")
        return
    print(f"building {shown} ...", flush=True)
    commit()
    print(f"{shown}: {COMMITTED.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
