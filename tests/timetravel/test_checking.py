"""The compatibility check: verdicts on recordings, here and in other processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from patches import SOURCE, lines_of, patched, recordings

from flawless.core.entries import Failed
from flawless.timetravel import Recording, export_bytes
from flawless.timetravel.code import code_of_files
from flawless.timetravel.whatif.checking import Checked, Checker, Export, check, check_export

SHIP = "    parcel = ship(order.item)"
RETURN = "    return [receipt, parcel]"
NAMES = (
    "book",
    "piano",
    "together",
    "asked",
    "rested",
    "terminated",
    "asleep",
    "family",
    "undone",
    "for ever",
)
LINE = f"patch_programs.py:{lines_of(SHIP)}"


@pytest.fixture
def recorded(site: str) -> dict[str, Recording]:
    """Give the recordings."""
    return recordings(site)


def exported(recording: Recording) -> Export:
    """Return a recording as the server gives it."""
    content = export_bytes(recording, now_us=0, contents="code")
    return Export(recording.execution, recording.workflow, recording.status, content)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_code_is_compatible(recorded: dict[str, Recording], name: str) -> None:
    """Executions that have ended, failed, sleep, or wait for others all fit their own code."""
    found = check(recorded[name], patched())
    assert (found.verdict, found.text) == ("compatible", "")
    assert found.entries == len(recorded[name].entries)


@pytest.mark.parametrize(
    ("name", "change", "verdict", "text"),
    [
        (
            "book",
            ("Order(item, cents)", "Order(item, cents + 1)"),
            "diverges",
            (
                "at 1: recorded step patch_programs.charge (effect 1), requested the same with "
                "args[0].cents 701 instead of 700 "
                f"(patch_programs.py:{lines_of('= charge(order)')})"
            ),
        ),
        (
            "book",
            ("    time.time()\n", ""),
            "diverges",
            (
                "at 2: recorded a look at the clock, requested step patch_programs.ship (effect 2) "
                f"(patch_programs.py:{lines_of(SHIP) - 1})"
            ),
        ),
        (
            "book",
            (SHIP, f"    time.time(){SHIP.replace('    ', '; ', 1)}"),
            "diverges",
            (
                "at 3: recorded step patch_programs.ship (effect 2), requested a look at the clock "
                f"({LINE})"
            ),
        ),
        (
            "book",
            (SHIP, "    return []"),
            "diverges",
            "at 3: recorded step patch_programs.ship (effect 2), requested to return []",
        ),
        (
            "book",
            (RETURN, "    return [ship('x')]"),
            "diverges",
            (
                "at 4: recorded the workflow's return, requested step patch_programs.ship "
                f"(effect 3) (patch_programs.py:{lines_of(RETURN)})"
            ),
        ),
        (
            "book",
            (RETURN, "    return [parcel]"),
            "compatible",
            '(recorded: returned ["charged 700", "shipped book"], now: returned ["shipped book"])',
        ),
        (
            "book",
            (SHIP, "    1 / 0"),
            "fails",
            f"with ZeroDivisionError: division by zero ({LINE})",
        ),
        (
            "book",
            (SHIP, "    [ship, order.nothing]"),
            "fails",
            f"with AttributeError: 'Order' object has no attribute 'nothing' ({LINE})",
        ),
        (
            "piano",
            (SHIP, '    try: ship("piano")\n    except ValueError: parcel = ship("box")'),
            "compatible",
            "(goes on where it failed with ValueError: too heavy)",
        ),
        ("asleep", ('ship(f"{name} {heard}")', "name"), "compatible", ""),
        ("asleep", ('sleep("2d")', "raise KeyError(name)"), "fails", "with KeyError: 'you' ("),
    ],
)
def test_verdicts(
    recorded: dict[str, Recording], name: str, change: tuple[str, str], verdict: str, text: str
) -> None:
    """Each is one line: what was recorded, what is requested, where."""
    found = check(recorded[name], patched(change))
    assert found.verdict == verdict
    assert found.text.startswith(text)
    assert found.text == text or text.endswith("(")


def test_another_error_than_the_recorded_one(recorded: dict[str, Recording]) -> None:
    """Who has failed and fails otherwise now has an error of the new code's."""
    found = check(recorded["piano"], patched((SHIP, "    raise LookupError(ship(order.item))")))
    assert found.verdict == "compatible"
    change = "    try:\n        ship(order.item)\n    except ValueError:\n        raise KeyError(1)"
    found = check(recorded["piano"], patched((SHIP, change)))
    assert found.verdict == "fails"
    assert found.error == {"type": "KeyError", "message": "1"}
    assert isinstance(recorded["piano"].entries[-1], Failed)


def test_what_cannot_be_checked(recorded: dict[str, Recording]) -> None:
    """A workflow that is gone, and an export that is damaged, are told and stop nothing."""
    gone = code_of_files({"other.py": SOURCE}, ["other"])
    assert check(recorded["book"], gone).verdict == "skipped"
    found = check_export(Export("x", "app.main", "failed", b"no export"), patched())
    assert (found.verdict, found.execution) == ("unknown", "x")
    assert "the export of x" in found.text
    slow = check(
        recorded["book"], patched((SHIP, f"    while True: pass\n{SHIP}")), seconds_max=0.1
    )
    assert slow.verdict in ("unknown", "fails")


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_are_checked_in_order(recorded: dict[str, Recording], jobs: int) -> None:
    """Other processes find the same; few recordings are taken ahead of what was told."""
    exports = [exported(recorded[name]) for name in NAMES[:4]] * 2
    taken = 0

    def given() -> Iterator[Export]:
        nonlocal taken
        for one in exports:
            taken += 1
            yield one

    found: list[Checked] = []
    with Checker(patched(("Order(item, cents)", "Order(item, cents + 1)")), jobs) as checker:
        for one in checker.check(given()):
            found.append(one)
            assert taken <= len(found) + 2 * jobs
    assert [one.execution for one in found] == [one.execution for one in exports]
    assert [one.verdict for one in found[:4]] == ["diverges"] * 2 + ["compatible"] * 2
