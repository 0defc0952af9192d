"""An engine in a process of its own, which tests may kill; see `lives`.

`python engine_child.py FOLDER SETTINGS AHEAD_S` reads commands from its standard input, one JSON
array a line, and answers each with one line. `modules` among the settings names other programs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent.parent))

from lives import MovableClock

import flawless


def obey(engine: flawless.Engine, command: list[Any]) -> Any:
    """Carry out one command."""
    match command:
        case ["start", name, execution, *args]:
            full_name = name if "." in name else f"life_programs.{name}"
            return engine.start(full_name, *args, id=execution).id
        case ["start_later", name, execution, delay, *args]:
            return engine.start(name, *args, id=execution, delay=delay).id
        case ["in_flight", execution]:
            return engine._service.in_flight(execution)
        case ["health"]:
            return engine.health()
        case ["status", execution]:
            return engine.get(execution).status
        case ["state", execution]:
            return engine.get(execution).state()
        case ["send", execution, name, payload, *ids]:
            return engine.get(execution).send(name, payload, id=ids[0] if ids else None)
        case ["cancel", execution, reason]:
            return engine.get(execution).cancel(reason)
        case ["resolve", execution, decision]:
            engine.get(execution).resolve(**decision)
            return None
        case ["retry", execution]:
            return engine.get(execution).retry()
    raise ValueError(command)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    given = json.loads(sys.argv[2])
    modules = given.pop("modules", ["life_programs"])
    settings = flawless.Settings(**given)
    clock = MovableClock(float(sys.argv[3]))
    with flawless.Engine(
        folder / "t.db", modules=modules, settings=settings, clock=clock
    ) as engine:
        for line in sys.stdin:
            print(json.dumps(obey(engine, json.loads(line))), flush=True)
