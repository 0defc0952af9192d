"""A host for guests that does nothing but answer: what the engine would do, in one small object.

It runs the real guest on the real runtime component. Started effects end in the order in which they
were started (sleeps by their time), and time jumps to what the guest waits for.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from flawless.codec import decode, encode, encode_exception
from flawless.wasm import Component, Finished, Guest, GuestLimits, Preempted

SITE = Path(pytest.__file__).parent.parent
REQUESTS_MAX = 20_000
BEGAN_US = 1_700_000_000_000_000
HEAD = """
import asyncio, dataclasses, datetime, enum, logging, time
import flawless
from flawless import http, sleep, step, workflow

@step
def charge(*args, **kwargs): ...

@step(retries=3, timeout="5s", at_most_once=False)
async def ship(*args, **kwargs): ...
"""


class Script:
    """A `GuestHost` with the user's modules, steps and web pages in dictionaries."""

    def __init__(self, modules: dict[str, Any], *, seed: bytes = b"seed") -> None:
        self.modules = modules
        self.steps: dict[str, Callable[..., Any]] = {}
        self.pages: dict[str, dict[str, Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.logs: list[tuple[int, str, str]] = []
        self.printed = b""
        self.now_us = BEGAN_US
        self.where_at: int | None = None
        self.frames: list[dict[str, Any]] = []
        self._started: list[dict[str, Any]] = []
        self._seed = seed
        self._drawn = 0

    def asked(self, *ops: str) -> list[dict[str, Any]]:
        """Return the requests of these kinds, in order."""
        return [request for request in self.requests if request["op"] in ops]

    # --- GuestHost ----------------------------------------------------------------------------

    def call(self, request: bytes) -> bytes:
        """Answer at once, whatever it is."""
        asked = json.loads(request)
        self.requests.append(asked)
        assert len(self.requests) < REQUESTS_MAX, f"the guest asks for ever: {self.requests[-3:]}"
        if self.where_at is not None and self.where_at == asked.get("id"):
            self.where_at = None
            self._asked = asked
            return b'{"where":true}'
        if asked["op"] == "where":
            self.frames = asked["frames"]
            asked = self._asked
        answer: dict[str, Any] = getattr(self, f"_{asked['op']}")(asked)
        return json.dumps(answer).encode()

    def clock_ns(self) -> int:
        """Return the time; it stands still while the guest computes."""
        return self.now_us * 1000

    def random(self, size: int) -> bytes:
        """Return bytes that depend on the seed and on how many were drawn before."""
        drawn = b""
        while len(drawn) < size:
            self._drawn += 1
            drawn += hashlib.sha256(self._seed + str(self._drawn).encode()).digest()
        return drawn[:size]

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Keep what was printed past the guest's own streams."""
        self.printed += bytes(data)

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """Jump there."""
        self.now_us = max(self.now_us, deadline_ns // 1000)
        return True

    # --- requests -----------------------------------------------------------------------------

    def _effect(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("start"):
            until = self.now_us + int(asked.get("seconds", 0) * 1e6)
            self._started.append({**asked, "until": until})
            return {}
        if asked["op"] == "sleep":
            self.now_us += int(asked["seconds"] * 1e6)
        return {"now": self.now_us, **self._outcome(asked)}

    _step = _http = _sleep = _effect

    def _outcome(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["op"] == "sleep":
            return {"ok": None}
        if asked["op"] == "http":
            page = self.pages.get(asked["url"], {"status": 404})
            return page if "error" in page else {"ok": {"url": asked["url"], "headers": [], **page}}
        function = self.steps.get(asked["name"])
        if function is None:  # a step gives back its arguments, after its name if some are named
            given, named = asked["args"]["a"], asked["args"]["k"]
            return {"ok": [asked["name"], *given, named] if named else given}
        args = [decode(value) for value in asked["args"]["a"]]
        kwargs = {name: decode(value) for name, value in asked["args"]["k"].items()}
        try:
            return {"ok": encode(function(*args, **kwargs))}
        except Exception as error:
            kind = type(error)
            return {
                "error": {
                    "type": kind.__qualname__,
                    "module": kind.__module__,
                    "message": str(error),
                    "traceback": "".join(traceback.format_exception(error)),
                    "value": encode_exception(error),
                }
            }

    def _next(self, asked: dict[str, Any]) -> dict[str, Any]:
        until = self.now_us if asked["poll"] else asked["until"]
        self._started.sort(key=lambda effect: effect["until"])
        if self._started and (until is None or self._started[0]["until"] <= until):
            effect = self._started.pop(0)
            self.now_us = max(self.now_us, effect["until"])
            return {"now": self.now_us, "id": effect["id"], **self._outcome(effect)}
        assert until is not None, "the guest waits for nothing"
        self.now_us = max(self.now_us, until) + (1_000 if asked["poll"] else 0)
        return {"now": self.now_us}

    def _clock(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"now": self.now_us}

    def _drop(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._started = [effect for effect in self._started if effect["id"] != asked["id"]]
        return {}

    def _log(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.logs.append((asked["level"], asked["logger"], asked["message"]))
        return {}

    def _load(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["name"]
        found = self.modules.get(name)
        if isinstance(found, dict):
            return found
        path = name.replace(".", "/")
        if found is not None:
            package = any(other.startswith(f"{name}.") for other in self.modules)
            file = f"{path}/__init__.py" if package else f"{path}.py"
            return source(file, found, user=True)
        return self._installed(path)

    def _installed(self, path: str) -> dict[str, Any]:
        for file in (f"{path}/__init__.py", f"{path}.py"):
            if (SITE / file).is_file():
                return source(file, (SITE / file).read_text())
        if any((SITE / path).parent.glob(f"{Path(path).name}.*.so")):
            return native(f"{path} is a native extension")
        return {"kind": "missing"}

    def _source(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"source": self._load(asked).get("source")}


def source(file: str, text: str, *, user: bool = False) -> dict[str, Any]:
    """Return the answer to `load` for a module whose source is there."""
    package = file.endswith("__init__.py")
    return {"kind": "source", "file": file, "package": package, "user": user, "source": text}


def native(reason: str = "a native extension") -> dict[str, Any]:
    """Return the answer to `load` for a module that cannot run in a guest."""
    return {"kind": "native", "reason": reason}


class Guests:
    """Runs workflows on one component."""

    def __init__(self, component: Component) -> None:
        self.component = component

    def ask(self, export: Literal["run", "describe"], script: Script, given: dict[str, Any]) -> Any:
        """Drive one guest to its end and return its output."""
        with Guest(self.component, script, GuestLimits()) as guest:
            state = guest.start(export, json.dumps({"protocol": 1, **given}).encode())
            while isinstance(state, Preempted):
                state = guest.proceed()
            assert isinstance(state, Finished)
            return json.loads(state.output)

    def run(
        self,
        script: Script,
        *args: Any,
        workflow: str = "app.main",
        modules: list[str] | None = None,
    ) -> Any:
        """Run a workflow and return its output: `{"ok": ...}` or `{"error": ...}`."""
        given = {
            "execution": "order-42",
            "workflow": workflow,
            "args": {"a": [encode(arg) for arg in args], "k": {}},
            "now": script.now_us,
            "modules": ["app"] if modules is None else modules,
        }
        return self.ask("run", script, given)

    def ok(self, body: str, *args: Any, script: Script | None = None) -> Any:
        """Run a module after `HEAD` whose workflow `main` must succeed; return its result."""
        output = self.run(app(body, script), *args)
        assert "ok" in output, output["error"]["traceback"]
        return decode(output["ok"])

    def error(self, body: str, *args: Any, script: Script | None = None) -> dict[str, Any]:
        """Run a module after `HEAD` whose workflow `main` must fail; return the error."""
        output = self.run(app(body, script), *args)
        assert "error" in output, output
        error: dict[str, Any] = output["error"]
        return error

    def describe(self, script: Script) -> dict[str, Any]:
        """Describe the module `app`, which must succeed."""
        output = self.ask("describe", script, {"modules": ["app"]})
        assert "ok" in output, output["error"]["traceback"]
        described: dict[str, Any] = output["ok"]
        return described


def app(body: str, script: Script | None = None) -> Script:
    """Return a script whose module `app` is `HEAD` and `body`."""
    script = Script({}) if script is None else script
    script.modules["app"] = HEAD + textwrap.dedent(body)
    return script


def main(*lines: str) -> str:
    """Return a workflow `main` with this body."""
    return (
        "@workflow\ndef main(*args):\n" + textwrap.indent("\n".join(lines) or "pass", "    ") + "\n"
    )


def async_main(*lines: str) -> str:
    """Return an `async def` workflow `main` with this body."""
    return (
        "@workflow\nasync def main(*args):\n"
        + textwrap.indent("\n".join(lines) or "pass", "    ")
        + "\n"
    )
