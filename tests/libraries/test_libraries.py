"""Unmodified libraries in pure Python, in workflows on the real engine and across its end.

Each workflow computes with its library, waits in a step, and computes again. While all of them wait
the engine ends; another one on the same file replays the first part and goes on with the second.
The results are those that the same functions give outside of any workflow.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flawless import Engine, Workflow
from libraries import calendars, commands, gate, parcels, records, rendering, routing

WAIT_S = 60.0

ITEMS = [
    rendering.Item("screw <M4>", 100, Decimal("0.05")),
    rendering.Item("bolt", 0, Decimal("0.10")),
    rendering.Item("nut", 7, Decimal("1.25")),
]
ROADS = [("a", "b", 7), ("b", "c", 1), ("a", "c", 9), ("c", "d", 2), ("d", "e", 4), ("e", "f", 1)]
FAMILIES = ["Noether", "Hopper", "Curie"]
TEXTS = ["31 Jan 2024 10:00", "Thu Sep 25 10:36:28 2003 +0200", "10pm", "2024-02-30", "no date"]
TRIGGERS = ["collect", "load", "deliver", "load"]
WORDS = ["--count", "3", "ada", "grace"]
NUMBERS = [1.5, 2.5, 4.0]

RUNS: dict[str, tuple[Workflow[..., Any], tuple[Any, ...]]] = {
    "jinja2": (rendering.invoice, ("ada lovelace", ITEMS)),
    "networkx": (routing.plan, (ROADS, "a", "f")),
    "attrs": (records.club, (FAMILIES,)),
    "python-dateutil": (calendars.calendar, (TEXTS,)),
    "transitions": (parcels.parcel, (20, TRIGGERS)),
    "the standard library": (commands.command, (WORDS, NUMBERS)),
}

MODULES = [rendering, routing, records, calendars, parcels, commands]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the workflows returned, by library; all were under way when their engine ended."""
    file = tmp_path_factory.mktemp("libraries") / "engine.db"
    runs = {library: f"run-{number}" for number, library in enumerate(RUNS)}
    gate.OPEN.clear()
    with engine(file) as first:
        for library, (workflow, args) in RUNS.items():
            first.start(workflow, *args, id=runs[library])
        for _ in runs:
            arrived = gate.ARRIVED.acquire(timeout=WAIT_S)
            assert arrived, [first.get(run).result(timeout=0) for run in runs.values()]
        first.close(deadline=0)
    gate.OPEN.set()
    with engine(file) as second:
        return {library: second.get(run).result(timeout=WAIT_S) for library, run in runs.items()}


def engine(file: Path) -> Engine:
    """Return an engine with all workflows of this folder, not opened yet."""
    return Engine(file, modules=MODULES)


@pytest.mark.sweep
def test_jinja2(results: dict[str, Any]) -> None:
    """Templates with inheritance, loops, filters and escaping render as they do outside."""
    page, empty, complaints = results["jinja2"]
    assert page == rendering.render("ada lovelace", ITEMS)
    assert page.startswith("<h1>Invoice for Ada Lovelace</h1>1. nut 7 x 1.25")
    assert page.endswith("2. screw &lt;M4&gt; 100 x 0.05\ntotal 13.75")
    assert empty == rendering.render("ada lovelace", [])
    assert complaints == rendering.complain("{% for %}") + rendering.complain("{{ missing }}")
    assert "'missing' is undefined" in complaints


def test_networkx(results: dict[str, Any]) -> None:
    """Shortest ways, spanning trees, components and centrality are those found outside."""
    assert results["networkx"] == (routing.route(ROADS, "a", "f"), routing.network(ROADS))
    assert results["networkx"][0] == (15, ["a", "b", "c", "d", "e", "f"])


def test_attrs(results: dict[str, Any]) -> None:
    """Classes with converters, validators, slots and order behave as they do outside."""
    assert results["attrs"] == (records.enrol(FAMILIES), records.edit(FAMILIES[0]))
    assert results["attrs"][1][2:] == ["False", "True", "ValueError", "FrozenInstanceError"]


def test_dateutil(results: dict[str, Any]) -> None:
    """Dates are read, repeated and added as they are outside."""
    first = datetime(2024, 1, 31, 10)
    assert results["python-dateutil"] == (calendars.read(TEXTS), calendars.repeat(first))
    assert results["python-dateutil"][0][1] == "2003-09-25T10:36:28+02:00"


def test_transitions(results: dict[str, Any]) -> None:
    """Machines with nested states, conditions and callbacks go the way they go outside."""
    assert results["transitions"] == (parcels.send(20, TRIGGERS), parcels.ring(4))
    assert results["transitions"][0][:3] == ["moving_truck", "moving_ship", "signed"]


def test_standard_library(results: dict[str, Any]) -> None:
    """Command lines, CSV, statistics and text come out as they do outside."""
    assert results["the standard library"] == (commands.read(WORDS), commands.report(NUMBERS))
