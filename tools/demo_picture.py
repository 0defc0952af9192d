"""Draw docs/images/demo.svg: what `make demo` prints, without the source at its beginning.

    .venv/bin/python tools/demo_picture.py

It plays the demo (half a minute), shows it in the terminal as usual, and writes the picture if all
was as promised.
"""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "examples" / "demo"
PICTURE = ROOT / "docs" / "images" / "demo.svg"
COLUMNS = 108


def main() -> int:
    """Play the demo and draw it; return the exit status."""
    sys.path.insert(0, str(DEMO))
    screen = importlib.import_module("screen").Screen()
    screen.console = Console(record=True, width=COLUMNS, force_terminal=True, highlight=False)
    screen.busy = lambda text: None  # what moves on a terminal would be drawn again and again
    run = importlib.import_module("run")
    with tempfile.TemporaryDirectory(prefix="flawless-demo-") as data:
        demo = run.Demo(screen, data)
        try:
            result = demo.play()
        finally:
            demo.crew.close()
        if not demo.judge(result):
            return 1
    PICTURE.parent.mkdir(exist_ok=True)
    drawn = screen.console.export_svg(title="make demo", theme=MONOKAI, unique_id="demo")
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)  # no fonts from afar
    PICTURE.write_text("\n".join(line.rstrip() for line in drawn.splitlines()) + "\n")
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
