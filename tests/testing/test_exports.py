"""Journals as files: what was recorded is replayed on the code of today."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lab_programs as app
import pytest

from flawless import Engine, UsageError, WorkflowNotFound
from flawless.core.entries import Completed
from flawless.testing import Divergence, JournalDamaged, Lab, read_journal, replay_journal

ORDER = app.Order("o-1", 990)
SHOP = """
    from flawless import sleep, step, workflow

    @step
    def charge(cents: int) -> str:
        return f"receipt {cents}"

    @workflow
    def buy(cents: int) -> str:
        ref = charge(cents)
        sleep(days=1)
        return ref
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The source of a module `exported_shop`, which a test may change."""
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "exported_shop.py"
    file.write_text(textwrap.dedent(SHOP))
    yield file
    sys.modules.pop("exported_shop", None)


def bought(folder: Path) -> Path:
    """Run the workflow of the shop, and save its journal."""
    with Lab("exported_shop") as lab:
        run = lab.start("exported_shop.buy", 990)
        assert run.result() == "receipt 990"
        return lab.save(run, folder / "journals" / "buy.json")


def test_a_journal_is_replayed_from_a_file(shop: Path, tmp_path: Path) -> None:
    """On the same code it comes to the same end, from a path or from bytes, and nothing is done."""
    file = bought(tmp_path)
    for source in (file, str(file), file.read_bytes()):
        replayed = replay_journal(source, modules=["exported_shop"])
        assert isinstance(replayed.end, Completed)
        assert replayed.end.payload == b'"receipt 990"'
    name, entries = read_journal(file)
    assert (name, len(entries)) == ("buy-1", 4)


def test_it_works_in_async_tests(shop: Path, tmp_path: Path) -> None:
    """A loop may be running."""
    file = bought(tmp_path)

    async def main() -> object:
        return replay_journal(file, modules=["exported_shop"]).end

    assert asyncio.run(main()) is not None


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("sleep(days=1)", "sleep(days=2)", 11),
        ("charge(cents)", "charge(cents + 1)", 10),
        ("    return ref", "    return charge(0)", 12),
    ],
)
def test_changed_code_diverges(
    shop: Path, tmp_path: Path, before: str, after: str, line: int
) -> None:
    """The error has the line of the code that does not fit the journal any more."""
    file = bought(tmp_path)
    shop.write_text(shop.read_text().replace(before, after))
    with pytest.raises(Divergence) as caught:
        replay_journal(file, modules=["exported_shop"])
    assert f"exported_shop.py:{line}" in caught.value.where
    assert caught.value.execution == "buy-1"


def test_a_workflow_that_is_gone(shop: Path, tmp_path: Path) -> None:
    """Another name means that nothing fits."""
    file = bought(tmp_path)
    with pytest.raises(WorkflowNotFound, match="buy"):
        replay_journal(file, modules=[app])


def test_journals_of_any_engine_can_be_exported() -> None:
    """Unfinished ones, too: the replay ends where the journal ends."""
    from flawless.testing import export_journal

    with Engine(modules=[app]) as engine:
        run = engine.start(app.sleeper, "ann", 3600.0)
        while len(run.journal()) < 2:
            pass
        data = export_journal(run)
    assert replay_journal(data, modules=[app]).end is None


def test_the_format_is_what_the_guide_says(lab: Lab) -> None:
    """Readable JSON, with words for people and frames for the machine."""
    run = lab.start(app.pays, ORDER, id="mine")
    run.result()
    file = json.loads(lab.export("mine"))
    assert {name: file[name] for name in ("format", "version", "execution", "run", "status")} == {
        "format": "flawless-journal",
        "version": 1,
        "execution": "mine",
        "run": 1,
        "status": "completed",
    }
    assert [line["what"] for line in file["entries"]] == [
        "the start of lab_programs.pays",
        "step lab_programs.charge (effect 1)",
        "the workflow's return",
    ]


def swap(file: dict[str, Any]) -> None:
    file["entries"][1], file["entries"][2] = file["entries"][2], file["entries"][1]


def cut(file: dict[str, Any]) -> None:
    file["entries"].pop()


def flip(file: dict[str, Any]) -> None:
    frame = bytearray(base64.b64decode(file["entries"][1]["frame"]))
    frame[-1] ^= 1
    file["entries"][1]["frame"] = base64.b64encode(frame).decode()


def empty(file: dict[str, Any]) -> None:
    file["entries"].clear()


@pytest.mark.parametrize("damage", [swap, cut, flip, empty])
def test_what_was_changed_is_noticed(lab: Lab, damage: Any) -> None:
    """Moved, missing and altered entries are all found."""
    run = lab.start(app.pays, ORDER)
    run.result()
    file = json.loads(lab.export(run))
    damage(file)
    with pytest.raises(JournalDamaged):
        read_journal(json.dumps(file).encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no exported journal"),
        (b"[]", "is no exported journal"),
        (b'{"format": "other"}', "is no exported journal"),
        (b'{"format": "flawless-journal", "version": 2}', "has version 2"),
        (b'{"format": "flawless-journal", "version": 1}', "is no exported journal"),
        (b'{"format": "flawless-journal", "version": "x"}', "is no exported journal"),
        ("/no/such/file", "cannot be read"),
    ],
)
def test_what_is_no_journal_is_refused(data: bytes | str, reason: str) -> None:
    """The error says what is wrong with the file."""
    with pytest.raises(UsageError, match=reason):
        read_journal(data)
