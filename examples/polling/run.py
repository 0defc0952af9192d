"""A permit that takes a year, in virtual time.

python examples/polling/run.py
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # for `world`, which all examples share

import office
import polling
from world import World

from flawless import Settings
from flawless.testing import Lab


def show(now: datetime, progress: polling.Progress) -> None:
    """Show how it stands."""
    print(f"{now:%Y-%m-%d %H:%M}  {progress.status:<12} asked {progress.asked} times")


def main() -> None:
    """Look at the workflow after an hour, a week, a quarter, and in the end."""
    began_s = time.monotonic()
    with (
        # The guest stays in memory for virtual days: to drop it each time is slower.
        Lab(polling, network=True, settings=Settings(evict_after_s=2 * 86_400)) as lab,
        World(office.services(lambda: lab.now, timedelta(days=365))) as world,
    ):
        run = lab.start(polling.wait_until_ready, world.url, "permit-7")
        for passes in ("1h", "6d", "83d"):
            lab.advance(passes)
            show(lab.now, run.state())
        done = run.result()
        show(lab.now, done)
    assert len(world.requests) == done.asked
    print(f"{done.waited.days} days took {time.monotonic() - began_s:.1f} s")


if __name__ == "__main__":
    main()
