"""What a person watches: samples of the last hour, restarts, replays."""

from __future__ import annotations

import msgspec


class Replay(msgspec.Struct):
    """A guest that began anew was brought to where it had been, `at` some moment of this process.

    `reason` is `restart` (it was running when the last engine stopped), `evicted` (its guest had
    made way while it waited), `woken` (a time, a message or a signal came for a sleeper) or
    `retried`. `entries` is how many answers came from the journal, `took_us` how long it took.
    """

    at: str
    reason: str
    entries: int
    took_us: int


class Restart(msgspec.Struct):
    """An engine of this `version` opened the store.

    `clean` is false when the one before did not close it: it was killed, or the machine failed.
    """

    at: str
    version: str
    clean: bool


class RestartList(msgspec.Struct):
    """The latest restarts, newest first."""

    restarts: list[Restart]


class Sample(msgspec.Struct):
    """How the engine stood `at` a moment, and what happened in the `interval_s` before.

    Stood: `executions` by status, as last counted; `guests` alive; executions `in_memory` and
    `queued` for a guest; effects `in_flight`; resident `memory_bytes`; `cpu`, how many cores were
    busy; `lag_ms`, by how much the event loop was late at worst.

    Happened: executions `started`, `ended` and (of these) `failed`; `effects` performed and
    `effects_failed`; `steps` with quantiles of how long they took; `retries` of steps; `replays`;
    `evictions`; `messages` received; `commits` with `writes` and `journal_bytes`, and quantiles of
    how long they took. Quantiles are estimates, null where there was nothing to measure.
    """

    at: str
    interval_s: float
    executions: dict[str, int]
    guests: int
    in_memory: int
    queued: int
    in_flight: int
    memory_bytes: int
    cpu: float
    lag_ms: float
    started: int
    ended: int
    failed: int
    effects: int
    effects_failed: int
    steps: int
    step_ms_p50: float | None
    step_ms_p95: float | None
    retries: int
    replays: int
    evictions: int
    messages: int
    commits: int
    writes: int
    commit_ms_p50: float | None
    commit_ms_p95: float | None
    journal_bytes: int


class Stats(msgspec.Struct):
    """Samples of this process, one about every `interval_s` seconds, the earliest first.

    There are at most as many as one hour has. `guests_max` is how many guests may live at a time.
    """

    interval_s: float
    guests_max: int
    samples: list[Sample]
