"""Looking at a recording place after place, to and fro, and what is kept meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest
import study_workflows
from study_workflows import climb, turn

import flawless
from flawless.core.entries import Entry
from flawless.core.limits import Limits
from flawless.engine.service import Service
from flawless.errors import Divergence, EngineStopped, ExecutionFailed
from flawless.server.endpoints.missed import missed_lines
from flawless.server.endpoints.points import points_page
from flawless.timetravel.path import ExecutionPath, follow
from flawless.timetravel.problems import (
    JournalTooLong,
    NoSuchPlace,
    ReplayTooLong,
    TracingChangesPath,
)
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import Replayer
from flawless.timetravel.studies import observatory
from flawless.timetravel.studies.observatory import Observatory
from flawless.timetravel.studies.study import RAISED, Place, Sight, Study

ROUNDS = 2_000_000
"""More than can be traced before somebody stops it."""


@pytest.fixture(scope="module")
def engine() -> Iterator[flawless.Engine]:
    """Give an engine that has done some."""
    with flawless.Engine(":memory:", modules=[study_workflows]) as engine:
        engine.start(climb, 4, id="good").result(timeout=30)
        with pytest.raises(ExecutionFailed):
            engine.start(climb, 6, id="bad").result(timeout=30)
        engine.start(turn, ROUNDS, id="long").result(timeout=60)
        yield engine


@pytest.fixture(scope="module")
def recording(engine: flawless.Engine) -> Recording:
    """Give the recording of the one that failed."""
    return Recording.of(engine.get("bad"))


def study(recording: Recording, seconds_max: float = 30.0) -> Study:
    """Return a study that begins."""
    return Study(recording, limits=Limits(), seconds_max=seconds_max)


def values(sight: Sight) -> dict[str, str]:
    """Return the variables of the innermost frame."""
    return {one.name: one.text for one in sight.stack[0].variables or []}


def test_each_place_is_the_same_in_whatever_order_one_looks(
    recording: Recording, seed: int
) -> None:
    """Forwards, and at random, points, lines and the failing place show the same."""
    one, other = study(recording), study(recording)
    path = one.path(lines=True)
    places = [Place(point.number) for point in path.points]
    places += [one.line(number) for number in range(path.line_count)]
    forwards = {place: one.look(place) for place in [*sorted(places), RAISED]}
    other.path(lines=False)
    mixed = [*forwards]
    Random(seed).shuffle(mixed)
    for place in mixed:
        assert other.look(place) == forwards[place], f"--seed={seed}: {place}"
    one.rest()
    other.rest()


def test_points_and_lines_show_what_the_path_says(recording: Recording) -> None:
    """The frames at a place are those that the path has for it, clocks included."""
    one = study(recording)
    path = one.path(lines=True)
    for point in path.points:
        seen = one.look(Place(point.number))
        assert [level.frame for level in seen.stack] == point.frames
    for number, line in enumerate(path.lines()):
        seen = one.look(one.line(number))
        frame = seen.stack[0].frame
        assert (frame.file, frame.line, frame.function) == line
    assert path.raised is not None
    assert [level.frame for level in one.look(RAISED).stack] == path.raised.frames
    one.rest()


def test_the_place_before_is_of_the_same_kind(recording: Recording) -> None:
    """Before a point is a point, before a line a line, and before the first nothing."""
    one = study(recording)
    path = one.path(lines=True)
    shown = [point.number for point in path.points if point.frames]
    assert one.earlier(Place(shown[3])) == Place(shown[2])
    assert one.earlier(Place(shown[0])) is None
    assert one.earlier(RAISED) == Place(shown[-1])
    for number in range(1, path.line_count):
        before = one.earlier(one.line(number))
        assert before is not None
        assert one.look(before) == one.look(one.line(number - 1))
    assert one.earlier(one.line(0)) is None
    one.rest()


def test_there_is_no_place_beyond_the_path(recording: Recording, engine: flawless.Engine) -> None:
    """What there is not is refused in words that tell what there is."""
    one = study(recording)
    with pytest.raises(NoSuchPlace, match="counted from 0"):
        one.look(Place(10_000))
    with pytest.raises(NoSuchPlace, match="counted from 0"):
        one.line(10_000)
    with pytest.raises(NoSuchPlace, match="has not raised"):
        study(Recording.of(engine.get("good"))).look(RAISED)


def test_a_replay_that_rests_begins_again(recording: Recording) -> None:
    """Freeing the guest costs a replay, and nothing else."""
    one = study(recording)
    seen = one.look(Place(5), depth=1)
    one.rest()
    assert one.look(Place(5), depth=1) is seen
    assert values(one.look(Place(5), depth=2)) == values(seen)
    one.rest()


def test_a_replay_has_its_time(engine: flawless.Engine) -> None:
    """Who traces a computing workflow hears that it takes too long; effects alone are quick."""
    recording = Recording.of(engine.get("long"))
    with pytest.raises(ReplayTooLong, match="without lines"):
        study(recording, seconds_max=0.3).path(lines=True)
    study(recording).path(lines=False)


def test_a_replay_can_be_given_up_from_outside(engine: flawless.Engine) -> None:
    """Another thread ends it, and no further one begins."""
    one = study(Recording.of(engine.get("long")))
    raised: list[BaseException] = []

    def look() -> None:
        try:
            one.path(lines=True)
        except ReplayTooLong as error:
            raised.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    while one._replay is None:
        pass
    one.give_up()
    thread.join(10)
    assert not thread.is_alive()
    assert raised
    with pytest.raises(ReplayTooLong):
        one.path(lines=True)


def test_another_layout_is_tried_where_tracing_changes_the_path(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that depends on addresses is told by the replay in which they happen to fit."""
    found = Divergence("bad", 3, "one step", "another step", "")

    def misled(replay: Replayer, **options: bool) -> ExecutionPath:
        path = follow(replay, **options)
        return path if path.padding == 2 else replace(path, error=TracingChangesPath(found))

    monkeypatch.setattr("flawless.timetravel.studies.study.follow", misled)
    one = study(recording)
    path = one.path(lines=True)
    assert (path.padding, path.error) == (2, None)
    assert one.look(RAISED).stack
    one.rest()


