"""An engine in a process of its own, which tests may kill; see `lives`.

`python engine_child.py FOLDER SETTINGS` reads commands from its standard input, one JSON array a
line, and answers each with one line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import flawless


def obey(engine: flawless.Engine, command: list[Any]) -> Any:
    """Carry out one command."""
    match command:
        case ["start", name, execution, *args]:
            return engine.start(f"life_programs.{name}", *args, id=execution).id
        case ["in_flight", execution]:
            return engine._service.in_flight(execution)
        case ["health"]:
            return engine.health()
    raise ValueError(command)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    settings = flawless.Settings(**json.loads(sys.argv[2]))
    with flawless.Engine(folder / "t.db", modules=["life_programs"], settings=settings) as engine:
        for line in sys.stdin:
            print(json.dumps(obey(engine, json.loads(line))), flush=True)
