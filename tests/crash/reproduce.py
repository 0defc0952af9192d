"""See one storm again, on its own: what a failed sweep prints.

    python tests/crash/reproduce.py [--rust] WORKFLOW[+WORKFLOW ...] [LIFE ...]

Lives are explained in `disturbances.py`, the points in them in `points.py`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness import Field


def main(language: str, workflows: str, *lives: str) -> int:
    """Run the storm and print what is broken."""
    with tempfile.TemporaryDirectory(prefix="flawless-storm-") as folder:
        field = Field(Path(folder), language=language, parallel=1)
        try:
            problems = field.storm(workflows, lives)
        finally:
            field.close()
    for problem in problems:
        print(problem)
    print(f"{len(problems)} promises broken" if problems else "all promises kept")
    return 1 if problems else 0


if __name__ == "__main__":
    given = [argument for argument in sys.argv[1:] if argument != "--rust"]
    sys.exit(main("rust" if "--rust" in sys.argv else "python", *given))