def test_pages_of_points_read_the_journal_once(recording: Recording) -> None:
    """The labels of a long journal cost something, so the second page has those of the first."""
    read = 0

    class Journal(list[Entry]):
        def __iter__(self) -> Iterator[Entry]:
            nonlocal read
            read += 1
            return super().__iter__()

    one = study(recording)
    counted = Recording("bad", recording.status, Journal(recording.entries), recording.deployment)
    path = replace(one.path(lines=False), recording=counted)
    whole = points_page(path, 0, len(path.points)).points
    pages = [points_page(path, number, 1).points for number in range(len(path.points))]
    assert [point.label for [point] in pages] == [point.label for point in whole]
    assert whole[1].label == "step study_workflows.twice"
    assert read == 1
    one.rest()


# --- beside an engine ----------------------------------------------------------------------------


def beside(engine: flawless.Engine, scenario: Any) -> Any:
    """Run a scenario with an observatory on the engine's loop."""

    async def run(service: Service) -> Any:
        watching = Observatory(service)
        try:
            return await scenario(watching)
        finally:
            watching.close()

    return engine.get("good").ask(run)


def studies(watching: Observatory) -> list[Study]:
    """Return the studies that are kept, the one looked at last at the end."""
    return [kept.study for kept in watching._studies.values()]


async def at_work(watching: Observatory) -> Study:
    """Wait until a replay has begun for the first of the studies, and return it."""
    while not watching._studies or studies(watching)[0]._replay is None:
        await asyncio.sleep(0)
    return studies(watching)[0]


