"""What a workflow in Rust takes of the standard library is the same wherever it is replayed."""

from __future__ import annotations

from pathlib import Path

from elsewhere import replayed_elsewhere

import flawless
import rust_programs
import stored
from flawless.engine.replay import replay
from flawless.wasm import Component
from recorder import recorded

HERE = Path(__file__).resolve().parent
STEPS = HERE.parent / "differential"

PROGRAM = {
    "async": False,
    "clean-up": [],
    "obeys": True,
    "operations": [
        *(["pure", kind] for kind in ("random", "time", "uuid", "random")),
        ["log", "gül"],
        ["publish", 7],
        ["sleep", 20_000],
        ["gather", [["sleep", 1_000], ["step", "anna", 1, 0, False]], True],
        ["effect", ["async step", "bo", 1, 0, True]],
        ["messages", ["a"], 10_000, 1],
        ["once", "carla", 1],
    ],
    "runs": 1,
}  # fmt: skip
ORDER = {"item": "tea", "cents": 3}


def test_another_machine_asks_the_same(tmp_path: Path) -> None:
    """Random numbers, maps, clocks, output and effects, in another place, zone and process."""
    path = tmp_path / "live.db"
    modules = [rust_programs.wasm(), str(STEPS / "differential_steps.py")]
    with recorded() as questions, flawless.Engine(path, modules=modules) as engine:
        runs = [
            engine.start("differential_workflows.carry_out", PROGRAM, "", "", id="program"),
            engine.start("programs.library", ORDER, 7, id="library"),
        ]
        for run in runs:
            run.result(timeout=60)
    for one in stored.read(path):
        wasm = stored.component(path, one.deployment.manifest.component)
        again = replay(one.record.id, one.entries, one.deployment, Component.load(wasm))
        assert again.questions == questions[one.record.id]
        assert again.end == one.entries[-1]
        assert any(question.startswith(b"random") for question in again.questions) or (
            one.record.id == "program"
        )

    told = replayed_elsewhere(path, tmp_path / "elsewhere")["questions"]
    assert told == {name: [one.hex() for one in asked] for name, asked in questions.items()}
