"""A host for guests that does nothing but answer: what the engine would do, in one small object.

It runs the real guest on the real runtime component. Started effects end in the order in which they
were started (sleeps by their time, receives when their message is there), and time jumps to what
the guest waits for.
"""

from __future__ import annotations

import hashlib
import heapq
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
from flawless import (
    Cancelled, Message, as_completed, compensation, continue_as_new, gather, http, messages,
    publish, receive, respond, secret, select, send, sleep, step, wait, workflow,
)

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
        self.inbox: list[dict[str, Any]] = []
        self.workflows: dict[str, Callable[..., Any]] = {}
        self.child_lasts_s = 0.0
        self.decisions: list[dict[str, Any]] = []
        self.refusals: dict[str, dict[str, Any]] = {}
        self.run = 1
        self._cancel_us: int | None = None
        self._reason = ""
        self._started: list[tuple[int, int, dict[str, Any]]] = []  # a heap, by the time of the end
        self._receives: dict[int, dict[str, Any]] = {}
        self._seed = seed
        self._drawn = 0

    def asked(self, *ops: str) -> list[dict[str, Any]]:
        """Return the requests of these kinds, in order."""
        return [request for request in self.requests if request["op"] in ops]

    def post(
        self,
        name: str,
        payload: Any = None,
        *,
        at_s: float = 0,
        id: str | None = None,  # noqa: A002 (the word for it)
    ) -> None:
        """Let a message arrive so many seconds after the beginning."""
        at = BEGAN_US + int(at_s * 1e6)
        message = {"name": name, "payload": payload} | ({} if id is None else {"id": id})
        self.inbox.append({"at": at, "message": message})

    def cancel(self, reason: str = "enough", *, at_s: float = 0) -> None:
        """Cancel the execution so many seconds after the beginning, when it next waits."""
        self._cancel_us, self._reason = BEGAN_US + int(at_s * 1e6), reason

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
            return self._begin(asked, asked.get("seconds", 0))
        ends = self.now_us + int(asked.get("seconds", 0) * 1e6)
        if (told := self._told(ends)) is not None:
            return told
        self.now_us = ends
        return {"now": self.now_us, **self._outcome(asked)}

    _step = _http = _sleep = _send = _park = _effect

    def _told(self, ends: int | None) -> dict[str, Any] | None:
        """Return the cancellation, if it comes before what the guest waits for."""
        if self._cancel_us is None or (ends is not None and ends < self._cancel_us):
            return None
        self.now_us = max(self.now_us, self._cancel_us)
        self._cancel_us = None
        return {"now": self.now_us, "cancel": self._reason}

    def _receive(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._receives[asked["id"]] = asked
        return {}

    def _execute(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self._begin(asked, self.child_lasts_s)

    def _begin(self, asked: dict[str, Any], lasts_s: float) -> dict[str, Any]:
        ends = self.now_us + int(lasts_s * 1e6)
        heapq.heappush(self._started, (ends, asked["id"], asked))
        return {}

    def _cancel(self, asked: dict[str, Any]) -> dict[str, Any]:
        if (told := self._told(self.now_us)) is not None:
            return told
        for ends, number, effect in self._started:
            if effect.get("child") == asked["execution"]:
                self._started.remove((ends, number, effect))
                self._begin({**effect, "cancelled": asked.get("reason", "")}, 0)
                return {"now": self.now_us, "ok": True}
        return {"now": self.now_us, "ok": False}

    def _publish(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"error": self.refusals[asked["op"]]} if asked["op"] in self.refusals else {}

    _respond = _publish

    def _secret(self, asked: dict[str, Any]) -> dict[str, Any]:
        refused = self.refusals.get(asked["name"])
        return {"error": refused} if refused else {"ok": f"placeholder-of-{asked['name']}"}

    def _outcome(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["op"] == "sleep":
            return {"ok": None}
        if asked["op"] == "receive":
            return {"ok": asked["arrived"]["message"]}
        if asked["op"] == "send":
            refused = self.refusals.get(asked["to"])
            return {"error": refused} if refused else {"ok": None}
        if asked["op"] == "park":
            return self.decisions.pop(0)  # an answer of its own: {"cancel": reason}, too
        if asked["op"] == "execute":
            return self._child(asked)
        if asked["op"] == "http":
            page = self.pages.get(asked["url"], {"status": 404})
            return page if "error" in page else {"ok": {"url": asked["url"], "headers": [], **page}}
        function = self.steps.get(asked["name"])
        return self._called(asked, function)

    def _child(self, asked: dict[str, Any]) -> dict[str, Any]:
        fields: dict[str, Any] = {"execution": asked["child"]}
        if "cancelled" in asked:
            fields["reason"] = asked["cancelled"]
            return {"error": engine_error("ExecutionCancelled", "cancelled", fields)}
        called = self._called(
            {**asked, "name": asked["workflow"]}, self.workflows.get(asked["workflow"])
        )
        if "error" in called:
            error = called["error"]
            fields |= {key: error[key] for key in ("type", "message", "traceback")}
            return {"error": engine_error("ExecutionFailed", f"{asked['child']} failed", fields)}
        return called

    def _called(self, asked: dict[str, Any], function: Callable[..., Any] | None) -> dict[str, Any]:
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
        first = self._first()
        ready = None if first is None else first[0]
        ends = min((time for time in (ready, until) if time is not None), default=None)
        if not asked["poll"] and (told := self._told(ends)) is not None:
            return told
        if first is not None and (until is None or first[0] <= until):
            ready, _, effect = first
            self.now_us = max(self.now_us, ready)
            if effect["op"] == "receive":
                del self._receives[effect["id"]]
                self.inbox.remove(effect["arrived"])
            else:
                heapq.heappop(self._started)
            return {"now": self.now_us, "id": effect["id"], **self._outcome(effect)}
        assert until is not None, "the guest waits for nothing"
        self.now_us = max(self.now_us, until) + (1_000 if asked["poll"] else 0)
        return {"now": self.now_us}

    def _first(self) -> tuple[int, int, dict[str, Any]] | None:
        """Return what ends first, with its time and number."""
        ends = self._started[:1]
        for number, effect in self._receives.items():
            names = effect["names"]
            fits = (m for m in self.inbox if not names or m["message"]["name"] in names)
            arrived = min(fits, key=lambda message: message["at"], default=None)
            if arrived is not None:
                at = max(self.now_us, arrived["at"])
                ends.append((at, number, {**effect, "arrived": arrived}))
        return min(ends, key=lambda end: end[:2], default=None)

    def _clock(self, asked: dict[str, Any]) -> dict[str, Any]:
        return {"now": self.now_us}

    def _drop(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._receives.pop(asked["id"], None)
        self._started = [end for end in self._started if end[1] != asked["id"]]
        heapq.heapify(self._started)
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


def engine_error(type: str, message: str, fields: dict[str, Any] | None = None) -> dict[str, Any]:  # noqa: A002 (the field's name)
    """Return an error as the engine reports its own."""
    return {"type": type, "module": "flawless", "message": message, "fields": fields or {}}


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
        if script.run != 1:
            given["run"] = script.run
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
