"""A thousand photos, twice: over steps, and over children.

python examples/fan_out/run.py
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # for `world`, which all examples share

import photos
import studio
from world import World

from flawless import Engine


def main() -> None:
    """Run both workflows, one after the other."""
    with (
        tempfile.TemporaryDirectory() as folder,
        World(studio.SERVICES) as world,
        Engine(Path(folder) / "photos.db", modules=[photos]) as engine,
    ):
        for workflow in (photos.with_steps, photos.with_children):
            began_s = time.monotonic()
            run = engine.start(workflow, world.url, studio.PHOTOS)
            report = run.result(timeout=120)
            took_s = time.monotonic() - began_s
            print(f"{workflow.name}: {len(studio.PHOTOS)} photos in {took_s:.1f} s")
            print(f"  {len(report.sizes)} are smaller now: {report.bytes_in_all:,} bytes in all")
            for what, why in sorted(report.failed.items()):
                print(f"  {what} failed: {why}")
            print(f"  {len(run.children())} children, {len(run.journal())} entries in its journal")


if __name__ == "__main__":
    main()