def test_paths_are_kept_for_a_few_executions(
    engine: flawless.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same path is told twice without a replay, until others have taken its place."""
    monkeypatch.setattr(observatory, "STUDIES_MAX", 1)

    async def scenario(watching: Observatory) -> None:
        first = await watching.path("good", lines=False)
        assert await watching.path("good", lines=False) is first
        await watching.path("bad", lines=False)
        assert await watching.path("good", lines=False) is not first

    beside(engine, scenario)


def test_what_was_seen_has_its_room(
    engine: flawless.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once they have grown too large, only the one looked at last stays."""

    async def scenario(watching: Observatory) -> None:
        await watching.path("bad", lines=False)
        await watching.path("good", lines=False)
        one, other = studies(watching)
        took = one.memory_bytes + other.memory_bytes
        monkeypatch.setattr(observatory, "BYTES_MAX", took)
        await watching.look("bad", Place(4), depth=1, compare=False)
        assert studies(watching) == [one]
        assert one.memory_bytes > took // 2

    beside(engine, scenario)


def test_who_comes_twice_at_once_is_kept_once(
    engine: flawless.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that ask for the same while there is no room for both get it, and it stays."""
    monkeypatch.setattr(observatory, "BYTES_MAX", 0)

    async def scenario(watching: Observatory) -> None:
        asked = ("good", "bad", "good", "good")
        found = await asyncio.gather(*(watching.path(one, lines=False) for one in asked))
        assert [one.recording.execution for one in found] == [*asked]
        assert len(watching._studies) == 1

    beside(engine, scenario)


def test_a_study_that_is_dropped_at_work_keeps_no_guest(
    engine: flawless.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for it still gets the answer; then its replay is freed."""
    monkeypatch.setattr(observatory, "STUDIES_MAX", 1)

    async def scenario(watching: Observatory) -> None:
        look = watching.look("bad", Place(4), depth=1, compare=False)
        under_way = asyncio.ensure_future(look)
        dropped = await at_work(watching)
        await watching.path("good", lines=False)
        assert dropped not in studies(watching)
        assert (await under_way).sight.stack
        async with asyncio.timeout(10):
            while dropped._replay is not None:
                await asyncio.sleep(0.01)

    beside(engine, scenario)


def test_an_idle_replay_is_freed(engine: flawless.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some time that nobody looks its guest is gone."""
    monkeypatch.setattr(observatory, "IDLE_S", 0.01)

    async def scenario(watching: Observatory) -> None:
        await watching.look("bad", Place(4), depth=1, compare=True)
        [kept] = studies(watching)
        async with asyncio.timeout(10):
            while kept._replay is not None:
                await asyncio.sleep(0.01)

    beside(engine, scenario)


def test_what_took_too_long_is_not_tried_again_for_a_while(
    engine: flawless.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second answer comes without a replay; effects alone are another matter."""

    async def scenario(watching: Observatory) -> None:
        watching._seconds_max = 0.3
        with pytest.raises(ReplayTooLong) as first:
            await watching.path("long", lines=True)
        [study] = studies(watching)
        study._seconds_max = 30.0
        with pytest.raises(ReplayTooLong) as second:
            await watching.look_at_line("long", 3, depth=1, compare=False)
        assert str(second.value) == str(first.value)
        assert (await watching.path("long", lines=False)).end is not None
        study._seconds_max = 0.0
        monkeypatch.setattr(observatory, "TOO_LONG_S", -1.0)
        with pytest.raises(ReplayTooLong, match="more than 0 s"):
            await watching.path("long", lines=True)

    beside(engine, scenario)


def test_a_replay_that_nobody_waits_for_ends(
    engine: flawless.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its readers have gone: others need not wait for it, and what is known of it stays."""
    monkeypatch.setattr(observatory, "LEFT_S", 0.0)

    async def scenario(watching: Observatory) -> None:
        known = await watching.path("long", lines=False)
        under_way = asyncio.ensure_future(watching.path("long", lines=True))
        study = await at_work(watching)
        under_way.cancel()
        async with asyncio.timeout(10):
            await watching.path("good", lines=True)
        assert study.known_path(lines=True) is None
        assert await watching.path("long", lines=False) is known

    beside(engine, scenario)


def test_looks_do_not_wait_for_lines(engine: flawless.Engine) -> None:
    """While lines are traced for one reader, others see effects and variables."""

    async def scenario(watching: Observatory) -> None:
        under_way = asyncio.ensure_future(watching.path("long", lines=True))
        await at_work(watching)
        same = asyncio.ensure_future(watching.look("long", Place(-1), depth=1, compare=False))
        for place in (Place(4), Place(1)):
            assert (await watching.look("bad", place, depth=1, compare=True)).sight.stack
        assert not under_way.done()
        assert not same.done()
        under_way.cancel()
        same.cancel()

    beside(engine, scenario)


def test_a_closed_observatory_ends_what_is_under_way(engine: flawless.Engine) -> None:
    """At shutdown nobody waits for a replay of seconds."""

    async def scenario(watching: Observatory) -> None:
        under_way = asyncio.ensure_future(watching.path("long", lines=True))
        await at_work(watching)
        watching.close()
        with pytest.raises(ReplayTooLong):
            await under_way
        with pytest.raises(EngineStopped):
            await watching.path("good", lines=False)

    beside(engine, scenario)


def test_very_long_journals_are_for_the_command_line(
    engine: flawless.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal names the commands that take them."""
    monkeypatch.setattr(observatory, "ENTRIES_MAX", 3)

    async def scenario(watching: Observatory) -> None:
        with pytest.raises(JournalTooLong, match="flawless replay"):
            await watching.path("good", lines=False)

    beside(engine, scenario)


# --- lines that were not executed ----------------------------------------------------------------

SOURCE = '''
import time

def f(x):
    """Say something."""
    if x:
        return call(
            1,
        )
    try:
        y = 2
    except ValueError:
        y = 3
    match x:
        case 1:
            y = 4
    return y

LIMIT = 3
'''


def test_missed_lines_are_whole_statements_inside_functions() -> None:
    """One executed line of a statement is enough; texts and modules do not count."""
    assert missed_lines(SOURCE, {6, 11, 14, 17}) == [7, 8, 9, 13, 16]
    assert missed_lines(SOURCE, {6, 8}) == [11, 13, 14, 16, 17]
    assert missed_lines("def f(:", set()) == []
