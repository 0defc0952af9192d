"""Virtual time: it jumps when nothing happens, and never past anything that is due."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import lab_programs as app
import pytest

from flawless import EngineStopped, ExecutionCancelled, InputInvalid, ResultTimeout, UsageError
from flawless.testing import Lab, LabStuck

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def test_ten_years_of_monthly_sleeps_pass_at_once(lab: Lab) -> None:
    """Each sleep takes exactly as long as it says, though nobody waited for it."""
    seen = lab.start(app.monthly, 10).result(timeout=60)
    assert seen == pytest.approx([n * app.MONTH_S for n in range(1, 121)], abs=1e-5)
    assert lab.now - BEGAN == pytest.approx(timedelta(seconds=10 * app.YEAR_S), abs=timedelta(0, 1))


def test_hundreds_of_sleepers_wake_in_order(lab: Lab) -> None:
    """Whatever order they began in, they go on in the order of their times, each at its own."""
    with lab.fake(app.notify, "woken") as woken:
        hours = [(n * 7919) % 200 + 1 for n in range(200)]
        runs = [lab.start(app.sleeper, f"{hour}", hour * 3600.0) for hour in hours]
        lab.run_until_idle()
    assert [int(call.arguments["who"]) for call in woken.calls] == sorted(hours)
    for hour, run in zip(hours, runs, strict=True):
        assert run.result() == pytest.approx(BEGAN.timestamp() + hour * 3600)


def test_time_stands_still_unless_somebody_waits(lab: Lab) -> None:
    """Starting something moves nothing; `advance` moves as far as it says."""
    run = lab.start(app.sleeper, "ann", 86_400.0)
    lab.settle()
    assert (lab.now, run.status) == (BEGAN, "waiting")
    assert lab.advance("23h") == BEGAN + timedelta(hours=23)
    assert run.status == "waiting"
    lab.advance(timedelta(hours=1))
    assert run.status == "completed"
    assert run.result() == BEGAN.timestamp() + 86_400
    assert lab.advance_to(datetime(2030, 1, 1)) == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_start_later_jumps_to_its_time(lab: Lab) -> None:
    """A delayed execution begins exactly at its time, and sees that time; messages wait for it."""
    run = lab.start(app.patient, 3600.0, delay="30d", attributes={"customer": "7"})
    assert (run.status, lab.now) == ("waiting", BEGAN)
    run.send("confirm", "early")
    assert run.result() == "early"
    assert lab.now == BEGAN + timedelta(days=30)
    assert run.info().began_us == (BEGAN + timedelta(days=30)).timestamp() * 1_000_000
    at = datetime(2026, 6, 1, 9, tzinfo=UTC)
    later = lab.start(app.sleeper, "ann", 60.0, start_at=at)
    assert later.result() == at.timestamp() + 60
    assert [one.id for one in lab.list(attributes={"customer": "7"})] == [run.id]
    never = lab.start(app.endless, delay="1d")
    never.cancel("not needed")
    with pytest.raises(ExecutionCancelled, match="not needed"):
        never.result()
    assert len(never.journal()) == 2
    assert lab.now == at + timedelta(minutes=1)


def test_auto_can_be_switched_off() -> None:
    """Then a result is waited for in vain, and the error says when the next thing is due."""
    with Lab("lab_programs", auto=False) as lab:
        run = lab.start(app.sleeper, "ann", 60.0)
        with pytest.raises(LabStuck, match=r"stands still at 2026-01-01.*00:01:00.*advance"):
            run.result()
        lab.advance("1m")
        assert run.result() == BEGAN.timestamp() + 60


def test_waiting_for_what_never_comes_is_an_error(lab: Lab) -> None:
    """Nobody hangs: the error says what is waited for."""
    run = lab.start(app.endless, id="mine")
    lab.settle()
    with lab.fake(app.notify, "cleaned"), pytest.raises(ExecutionCancelled, match="deadline"):
        run.result()
    assert lab.now == BEGAN + timedelta(days=30)
    stubborn = lab.start(app.stubborn, id="other")
    with pytest.raises(LabStuck, match=r"other \(lab_programs\.stubborn\) waits for"):
        stubborn.result()


def test_a_timeout_of_result_is_real_time(lab: Lab) -> None:
    """`result(timeout=...)` is a safety net and has nothing to do with virtual time."""
    with Lab("lab_programs", auto=False) as still:
        run = still.start(app.sleeper, "ann", 60.0)
        with pytest.raises(ResultTimeout):
            run.result(timeout=0.01)


def test_receive_times_out(lab: Lab) -> None:
    """A message that comes in time is received, and else the timeout passes at its time."""
    early, late = lab.start(app.patient, 3600.0), lab.start(app.patient, 86_400.0 * 400)
    lab.advance("59m")
    assert early.send("confirm", "yes")
    assert early.result() == "yes"
    assert lab.now == BEGAN + timedelta(minutes=59)
    assert late.result() is None
    assert lab.now == BEGAN + timedelta(days=400)


def test_pauses_between_attempts_are_virtual(lab: Lab) -> None:
    """Retries take the whole of their pauses (1 h, 2 h, 4 h), without any chance."""
    with lab.fake(app.flaky, ConnectionError("no answer")) as fake:
        assert lab.start(app.tries, "bank").result() == "gave up: no answer"
    hours = [(call.at - BEGAN) / timedelta(hours=1) for call in fake.calls]
    assert hours == [0, 1, 3, 7]
    assert [call.attempt for call in fake.calls] == [1, 2, 3, 4]


def test_a_real_step_takes_no_virtual_time(lab: Lab) -> None:
    """While one runs, time stands still: it always wins against a timeout."""
    assert lab.start(app.races, 0.001).result() == "hello, racer"
    assert lab.now == BEGAN


def test_graces_pass(lab: Lab) -> None:
    """Cleaning up after a cancel may sleep, and no longer than its grace."""
    whole, cut = lab.start(app.stubborn), lab.start(app.stubborn)
    lab.settle()
    whole.cancel("enough")
    cut.cancel("enough", grace="1d")
    with pytest.raises(ExecutionCancelled):
        cut.result()
    assert lab.now == BEGAN + timedelta(days=1)
    with pytest.raises(ExecutionCancelled):
        whole.result()
    assert lab.now == BEGAN + timedelta(days=3)


def test_what_repeats_for_ever_is_noticed(lab: Lab) -> None:
    """After a thousand years somebody should look at it."""
    lab.start(app.forever)
    with pytest.raises(LabStuck, match="the year 3028: does something loop"):
        lab.run_until_idle()


def test_a_subscription_goes_on_for_years(lab: Lab) -> None:
    """`continue_as_new` in every month, and every month is billed once."""
    with lab.fake(app.charge, lambda order: order.id) as fake:
        assert lab.start(app.subscription, 120).result(timeout=120) == 120
    assert [call.arguments["order"].id for call in fake.calls] == [f"month-{n}" for n in range(120)]


def test_labs_are_the_same_every_time() -> None:
    """Random numbers and ids depend on nothing but the seed."""

    def seen(seed: int) -> tuple[str, float]:
        with Lab("lab_programs", seed=seed) as lab:
            run = lab.start(app.chance)
            return run.id, run.result()

    assert seen(0) == seen(0)
    assert seen(0) != seen(1)
    assert seen(1)[0] == "chance-1"


def test_time_begins_where_a_test_wants(lab: Lab) -> None:
    """`now` is the beginning; and more than 200 guests are no problem, though no moment passes."""
    with Lab("lab_programs", now=datetime(1999, 12, 31, 23, tzinfo=UTC)) as old:
        runs = [old.start(app.patient, 3600.0) for _ in range(250)]
        assert {run.result() for run in runs} == {None}
        assert old.now == datetime(2000, 1, 1, tzinfo=UTC)


def test_mistakes_about_the_time(lab: Lab) -> None:
    """A length where a moment belongs, and an id that is no text, are said to be that."""
    with pytest.raises(UsageError, match="a moment is a datetime, not 5"):
        lab.advance_to(5)  # type: ignore[arg-type]  # the mistake
    with pytest.raises(ValueError, match="not negative"):
        lab.advance(-1)
    with pytest.raises(InputInvalid, match="an execution id is a text, not 5"):
        lab.start(app.sleeper, "x", 1.0, id=5)  # type: ignore[call-overload]  # the mistake
    with pytest.raises(EngineStopped, match="with Lab"):
        Lab("lab_programs").start(app.sleeper, "x", 1.0)


def test_a_lab_works_in_async_tests() -> None:
    """Handles are awaited as those of an engine are, and time jumps for them."""

    async def main() -> list[float]:
        with Lab("lab_programs") as lab:
            runs = [await lab.start_async(app.sleeper, f"{n}", n * 3600.0) for n in (2, 1)]
            return list(await asyncio.gather(*runs))

    assert asyncio.run(main()) == [BEGAN.timestamp() + 7200, BEGAN.timestamp() + 3600]
