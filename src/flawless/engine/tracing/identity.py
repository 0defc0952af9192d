"""The ids of traces and spans: the same whichever process tells of them.

They are hashes (BLAKE2b, RFC 7693) of the execution's id and run, and of an effect's number. An
effect that is performed again after a retry of a failed execution is another span: `round` counts
how often it had ended before.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from flawless.ids import run_key

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_RATIO_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Place:
    """A span's place in the world: its trace and its own id. What W3C calls a trace context."""

    trace_id: int
    span_id: int
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        """The value of the HTTP header (https://www.w3.org/TR/trace-context/)."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.sampled):02x}"


def read_traceparent(text: str | None) -> Place | None:
    """Return what a header says, or None if it says nothing that can be understood."""
    found = None if text is None else _TRACEPARENT.match(text.strip().lower())
    if found is None:
        return None
    trace_id, span_id, flags = (int(part, 16) for part in found.groups())
    return Place(trace_id, span_id, bool(flags & 1)) if trace_id and span_id else None


@dataclass(frozen=True, slots=True)
class RunIdentity:
    """The ids of one run of one execution."""

    key: str
    trace_id: int
    sampled: bool

    @property
    def root(self) -> Place:
        """The span of the run itself."""
        return self._place("root")

    def retry(self, number: int) -> Place:
        """The span of what happened from the retry with this number on; 0 is the run itself."""
        return self._place(f"retry {number}") if number else self.root

    def effect(self, effect: int, round_: int = 0) -> Place:
        """The span of an effect."""
        return self._place(f"effect {effect} {round_}")

    def poll(self, position: int) -> Place:
        """The span of a wait that has no number, only a place in the journal."""
        return self._place(f"poll {position}")

    def _place(self, name: str) -> Place:
        return Place(self.trace_id, _number(f"{self.key}\n{name}", 8), self.sampled)


def identity(execution: str, run: int, *, namespace: str = "", ratio: float = 1.0) -> RunIdentity:
    """Return the ids of a run. Whether it is sampled follows from its id: for ever the same."""
    key = run_key(execution, run)
    if namespace:
        key = f"{namespace}\n{key}"
    trace_id = _number(key, 16)
    least = trace_id & ((1 << _RATIO_BITS) - 1)
    return RunIdentity(key, trace_id, least < ratio * (1 << _RATIO_BITS))


def _number(text: str, size: int) -> int:
    """Return a number of `size` bytes; 0 is none."""
    digest = hashlib.blake2b(text.encode(), digest_size=size, person=b"flawless trace").digest()
    return int.from_bytes(digest, "big") or 1
