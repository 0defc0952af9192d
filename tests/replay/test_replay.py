"""A journal brings a fresh guest to the very same requests, wherever and whenever."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import msgspec
import program_workflows
import pytest
from elsewhere import replayed_elsewhere
from programs import random_program

import flawless
import stored
from flawless.core.entries import Completed, Invoked
from flawless.engine.replay import Replayed, replay
from flawless.errors import Divergence
from flawless.wasm import Component, python_runtime
from recorder import recorded

SETTINGS = flawless.Settings(guests_max=12, evict_after_s=0.1)
WHOLE, SHARE = 1_000, 20


def live(path: Path, seeds: list[int], site: str) -> dict[str, list[bytes]]:
    """Run the programs of these seeds at the same time; return what their guests asked."""
    with (
        recorded() as questions,
        flawless.Engine(path, modules=[program_workflows], settings=SETTINGS) as engine,
    ):
        runs = []
        for seed in seeds:
            chance = Random(seed)
            kinds = (program_workflows.carry_out, program_workflows.carry_out_async)
            program = random_program(chance)
            runs.append(engine.start(chance.choice(kinds), program, site, id=f"p{seed}"))
        for run in runs:
            run.result(timeout=120)
    return questions


def again(one: stored.Stored) -> Replayed:
    """Replay a stored execution in a fresh guest."""
    return replay(one.record.id, one.entries, one.deployment, runtime(one))


def runtime(one: stored.Stored) -> Component:
    """Return the runtime component, which a stored execution must have run on."""
    component = Component.load(python_runtime.build())
    assert component.sha256 == one.deployment.manifest.component
    return component


@pytest.mark.timeout(3600)
def test_random_programs_replay_without_divergence(
    tmp_path: Path, site: str, seed: int, request: pytest.FixtureRequest
) -> None:
    """A thousand random programs ask the same questions again, byte for byte (here: a share)."""
    number = WHOLE if request.config.getoption("--sweep") == "whole" else SHARE
    seeds = [seed + n for n in range(number)]
    questions = live(tmp_path / "live.db", seeds, site)
    found = stored.read(tmp_path / "live.db")
    assert len(found) == number
    for one in found:
        hint = f"pytest tests/replay --seed {one.record.id[1:]}"
        try:
            replayed = again(one)
        except Divergence as error:
            pytest.fail(f"{error}\n{hint}")
        assert replayed.end == one.entries[-1], hint
        assert isinstance(replayed.end, Completed), hint
        assert replayed.questions == questions[one.record.id], hint


@pytest.mark.sweep
def test_another_machine_asks_the_same(tmp_path: Path, site: str, seed: int) -> None:
    """With a fresh cache, another folder, locale, time zone and hash seed, nothing changes."""
    path = tmp_path / "live.db"
    questions = live(path, [seed + n for n in range(5)], site)

    elsewhere = tmp_path / "elsewhere"
    told = replayed_elsewhere(path, elsewhere)
    assert told["here"]["folder"] == str(elsewhere)
    assert told["here"]["process"] != os.getpid()
    assert told["here"]["zone"] != "UTC"
    hexadecimal = {name: [one.hex() for one in asked] for name, asked in questions.items()}
    assert told["questions"] == hexadecimal, f"pytest tests/replay --seed {seed}"


def test_a_journal_that_is_cut_short_replays_to_where_it_ends(
    tmp_path: Path, site: str, seed: int
) -> None:
    """Every beginning of a journal is replayable, and asks a beginning of the same questions."""
    live(tmp_path / "live.db", [seed], site)
    [one] = stored.read(tmp_path / "live.db")
    whole = again(one).questions
    component = runtime(one)
    for length in range(1, len(one.entries)):
        part = replay(one.record.id, one.entries[:length], one.deployment, component)
        assert part.end is None
        assert part.questions == whole[: len(part.questions)], f"{seed}: {length} entries"


def test_what_does_not_fit_is_a_divergence(tmp_path: Path, site: str, seed: int) -> None:
    """Where the code asks for something else than the journal holds, that is told with the line."""
    program = [["effect", "step", "anna"], ["log", ["bo"], 0.5]]
    with flawless.Engine(tmp_path / "live.db", modules=[program_workflows]) as engine:
        engine.start(program_workflows.carry_out, program, site, id="one").result(timeout=60)
    [one] = stored.read(tmp_path / "live.db")
    first = one.entries[0]
    assert isinstance(first, Invoked)
    other = msgspec.structs.replace(first, input=first.input.replace(b"anna", b"bo"))
    with pytest.raises(Divergence) as raised:
        replay(one.record.id, [other, *one.entries[1:]], one.deployment, runtime(one))
    assert raised.value.position == 1
    assert "program_workflows.py" in raised.value.where
