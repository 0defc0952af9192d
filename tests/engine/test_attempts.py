"""Failed attempts: what is kept of them, over rounds and restarts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from jumps import BEGAN_US, Bench, bench

from flawless import step, step_info
from flawless.core.entries import Attempt
from flawless.engine.attempts import (
    ATTEMPTS_KEPT_MAX,
    SavedAttempts,
    decode_attempts,
    encode_attempts,
    failed_attempt,
    history,
)
from flawless.engine.outcome import raised
from flawless.ids import idempotency_key

OLD = [Attempt(5, "ValueError", "once"), Attempt(7, "ValueError", "twice")]


@step(retries=2, backoff=4.0, backoff_factor=10.0, backoff_max=30.0)
def fails() -> None:
    raise ValueError(f"attempt {step_info().attempt}")


@step(retries=100, backoff=0.0)
def fails_often(times: int) -> int:
    if step_info().attempt <= times:
        raise ValueError(step_info().attempt)
    return step_info().attempt


def on_a_bench(work: Callable[[Bench], Awaitable[None]]) -> None:
    """Do something with steps and a clock that jumps."""

    async def main() -> None:
        async with bench() as made:
            await work(made)

    asyncio.run(main())


@pytest.mark.parametrize("due_us", [None, 1_800_000_000_000_000])
def test_the_row_is_read_as_it_was_written(due_us: int | None) -> None:
    """History, failures of this round and the next attempt's time come back."""
    saved = SavedAttempts(OLD, 1, due_us)
    assert decode_attempts(encode_attempts(saved)) == saved


@pytest.mark.parametrize("attempts", [[], OLD])
def test_rows_of_earlier_releases(attempts: list[Attempt]) -> None:
    """A bare list of attempts is read as so many failures of the first round."""
    old = msgspec.msgpack.encode(attempts)
    assert decode_attempts(old) == SavedAttempts(attempts, len(attempts), None)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x01", b"\x91\x01", b"\x81\xa8failures\xa1x"])
def test_damaged_rows(data: bytes) -> None:
    """They raise instead of being taken for something."""
    with pytest.raises(msgspec.MsgspecError):
        decode_attempts(data)


def test_a_history_is_cut() -> None:
    """The latest attempts stay."""
    attempts: list[Attempt] = []
    for n in range(ATTEMPTS_KEPT_MAX + 5):
        attempts = history(attempts, Attempt(n, "E", ""))
    assert [a.at for a in attempts] == list(range(5, ATTEMPTS_KEPT_MAX + 5))


def test_an_attempt_of_an_error() -> None:
    """Type and message are those of the error object, the message cut."""
    attempt = failed_attempt(9, raised(ValueError("x" * 5_000)).payload)
    assert (attempt.at, attempt.type, len(attempt.message)) == (9, "ValueError", 2_000)


def test_pauses_are_waited_for_by_the_clock() -> None:
    """No real time passes, and each failure is saved with the time of the next attempt."""

    async def work(made: Bench) -> None:
        _, outcome = made.begin(fails)
        assert await made.clock.jump() == 4.0
        assert await made.clock.jump() == 30.0
        ended = await outcome
        assert json.loads(ended.payload)["message"] == "attempt 3"
        assert [a.message for a in ended.attempts] == ["attempt 1", "attempt 2"]
        assert [a.at for a in ended.attempts] == [0, 4_000_000]
        assert [a.pause for a in ended.attempts] == [4_000_000, 30_000_000]
        assert [saved.failures for saved in made.saved] == [1, 2]
        assert [saved.due_us for saved in made.saved] == [
            BEGAN_US + 4_000_000,
            BEGAN_US + 34_000_000,
        ]

    on_a_bench(work)


def test_a_new_round_has_all_its_retries() -> None:
    """A history is carried along without using up retries; attempts are counted by round."""

    async def work(made: Bench) -> None:
        _, outcome = made.begin(fails, earlier=SavedAttempts(OLD, 0))
        for _ in range(2):
            await made.clock.jump()
        messages = [a.message for a in (await outcome).attempts]
        assert messages == ["once", "twice", "attempt 1", "attempt 2"]
        assert [len(saved.attempts) for saved in made.saved] == [3, 4]
        assert OLD[2:] == []

    on_a_bench(work)


def test_failures_before_a_restart_count() -> None:
    """Retries go on where they were, even when the history is longer."""

    async def work(made: Bench) -> None:
        _, outcome = made.begin(fails, earlier=SavedAttempts([*OLD, *OLD], 2))
        ended = await outcome
        assert json.loads(ended.payload)["message"] == "attempt 3"
        assert len(ended.attempts) == 4
        assert made.saved == []

    on_a_bench(work)


@pytest.mark.parametrize(
    ("due_s", "rests_s"), [(2.5, 2.5), (0.0, 0.0), (-5.0, 0.0), (1_000_000.0, 30.0)]
)
def test_the_rest_of_a_pause(due_s: float, rests_s: float) -> None:
    """After a restart only what is left is waited for, and never longer than the longest pause."""

    async def work(made: Bench) -> None:
        due_us = BEGAN_US + round(due_s * 1_000_000)
        run, outcome = made.begin(fails, earlier=SavedAttempts(OLD, 2, due_us))
        assert run.pausing is (rests_s > 0)
        if rests_s:
            assert await made.clock.jump() == rests_s
        assert (await outcome).failed

    on_a_bench(work)


def test_cancelled_in_a_pause() -> None:
    """Nothing is left to be called."""

    async def work(made: Bench) -> None:
        run, outcome = made.begin(fails, earlier=SavedAttempts(OLD, 1, BEGAN_US + 1_000_000))
        assert made.clock.due_s == [1.0]
        made.performer.cancel(run)
        assert made.clock.due_s == []
        assert not outcome.done()

    on_a_bench(work)


def test_more_failures_than_are_kept() -> None:
    """All are counted, the latest are kept."""

    async def work(made: Bench) -> None:
        _, outcome = made.begin(fails_often, ATTEMPTS_KEPT_MAX + 3)
        ended = await outcome
        assert json.loads(ended.payload) == ATTEMPTS_KEPT_MAX + 4
        assert len(ended.attempts) == ATTEMPTS_KEPT_MAX
        assert made.saved[-1].failures == ATTEMPTS_KEPT_MAX + 3

    on_a_bench(work)


@step(retries=1, backoff=0.0)
def tells_its_key() -> list[object]:
    if step_info().attempt == 1:
        raise ValueError(step_info().idempotency_key)
    return [step_info().execution_id, step_info().idempotency_key]


def test_the_key_is_that_of_the_run() -> None:
    """Each attempt has the same idempotency key, another run of the execution another one."""

    async def work(made: Bench) -> None:
        keys = []
        for key in (None, "order-1~2"):
            made.number = 0
            ended = await made.begin(tells_its_key, key=key)[1]
            execution, told = json.loads(ended.payload)
            assert execution == "order-1"
            assert [a.message for a in ended.attempts] == [told]
            keys.append(told)
        assert keys == [idempotency_key("order-1", 1), idempotency_key("order-1~2", 1)]

    on_a_bench(work)
