"""The command line of the soak; `__main__.py` says what it is."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom

from kinds import PYTHON, RUST
from reckoning import rows
from soaking import Plan, keep, soak
from telling import chart, report

SHORTEST_LIFE_PART = 1 / 180
LONGEST_LIFE_PART = 1 / 40
"""In an hour: 20 and 90 seconds."""


def main(arguments: list[str], description: str) -> int:
    """Carry out a soak and print what it shows."""
    parser = argparse.ArgumentParser("soak", description=description)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=SystemRandom().getrandbits(32))
    parser.add_argument("--rate", type=float, default=4.0, help="executions started a second")
    parser.add_argument("--out", type=Path, help="a new folder for what is measured, and the store")
    parser.add_argument("--picture", type=Path, help="where the chart goes as well")
    parser.add_argument("--python-only", action="store_true", help="no workflows in Rust")
    given = parser.parse_args(arguments)
    length_s = given.minutes * 60
    plan = Plan(
        given.seed,
        length_s,
        given.rate,
        life_s=(max(2.0, length_s * SHORTEST_LIFE_PART), max(5.0, length_s * LONGEST_LIFE_PART)),
        sample_s=min(5.0, max(0.5, length_s / 720)),
        languages=(PYTHON,) if given.python_only else (PYTHON, RUST),
        pause_s_max=length_s / 90,
    )
    out = given.out or Path(tempfile.mkdtemp(prefix="flawless-soak-"))
    _say(f"soak of {given.minutes:g} minutes into {out}; to repeat it: --seed {given.seed}")
    soaked = asyncio.run(soak(plan, out, _say))
    keep(soaked, out)
    judged = rows(soaked)
    text = report(soaked, judged)
    (out / "report.md").write_text(text + "\n")
    for place in filter(None, (out / "soak.svg", given.picture)):
        place.write_text(chart(soaked))
    _say(f"{text}\n{out / 'soak.svg'}")
    return 1 if soaked.findings.problems or any(row.grows for row in judged) else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stdout.flush()
