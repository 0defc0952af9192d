"""Runs modules of CPython's tests in guests, and tells what became of each test."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cpython.suite import Suite
from flawless.codec import encode
from flawless.errors import GuestCpuExceeded, GuestTrapped
from flawless.wasm import Component, Finished, Guest, GuestLimits, Preempted

MODULES: dict[str, tuple[str, ...]] = {
    "json": ("test_json",),
    "decimal": ("test_decimal",),
    "dataclasses": ("test_dataclasses",),
    "random": ("test_random",),
    "heapq": ("test_heapq",),
    "collections": (
        "test_collections",
        "test_ordered_dict",
        "test_deque",
        "test_defaultdict",
        "test_userdict",
        "test_userlist",
        "test_userstring",
    ),
    "datetime": ("test_datetime",),
}
"""The tests of each module of the standard library."""


RESOURCES = ["cpu", "decimal"]
"""What may be used up; `decimal` stands for all of its arithmetic tests, not every tenth."""

MARK = "outcome of a test: "
SEED = 27288
BEGAN_NS = 1_700_000_000_000_000_000
LIMITS = GuestLimits(memory_bytes=1 << 30, cpu_s_per_turn=300.0)
GUESTS_MAX = 20
INSIDE = Path(__file__).parent / "inside.py"


def module_of(test: str) -> str:
    """Return the module of the standard library that a test, by its short id, is about."""
    file = test.partition(".")[0].replace("datetimetester", "test_datetime")
    return next(module for module, files in MODULES.items() if file in files)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test: `passed`, `failed` or `skipped`, and why."""

    kind: str
    text: str = ""


class Bench:
    """A `GuestHost` that serves the tests as modules and hears what becomes of them.

    Its clock and its randomness are the same in every run.
    """

    def __init__(self, suite: Suite) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.running: str | None = None
        self._now_ns = BEGAN_NS
        self._drawn = 0
        self._modules = _modules(suite)

    def call(self, request: bytes) -> bytes:
        """Answer at once; an effect never takes longer than it says."""
        asked = json.loads(request)
        match asked["op"]:
            case "load":
                answer = self._modules.get(asked["name"], {"kind": "missing"})
            case "source":
                answer = {"source": self._modules[asked["name"]]["source"]}
            case "log":
                self._hear(asked["message"])
                answer = {}
            case _:
                self._now_ns += int(asked.get("seconds", 0) * 1e9)
                answer = {"now": self._now_ns // 1000, "ok": None}
        return json.dumps(answer).encode()

    def clock_ns(self) -> int:
        """Return a time that goes on by a millisecond whenever it is read."""
        self._now_ns += 1_000_000
        return self._now_ns

    def random(self, size: int) -> bytes:
        """Return bytes that look random."""
        drawn = b""
        while len(drawn) < size:
            self._drawn += 1
            drawn += hashlib.sha256(b"%d" % self._drawn).digest()
        return drawn[:size]

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Drop what the interpreter itself prints."""

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """Jump there."""
        self._now_ns = max(self._now_ns, deadline_ns)
        return True

    def _hear(self, message: str) -> None:
        if not message.startswith(MARK):
            return  # a test printed something
        name, kind, text = json.loads(message.removeprefix(MARK))
        if kind == "begun":
            self.running = name
            return
        self.running = None
        # Of a test with several failing parts the first is kept; a skipped part skips no test.
        known = self.outcomes.get(name)
        if known is None or (known.kind != "failed" and kind == "failed"):
            self.outcomes[name] = Outcome(kind, text)


def run(component: Component, suite: Suite, module: str) -> dict[str, Outcome]:
    """Run the tests of one module of the standard library; return what became of each by its id.

    A test that ends its guest has failed; the others go on in a new one.
    """
    bench = Bench(suite)
    for _ in range(GUESTS_MAX):
        tests = [f"test.{name}" for name in MODULES[module]]
        try:
            _drive(component, bench, [tests, RESOURCES, list(bench.outcomes)])
        except (GuestTrapped, GuestCpuExceeded) as error:
            if bench.running is None:
                raise
            bench.outcomes[bench.running] = Outcome("failed", f"{type(error).__name__}: {error}")
            bench.running = None
        else:
            return bench.outcomes
    raise AssertionError(f"the tests of {module} ended {GUESTS_MAX} guests")


def _drive(component: Component, bench: Bench, args: list[Any]) -> None:
    given = {
        "protocol": 1,
        "execution": "tests",
        "workflow": "cpython_inside.main",
        "args": {"a": [encode(arg) for arg in args], "k": {}},
        "now": BEGAN_NS // 1000,
        "modules": ["cpython_inside"],
    }
    with Guest(component, bench, LIMITS) as guest:
        state = guest.start("run", json.dumps(given).encode())
        while isinstance(state, Preempted):
            state = guest.proceed()
        assert isinstance(state, Finished)
        output = json.loads(state.output)
    assert "ok" in output, output["error"]["traceback"]


def _modules(suite: Suite) -> dict[str, dict[str, Any]]:
    """Return the answers to the guest's requests for modules."""
    names = {path: _name(path) for path in suite.files if path.endswith(".py")}
    data = {path: f"f{number}" for number, path in enumerate(sorted(suite.files.keys() - names))}
    packages = {name.rpartition(".")[0] for name in suite.stdlib}
    listing = {
        "DATA": data,
        "MARK": MARK,
        "MODULES": sorted(names.values()),
        "SEED": SEED,
        "STDLIB": {name: name in packages for name in suite.stdlib},
    }
    found = {
        "cpython_inside": _module("cpython_inside", INSIDE.read_text()),
        "cpython_listing": _module(
            "cpython_listing", "".join(f"{name} = {value!r}\n" for name, value in listing.items())
        ),
        "cpython_data": _module("cpython_data/__init__", ""),
        "cpython_stdlib": _module("cpython_stdlib/__init__", ""),
    }
    for path, name in names.items():
        found[name] = _module(f"test/{path.removesuffix('.py')}", suite.files[path].decode())
    for path, name in data.items():
        found[f"cpython_data.{name}"] = _module(name, f"CONTENT = {suite.files[path]!r}\n")
    for name, source in suite.stdlib.items():
        short = name.replace(".", "_")
        found[f"cpython_stdlib.{short}"] = _module(short, f"CONTENT = {source!r}\n")
    return found


def _name(path: str) -> str:
    return f"test/{path.removesuffix('.py')}".removesuffix("/__init__").replace("/", ".")


def _module(path: str, source: str) -> dict[str, Any]:
    package = path.endswith("__init__")
    answer = {"kind": "source", "file": f"{path}.py", "package": package, "source": source}
    return answer | {"user": True}  # a failing import is to fail, and not to give a stand-in
