"""Executions on guests that were prepared once: none sees another, and all replay."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import dicey_programs
import hasty_programs
import prepared_programs as programs
import pytest

import flawless
from flawless.engine import describing
from flawless.engine.deploy import TRIAL_LIMITS
from flawless.engine.deployment import Deployment
from flawless.wasm import GuestLimits


def deployment_of(engine: flawless.Engine) -> Deployment:
    """Return what serves."""
    return next(iter(engine._service._library._current.values()))


def test_no_execution_sees_another(tmp_path: Path) -> None:
    """Modules, objects and addresses are as after the import; only randomness is its own."""
    with flawless.Engine(tmp_path / "t.db", modules=[programs]) as engine:
        assert deployment_of(engine).manifest.prepared
        # What decides where objects lie never changes.
        given = b'{"protocol":1,"prepare":true,"modules":["prepared_programs"]}'
        assert deployment_of(engine).preparing().input == given
        runs = [engine.start(programs.leaves_traces, name) for name in "abcde"]
        told = [run.result(30) for run in runs]
        for run in runs:
            assert run.replay().end is not None
    assert all(one["before"] == [None] for one in told)
    assert len({str((one["address"], one["places"])) for one in told}) == 1
    for own in ("random", "uuid", "noted"):
        assert len({one[own] for one in told}) == 5


def test_another_process_prepares_the_same(tmp_path: Path) -> None:
    """Objects have the same addresses in each process, so that any of them can go on."""
    code = (
        "import sys, flawless, prepared_programs as p\n"
        "with flawless.Engine(sys.argv[1], modules=[p]) as engine:\n"
        "    told = engine.start(p.leaves_traces, 'a').result(30)\n"
        "    print(told['address'], told['places'])"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / f"{n}.db")],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in range(2)
    ]
    assert told[0] == told[1] != ""


def test_a_module_that_asks_for_the_time_is_imported_each_time(tmp_path: Path) -> None:
    """What may differ between executions is not taken from a preparation."""
    with flawless.Engine(tmp_path / "t.db", modules=[hasty_programs]) as engine:
        assert not deployment_of(engine).manifest.prepared
        first, second = (engine.start(hasty_programs.tells) for _ in range(2))
        assert first.result(30) < second.result(30)


def test_a_module_that_seeds_the_generator_is_imported_each_time(tmp_path: Path) -> None:
    """What the module says of randomness holds in each execution."""
    with flawless.Engine(tmp_path / "t.db", modules=[dicey_programs]) as engine:
        assert not deployment_of(engine).manifest.prepared
        drawn = [engine.start(dicey_programs.draws).result(30) for _ in range(2)]
    assert drawn == [random.Random(5).random()] * 2


def test_trouble_with_preparing_is_no_trouble_with_deploying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where a guest cannot be prepared within its bounds, each execution imports its modules."""
    caplog.set_level("INFO", "flawless.deploy")
    with flawless.Engine(tmp_path / "t.db", modules=[programs]) as engine:
        made = deployment_of(engine)
        component = engine._service._library._components.get(made.manifest.component)
        assert component is not None

        def prepares(limits: GuestLimits = TRIAL_LIMITS) -> bool:
            return asyncio.run(describing.prepares(component, made.preparing(), limits))

        assert prepares()
        assert not caplog.messages
        assert not prepares(GuestLimits(memory_bytes=1_000_000))
        monkeypatch.setattr(describing, "QUESTIONS_MAX", 1)
        assert not prepares()
    assert all("each execution imports its modules itself" in told for told in caplog.messages)
    assert "more than 1 things while its modules are imported" in caplog.messages[-1]
