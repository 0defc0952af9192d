"""See one case again, on its own: what a failed differential test prints.

python tests/differential/reproduce.py SEED [--rust] [--journals]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cases import PLAIN, random_case, shown
from parts import Left, Stuck
from plan import disturbances, judge
from world import Stage


def main(seed: int, language: str, *, journals: bool) -> int:
    """Play the case, and print what is not the same."""
    case = random_case(seed, "" if language == "python" else PLAIN)
    print(shown(case.program), *case.acts, f"deadline: {case.deadline_us}", sep="\n")
    with tempfile.TemporaryDirectory(prefix="flawless-differential-") as folder:
        stage = Stage(Path(folder), language=language)
        try:
            if journals:
                calm, commits = stage.play(case, f"p{seed}")
                show("undisturbed", calm)
                for disturbance in disturbances(seed, commits):
                    try:
                        show(str(disturbance), stage.play(case, f"p{seed}", disturbance)[0])
                    except Stuck as problem:
                        print(f"--- {disturbance}: stuck\n{problem}")
            verdict = judge(stage, seed)
        finally:
            stage.close()
    print(*verdict.problems, sep="\n")
    print(f"{len(verdict.problems)} differences, {verdict.open} lives in another right order")
    return 1 if verdict.problems else 0


def show(title: str, left: dict[str, Left]) -> None:
    """Print what is left of a life."""
    print(f"--- {title}")
    for name, one in left.items():
        print(f"{name} {one.record.status}", *(f"    {e}" for e in one.entries[1:]), sep="\n")


if __name__ == "__main__":
    chosen = "rust" if "--rust" in sys.argv else "python"
    sys.exit(main(int(sys.argv[1]), chosen, journals="--journals" in sys.argv))
