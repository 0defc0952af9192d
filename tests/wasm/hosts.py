"""A host for tests: answers from fixed rules, remembers what it was asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, Literal

from flawless.wasm import Component, Finished, Guest, GuestLimits, Preempted, State, Suspended

NOW_NS = 1_700_000_000_123_456_000


class RecordingHost:
    """Answers every request at once with itself in upper case, or never when `waits`."""

    def __init__(
        self, *, waits: bool = False, answer: Callable[[bytes], bytes | None] | None = None
    ) -> None:
        self.requests: list[bytes] = []
        self.written: list[tuple[str, bytes]] = []
        self.deadlines_ns: list[int] = []
        self.now_ns = NOW_NS
        self.random_bytes = 0
        self._waits = waits
        self._answer = answer

    def call(self, request: bytes) -> bytes | None:
        self.requests.append(request)
        if self._answer is not None:
            return self._answer(request)
        return None if self._waits else request.upper()

    def clock_ns(self) -> int:
        return self.now_ns

    def random(self, size: int) -> bytes:
        self.random_bytes += size
        return hashlib.shake_128(str(self.random_bytes).encode()).digest(size)

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        self.written.append((stream, data))

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        self.deadlines_ns.append(deadline_ns)
        if self._waits:
            return False
        self.now_ns = max(self.now_ns, deadline_ns)
        return True


def settle(guest: Guest, state: State) -> State:
    """Let a guest compute until it waits or is finished."""
    while isinstance(state, Preempted):
        state = guest.proceed()
    return state


def begin(guest: Guest, code: str | bytes) -> State:
    """Start a guest and let it compute until it waits or is finished."""
    data = code if isinstance(code, bytes) else code.encode()
    return settle(guest, guest.start("run", data))


def run(
    component: Component,
    code: str,
    host: RecordingHost | None = None,
    limits: GuestLimits | None = None,
) -> Any:
    """Run `code` in a new guest to its end and return what it left in `out`."""
    host = host or RecordingHost()
    with Guest(component, host, limits or GuestLimits()) as guest:
        state = begin(guest, code)
        while isinstance(state, Suspended):
            state = settle(guest, guest.resume(b""))
        assert isinstance(state, Finished)
        return json.loads(state.output)
