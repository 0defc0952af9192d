"""The inbox of parked effects, and deciding, from the command line."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commanding import flawless, ok, read

from serving import serving_parked


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the pipes."""
    return tmp_path_factory.mktemp("inbox")


@pytest.fixture(scope="module")
def desk_url(folder: Path) -> Iterator[str]:
    """Give the address of a server whose executions wait for decisions."""
    pipes = {name: [f"pipe-{name}"] for name in ("yes", "no", "again")}
    with serving_parked(folder, pipes | {"two": ["pipe-a", "pipe-b"]}) as (_, client):
        yield str(client.base_url).removesuffix("/api/v1/")


def test_the_inbox_is_a_table(desk_url: str) -> None:
    """One line for each effect that waits, and how to decide."""
    listed = ok(desk_url, "list", "--parked", "--prefix", "two")
    head, *lines = [line.split() for line in listed.stdout.splitlines()]
    assert head == ["EXECUTION", "EFFECT", "WHAT", "SINCE"]
    assert [line[:4] for line in lines] == [
        ["two", "1", "step", "desk.transfer"], ["two", "2", "step", "desk.transfer"],
    ]  # fmt: skip
    assert "flawless resolve ID" in listed.stderr
    (found,) = read(desk_url, "list", "--parked", "--prefix=two")["executions"]
    assert [one["effect"] for one in found["parked"]] == [1, 2]
    more = ok(desk_url, "list", "--parked", "--limit", "1")
    assert "flawless list --parked --before" in more.stderr
    empty = ok(desk_url, "list", "--parked", "--prefix", "nobody")
    assert (empty.stdout, empty.stderr) == ("", "nothing waits for a decision\n")


def test_show_has_the_command(desk_url: str) -> None:
    """Each parked effect is shown with the command that decides it."""
    shown = ok(desk_url, "show", "two").stdout
    assert "effect 2 parked, interrupted: did it happen?" in shown
    assert "flawless resolve two --effect 2 --ok JSON | --error TEXT | --retry" in shown
    assert "begun, no outcome yet" not in shown
    assert [one["effect"] for one in read(desk_url, "show", "two")["parked"]] == [1, 2]


def test_it_happened(desk_url: str) -> None:
    """`--ok` gives the value; the journal has the login name."""
    decided = ok(desk_url, "resolve", "yes", "--ok", '"sent"')
    assert (decided.stdout, "effect 1 (step desk.transfer)" in decided.stderr) == ("", True)
    assert json.loads(ok(desk_url, "result", "yes").stdout) == ["sent"]
    shown = ok(desk_url, "show", "yes").stdout
    assert f'it happened: "sent" (by {getpass.getuser()})' in shown
    late = flawless(desk_url, "resolve", "yes", "--retry")
    assert (late.returncode, "flawless list --parked" in late.stderr) == (2, True)


def test_it_failed(desk_url: str) -> None:
    """`--error` fails the effect."""
    ok(desk_url, "resolve", "no", "--error", "the bank says no", "--by", "ann")
    ended = flawless(desk_url, "result", "no")
    assert (ended.returncode, "the bank says no" in ended.stderr) == (1, True)
    assert "(by ann)" in ok(desk_url, "show", "no").stdout


def test_it_is_done_again(desk_url: str, folder: Path) -> None:
    """`--retry` performs the effect once more."""
    found = read(desk_url, "resolve", "again", "--retry", "--effect", "1")
    assert found == {"execution": "again", "effect": 1, "label": "step desk.transfer"}
    (folder / "pipe-again").write_text("second time")
    assert json.loads(ok(desk_url, "result", "again").stdout) == ["second time"]
    assert "perform it again" in ok(desk_url, "show", "again").stdout


def test_one_of_several_has_to_be_named(desk_url: str) -> None:
    """Without `--effect` the message lists what is parked."""
    unnamed = flawless(desk_url, "resolve", "two", "--ok", "1")
    assert (unnamed.returncode, "2: step desk.transfer" in unnamed.stderr) == (2, True)
    wrong = flawless(desk_url, "resolve", "two", "--ok", "1", "--effect", "3")
    assert (wrong.returncode, "effect 3" in wrong.stderr) == (2, True)
