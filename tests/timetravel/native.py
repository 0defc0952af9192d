"""Runs a workflow outside of any guest, on the Python at hand, and notes each executed line.

    python native.py PACKAGES MODULE < INPUT

PACKAGES holds the `flawless` package of the guest, MODULE is the file of the workflow. What the
workflow asks for is asked of the parent process, one JSON text a line, which answers from a
journal; the first line that comes in is the input. So this knows the recorded results, and nothing
of WebAssembly, replays and the tracer: the lines come from `sys.settrace`.

The last line that goes out has `output`, `path` (file, line, function of each executed line) and
`stacks` (each request, and the module's own frames then, innermost first).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import types
from pathlib import Path
from typing import Any

RANDOM_SEED_BYTES = 64
"""What a prepared guest seeds `random` with."""
RANDOM_BYTES_MAX = 256

pipe_in, pipe_out = sys.stdin, sys.stdout
file = Path(sys.argv[2])
stacks: list[tuple[str, list[tuple[str, int, str]]]] = []


def ask(**question: Any) -> Any:
    """Ask the parent process."""
    pipe_out.write(json.dumps(question) + "\n")
    pipe_out.flush()
    line = pipe_in.readline()
    if not line:
        os._exit(3)  # the parent knows why
    return json.loads(line)


def call(text: str) -> Any:
    """Answer for the guest's door, and note who asks."""
    frames = []
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == file.name:
            frames.append((file.name, frame.f_lineno, frame.f_code.co_qualname))
        frame = frame.f_back
    stacks.append((text, frames))
    return ask(call=text)


def random_bytes(size: int) -> bytes:
    """Answer for `os.urandom`."""
    found = b""
    while len(found) < size:
        found += bytes.fromhex(ask(random=min(RANDOM_BYTES_MAX, size - len(found))))
    return found


def clock_ns() -> int:
    """Answer for all clocks."""
    return int(ask(clock=True))


def guest(module: str) -> Any:
    """Return a module of the guest's `flawless` package, which is not the host's here."""
    return importlib.import_module(f"flawless.{module}")


def prepare(packages: str) -> None:
    """Make this Python what a guest's is, as far as workflows can tell."""
    import asyncio.events as events
    import datetime
    import random
    import time

    # Names of Python 3.14 for what Python 3.11 has under other names.
    events._BaseDefaultEventLoopPolicy = events.BaseDefaultEventLoopPolicy  # type: ignore[attr-defined]  # see above
    events._set_event_loop_policy = events.set_event_loop_policy  # type: ignore[attr-defined]  # see above

    sys.path.insert(0, packages)
    _host, _loop, _output, _timers = map(guest, ("_host", "_loop", "_output", "_timers"))
    _loop.install()
    _output.install()
    _host.session.call = call
    os.urandom = random_bytes
    random.seed(random_bytes(RANDOM_SEED_BYTES))
    time.time = lambda: clock_ns() / 1e9
    time.time_ns = clock_ns
    clock_info = time.get_clock_info
    # WASI has this look at the clock, too; a loop does so when it begins.
    time.get_clock_info = lambda name: (clock_ns(), clock_info(name))[1]
    time.sleep = _timers.time_sleep

    class Moment(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            seconds, rest = divmod(clock_ns() // 1_000, 1_000_000)
            return cls.fromtimestamp(seconds, tz).replace(microsecond=rest)

    datetime.datetime = Moment  # type: ignore[misc]  # replaced on purpose


def load() -> None:
    """Import the workflow's module under the name and the path that it has in a guest."""
    module = types.ModuleType(file.stem)
    sys.modules[file.stem] = module
    exec(compile(file.read_text(), file.name, "exec", dont_inherit=True), module.__dict__)


def main() -> None:
    """Run, and tell."""
    given = json.loads(pipe_in.readline())
    prepare(sys.argv[1])
    load()
    _execution, session = guest("_execution"), guest("_host").session
    path: list[tuple[str, int, str]] = []

    def on_event(frame: types.FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if code.co_filename != file.name or not session.active:
            return None
        if event == "line":
            path.append((code.co_filename, frame.f_lineno, code.co_qualname))
        return on_event

    text = json.dumps(given | {"modules": []})
    sys.settrace(on_event)
    output = _execution.run(text)
    sys.settrace(None)
    pipe_out.write(json.dumps({"output": output, "path": path, "stacks": stacks}) + "\n")
    pipe_out.flush()


if __name__ == "__main__":
    main()
