"""An hour of mixed load while the server is killed again and again: is anything lost, does it grow?

    python -m tests.soak [--minutes 60] [--seed N] [--out FOLDER] [--python-only]

A real `flawless up` on a real store takes executions of all the storms' workflows, in Python and in
Rust, at a steady rate. It is killed at random instants, at times asked to end in order, at times
killed again while it starts; the last third of the time it lives undisturbed. In the end every
execution is held against an undisturbed one, and what was measured is judged (`flatness.py`).
Exits with 1 if a promise was broken or something grows.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "crash"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from soak_command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], (__doc__ or "").partition("\n")[0]))
