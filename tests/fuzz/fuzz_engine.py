"""A hostile guest in a whole engine: a component that asks what the input says, byte for byte.

A line is a request; `!end ...` is the guest's last word. What must hold: the execution comes to an
end, or waits and can be terminated; nothing goes wrong within the engine; the API shows whatever
became of it; and the engine goes on to run a workflow that is as it should be.
"""

from __future__ import annotations

import itertools
import time
from typing import Any

import fuzz_protocol
from fuzzed_server import GIVEN_UP_S, Served, served
from puppet import NAME, told

from flawless.api import PREFIX
from flawless.core.status import Status
from flawless.engine.handle import Execution
from flawless.errors import FlawlessError

LINES_MAX = 12
PARTS = (
    *("", "/journal", "/logs", "/state", "/result", "/response", "/children", "/parked"),
    "/messages",
)
PATIENCE_S = 0.3
PAUSE_S = 0.000_5
"""Between two looks at an execution."""
WORDS = (
    *(word for word in fuzz_protocol.WORDS if not word.startswith("\n!")),
    *('\n{"op":"step","id":1,"name":"served.echo","args":{"a":[1],"k":{}}}', '\n!end {"ok":1}'),
    *('\n{"op":"execute","id":2,"workflow":"fuzz.run","args":{"a":[],"k":{}},"child":"c"}',),
    *('\n{"op":"next"}', '\n{"op":"send","id":3,"to":"', '\n!end {"continue":{"a":[],"k":{}}}'),
)
_numbers = itertools.count(1)


def target(data: bytes) -> None:
    """Let the guest ask, and see what is left of it."""
    system = served()
    system.started += 1
    script = b"\n".join(data.split(b"\n")[:LINES_MAX])
    id_ = f"fuzz-{next(_numbers)}"
    run = system.engine.start(NAME, *told(script.replace(b"SELF", id_.encode())), id=id_)
    come_to_an_end(system, run)
    system.check()
    shown(system, id_)
    if system.started % 50 == 1:
        assert system.engine.start(NAME, *told(b'!end {"ok":"well"}')).result(10) == "well"


def come_to_an_end(system: Served, run: Execution[Any]) -> None:
    """Wait until the execution has ended, or waits, and is terminated then."""
    began = time.monotonic()
    while not (status := run.status).final:
        waited = time.monotonic() - began
        assert waited < GIVEN_UP_S, f"it neither ends nor can be ended: {status}"
        if waited > PATIENCE_S or status in (Status.WAITING, Status.PARKED):
            shown(system, run.id)
            try:
                run.terminate("enough")
            except FlawlessError:
                continue  # it has ended meanwhile
        time.sleep(PAUSE_S)


def shown(system: Served, id_: str) -> None:
    """The API shows the execution, and nothing in it is a fault of the engine."""
    for part in PARTS:
        status, document = system.get(f"{PREFIX}/executions/{id_}{part}")
        assert status == 200, (part, status, document)
        if part == "/result":
            message = str((document.get("error") or {}).get("message"))
            assert "internal error" not in message, document
        if part == "/journal":
            for entry in document["entries"]:
                assert "internal error" not in str(entry.get("error")), entry
    status, document = system.get(f"{PREFIX}/executions?limit=20")
    assert status == 200, document
