"""What is made of a run's results, shown on one that was written by hand."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from benchmarks.peers import plan, report, results, rows, table
from benchmarks.peers.results import Record
from benchmarks.peers.sizes import Sizes
from rich.console import Console

VALUES = {
    ("noop_p50_ms", "flawless-python", "ms"): (1.0, 3.0, 2.0),
    ("noop_p50_ms", "flawless-rust", "ms"): (0.5,),
    ("noop_p50_ms", "dbos-sqlite", "ms"): (2.0, 2.2, 2.1),
    ("noop_p50_ms", "restate", "ms"): (4.3,),
    ("fan_steps_per_s", "flawless-python", "/s"): (3_000.0,),
    ("fan_steps_per_s", "restate", "/s"): (2_200.0, 2_000.0),
    ("step_ms", "flawless-python", "ms"): (0.3,),
    ("step_ms", "restate", "ms"): (1.3,),
    ("bare_commit_us", "machine", "us"): (150.0,),
}
BY_METRIC = {row.metric: row for row in rows.ROWS}


@pytest.fixture
def records(tmp_path: Path) -> list[Record]:
    """A run of some rounds, written to a file and read again, its last line cut off."""
    path = tmp_path / "results.jsonl"
    about = {"versions": {"restate-server": "1.7.12"}, "settings": {"store": "one node"}}
    results.append(path, [Record("r", 0, "restate", "about", extra=about)])
    for (metric, engine, unit), values in VALUES.items():
        results.append(
            path,
            [
                Record("r", number, engine, "a", metric, value, unit, 300)
                for number, value in enumerate(values, 1)
            ],
        )
    failed = Record("r", 1, "temporal-dev", "d", error="TimeoutError: it did not answer")
    many = Record(
        "r", 1, "dbos-sqlite", "e3", "many_resumed_s", 200.0, "s", 2_000,
        extra={"calculated": True, "resumed": 2_000, "resumed_s": 40.0},
    )  # fmt: skip
    results.append(path, [failed, many])
    with path.open("a") as file:
        file.write('{"run": "r", "rou')
    return results.read(path)


def test_the_middle_round_counts_and_its_spread_is_known(records: list[Record]) -> None:
    """The median stands for the rounds; how far they are apart is a part of it."""
    summary = results.summarise(records)["noop_p50_ms"]["flawless-python"]
    assert summary.values == (1.0, 3.0, 2.0)
    assert summary.median == 2.0
    assert summary.spread == 1.0


def test_the_best_peer_is_none_of_ours(records: list[Record]) -> None:
    """Where lower is better the lowest of the others is best, elsewhere the highest."""
    summaries = results.summarise(records)
    assert rows.best_peer(BY_METRIC["noop_p50_ms"], summaries) == "dbos-sqlite"
    assert rows.best_peer(BY_METRIC["fan_steps_per_s"], summaries) == "restate"
    assert rows.best_peer(BY_METRIC["idle_mb"], summaries) is None


def test_verdicts_hold_each_of_ours_against_its_own_bar(records: list[Record]) -> None:
    """Python and Rust have bars of their own, and a bar can be missed by one who is ahead."""
    summaries = results.summarise(records)
    python, rust = rows.verdicts(BY_METRIC["noop_p50_ms"], summaries)
    assert (round(python.ratio, 2), python.met, python.ahead) == (0.95, False, True)
    assert (round(rust.ratio, 2), rust.met, rust.ahead) == (0.24, True, True)
    (fan,) = rows.verdicts(BY_METRIC["fan_steps_per_s"], summaries)
    assert (fan.bar, fan.met, fan.ahead) == (2.0, False, True)
    assert rows.to_bare_commit(summaries) == {"flawless-python": 2.0}


def test_the_table_shows_medians_bars_limits_and_failures(records: list[Record]) -> None:
    """A terminal gets all of it, and what was calculated says so."""
    console = Console(file=io.StringIO(), width=300)
    table.show(records, console)
    shown = console.file.getvalue()  # type: ignore[attr-defined]  # a StringIO
    for part in (
        "2.10* (10%)",
        "Rust 0.24x (at most 0.4: met)",
        "Python 2.00x a bare commit (at most 1.5: missed)",
        "synchronous=FULL: 150 us",
        "from 2,000 in 40 s",
        "restate-server",
        "it did not answer",
    ):
        assert part in shown


def test_the_page_has_the_reading_and_its_charts_are_svg(
    records: list[Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written by hand stands above the figures; each chart is well-formed."""
    monkeypatch.setattr(report, "PAGE", tmp_path / "benchmarks.md")
    monkeypatch.setattr(report, "IMAGES", tmp_path)
    page, *charts = report.write(records)
    text = page.read_text()
    assert text.index(report.READING.read_text().rstrip()) < text.index("## All figures")
    assert "**2.10 (10%)**" in text
    assert "restate-server 1.7.12" in text
    assert charts[0].name == "bench-noop-p50-ms.svg"
    for path in charts:
        assert f"images/{path.name}" in text
        assert ElementTree.parse(path).getroot().tag.endswith("svg")


def test_each_engine_is_first_in_its_turn() -> None:
    """No engine always goes first, and what is run once comes after two rounds of the rest."""
    engines, blocks = ["x", "y", "z"], ["a", "b", "e3"]
    turns = list(plan.turns(engines, blocks, 3))
    assert [turn.engine for turn in turns if turn.block == "a"] == list("xyzzxyzxy"[::1])
    firsts = [turns[n].engine for n in range(0, len(turns), 3)]
    assert set(firsts) == set(engines)
    assert [(turn.round, turn.block) for turn in turns[::3]] == [
        (1, "a"), (1, "b"), (2, "a"), (2, "b"), (2, "e3"), (3, "a"), (3, "b"),
    ]  # fmt: skip


def test_scale_leaves_times_and_the_slow_get_less() -> None:
    """Seconds are not scaled; caps make sizes smaller only."""
    small = Sizes().scaled(0.01)
    assert (small.noops, small.at_once, small.load_s) == (20, 50, Sizes().load_s)
    assert plan.sizes_of("temporal-dev", Sizes()).noops == 500
    assert plan.sizes_of("temporal-dev", small).noops == 20
    assert plan.sizes_of("flawless-rust", Sizes()) == Sizes()
