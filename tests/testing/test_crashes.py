"""Crashes: an engine that dies at a chosen entry, and goes on as if nothing had happened."""

from __future__ import annotations

from pathlib import Path

import lab_programs as app
import pytest

from flawless import Execution, UsageError
from flawless.testing import Crash, Lab, LabStuck, Request

ORDER = app.Order("o-1", 990)


@pytest.mark.parametrize("store", [":memory:", "file"])
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_crash_loses_what_was_not_durable(store: str, side: str, tmp_path: Path) -> None:
    """Before the outcome is durable: the step is run again. After: it is not. The result is one."""
    app.ledger.clear()
    with Lab("lab_programs", store=tmp_path / "t.db" if store == "file" else store) as lab:
        lab.crash_at(2, side=side)
        run = lab.start(app.pays, ORDER, id="mine")
        assert run.result() == "receipt o-1"
        assert lab.crashes == [Crash("mine", 2, side)]
        assert app.ledger == ["charge o-1"] * (2 if side == "before" else 1)


def test_no_effect_begins_after_a_crash(lab: Lab) -> None:
    """The engine dies on the spot: nothing that was about to happen happens."""
    fake = lab.fake(app.once, "done")
    lab.crash_at(2)  # the entry that says that it is about to be performed
    assert lab.start(app.charges_once, "x").result() == "interrupted"
    assert fake.calls == []


def test_an_effect_that_must_not_be_repeated_is_not(lab: Lab) -> None:
    """Done, but not recorded: nobody knows, so the workflow is told."""
    fake = lab.fake(app.once, "done")
    lab.crash_at(3, side="before")
    assert lab.start(app.charges_once, "x").result() == "interrupted"
    assert len(fake.calls) == 1


def test_a_parked_effect_is_resolved_in_a_test(lab: Lab) -> None:
    """What a person would do after a crash, with the handle as ever."""
    lab.crash_at(2, side="after")
    run = lab.start(app.asks_after_crash, "x")
    lab.run_until_idle()
    assert run.status == "parked"
    with pytest.raises(LabStuck, match="resolve what is parked"):
        run.result()
    run.resolve(ok="by hand")
    assert run.result() == "by hand"


def test_a_crash_may_come_at_any_time(lab: Lab) -> None:
    """In the middle of a sleep, or between two messages; what was sent is received once."""
    sleeper = lab.start(app.sleeper, "ann", 86_400.0)
    patient = lab.start(app.patient, 86_400.0)
    lab.advance("1h")
    lab.crash()
    lab.crash()
    assert patient.send("confirm", 7)
    assert patient.result() == 7
    assert sleeper.result() == pytest.approx(lab.now.timestamp())
    assert len(lab.crashes) == 2


def test_calls_that_a_crash_interrupts_are_made_again(lab: Lab) -> None:
    """A start, a message and a cancel whose commit was lost, or not acknowledged, happen once."""
    for side in ("before", "after"):
        lab.crash_at(1, side=side, execution=f"patient-{side}")
        run = lab.start(app.patient, 60.0, id=f"patient-{side}")
        assert run.send("confirm", side)
        assert run.result() == side
    lab.crash_at(1, execution="pays-1")
    assert lab.start(app.pays, ORDER).id == "pays-1"
    assert len(lab.list(prefix="pays")) == 1
    assert len(lab.crashes) == 3


def test_crash_points_are_checked(lab: Lab) -> None:
    """Entries count from 1."""
    with pytest.raises(UsageError, match="entries count from 1"):
        lab.crash_at(0)


# --- everywhere -----------------------------------------------------------------------------------


def fakes(lab: Lab) -> None:
    """Answer everything that `everything` asks for."""
    lab.fake(app.flaky, ConnectionError("no answer"))
    lab.fake(app.notify, lambda who, text="hello": f"{text}, {who}", takes="20m")
    lab.fake_http("GET https://rates.example/*", {"rate": 1.1})
    lab.fake_http("POST https://books.example/*", lambda request: 201)


def confirm(lab: Lab, run: Execution[object]) -> None:
    """Send `everything` its message while it waits for it."""
    lab.advance("2d2h")
    run.send("confirm", 1)


def test_everything_survives_a_crash_at_every_entry(lab: Lab) -> None:
    """A workflow with every kind of effect is the same after a crash at any of its entries."""
    fakes(lab)
    report = lab.crash_everywhere(app.everything, ORDER, during=confirm)
    assert report.crashes == 2 * len(report.entries) - 1
    # The POST, which must not be sent twice: its beginning is durable, its outcome is not.
    assert 1 <= len(report.interrupted) <= 6
    assert any("POST" in place for place in report.interrupted)
    assert str(report).startswith(f"{len(report.entries)} entries, {report.crashes} crashes")


@pytest.mark.sweep
def test_a_delayed_workflow_survives_a_crash_at_every_entry(lab: Lab) -> None:
    """So does one that begins later, at its own time whatever happened before that."""
    fakes(lab)

    def during(lab: Lab, run: Execution[object]) -> None:
        lab.advance("12d")
        lab.crash()
        run.send("confirm", 1)
        assert run.info().is_delayed

    report = lab.crash_everywhere(app.everything, ORDER, delay="30d", during=during)
    assert report.crashes == 2 * len(report.entries) - 1


def test_an_async_workflow_survives_a_crash_at_every_entry(lab: Lab) -> None:
    """So does one with tasks, timers and an iteration over messages."""

    def during(lab: Lab, run: Execution[object]) -> None:
        lab.advance("3m")
        run.send("confirm", "first")
        run.send("confirm", "second")

    report = lab.crash_everywhere(app.everything_async, ORDER, during=during)
    assert report.interrupted == []


def test_a_step_that_is_not_idempotent_is_caught(lab: Lab) -> None:
    """Done twice it counts twice, and the error names the entry whose loss does that."""
    with pytest.raises(
        AssertionError, match=r"before entry 2 \(step lab_programs\.number.*saw"
    ) as error:
        lab.crash_everywhere(app.counts, setup=lambda lab: app.ledger.clear())
    assert "('step lab_programs.number', False, 2)" in str(error.value)


def test_what_differs_by_itself_is_caught(lab: Lab) -> None:
    """If steps leave something behind for the next run, a crash is not even needed."""
    app.ledger.clear()
    with pytest.raises(AssertionError, match="makes a difference"):
        lab.crash_everywhere(app.counts, sides=["after"])


def test_different_requests_to_the_outside_are_caught(lab: Lab) -> None:
    """What a fake answers at random reaches the workflow, and the comparison."""
    count = iter(range(100))

    def answer(request: Request) -> dict[str, int]:
        return {"n": next(count)}

    lab.fake_http(answer)
    with pytest.raises(AssertionError, match="makes a difference"):
        lab.crash_everywhere(app.posts, "https://a.example", {"x": 1}, sides=["after"])


def test_a_workflow_that_waits_needs_its_messages(lab: Lab) -> None:
    """Without `during` it is stuck already when it is undisturbed."""
    with pytest.raises(LabStuck, match="waits for"):
        lab.crash_everywhere(app.waits)
