"""`check`: the executions of a server, held against changed code before it is deployed."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import traced_shop

from flawless import Client
from flawless.cli import check
from flawless.engine.deploy import UPLOAD_LIMITS
from serving import Done, run_here, serving

SOURCE = Path(traced_shop.__file__).read_text()
ENDED = {"book": "completed", "piano": "failed", "together": "completed"}
OPEN = {"nap": "waiting", "listen": "waiting", "work": "running", "undo": "parked"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a server with executions in all states."""
    folder = tmp_path_factory.mktemp("checked")
    os.mkfifo(folder / "pipe")
    with serving(folder / "data", [traced_shop.__file__]) as (_, api):
        address = str(api.base_url).removesuffix("/api/v1/")
        with Client(address) as client:
            client.start("traced_shop.nap", id="nap")
            client.start("traced_shop.listen", id="listen")
            client.start("traced_shop.work", [str(folder / "pipe")], id="work")
            client.start("traced_shop.undo_it", id="undo")
            client.start("traced_shop.buy", ["book", 2], id="book", wait_s=60)
            client.start("traced_shop.buy", ["piano", 2], id="piano", wait_s=60)
            client.start("traced_shop.together", [2], id="together", wait_s=60)
            for name, status in (ENDED | OPEN).items():
                while client.get(name).status != status:
                    client.outcome(name, wait_s=0.05)
            while not client.get("work").in_flight:
                pass
        yield address


@pytest.fixture
def checked(url: str, tmp_path: Path) -> Callable[..., Done]:
    """Give what checks a changed version of the module."""

    def run(*changes: tuple[str, str], options: tuple[str, ...] = ()) -> Done:
        text = SOURCE
        for old, new in changes:
            assert text.count(old) == 1
            text = text.replace(old, new)
        (tmp_path / "traced_shop.py").write_text(text)
        return run_here("check", tmp_path / "traced_shop.py", *options, FLAWLESS_URL=url)

    return run


def rows(done: Done) -> dict[str, str]:
    """Return what is said of each execution, by its id."""
    lines = [line.split("  ", 3) for line in done.stdout.splitlines() if "traced_shop" in line]
    return {line[0]: line[3] for line in lines}


def test_the_same_code(checked: Callable[..., Done]) -> None:
    """All are compatible, in whatever state they are."""
    done = checked()
    assert done.returncode == 0, done.stdout
    assert rows(done) == dict.fromkeys(ENDED | OPEN, "compatible")
    assert done.stdout.splitlines()[-1] == "7 executions: 7 compatible"
    assert "book  traced_shop.buy  completed  compatible\n" in done.stdout


def test_what_is_not_compatible(
    checked: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line each, exit status 1, also where several processes work at it."""
    monkeypatch.setattr(check, "IN_PROCESS_MAX", 0)
    done = checked(
        ('sleep("30d")', 'sleep("31d")'),
        ('receive("word")', 'receive("sentence")'),
        ("    time.time()\n", "    time.nothing()\n"),
        ("return ponder(path)", "return path"),
        options=("--jobs", "2"),
    )
    assert done.returncode == 1
    said = rows(done)
    assert "requested the same with seconds 2678400.0 instead of 2592000.0" in said["nap"]
    assert "requested the start of receive sentence" in said["listen"]
    assert said["book"].startswith("fails with AttributeError: module 'time' has no attribute")
    assert said["piano"].startswith("fails with AttributeError")
    assert (said["undo"], said["together"]) == ("compatible", "compatible")
    assert said["work"].startswith("compatible (where it waits, the new code ends: returned ")
    assert "3 compatible" in done.stdout.splitlines()[-1]


def test_what_is_gone_and_what_is_chosen(checked: Callable[..., Done]) -> None:
    """Workflows that are gone are skipped; options narrow what is looked at."""
    done = checked(("def nap()", "def doze()"))
    assert done.returncode == 0
    assert rows(done)["nap"] == "skipped (workflow gone)"
    assert "They go on with the code they began with" in done.stderr
    assert rows(checked(options=("--workflow", "traced_shop.nap"))) == {"nap": "compatible"}
    assert rows(checked(options=("--sample", "0"))) == dict.fromkeys(OPEN, "compatible")
    sampled = rows(checked(options=("--sample", "1", "--workflow", "traced_shop.buy")))
    assert sampled == {"piano": "compatible"}
    done = checked(("def together(", "def alone("), options=("--workflow", "traced_shop.alone"))
    assert done.stdout == "nothing to check: no execution of these workflows is there\n"


def test_for_programs(checked: Callable[..., Done]) -> None:
    """Each is a document on one line, and the last one has the sums."""
    done = checked(("charge(cents)\n", "charge(cents + 1)\n"), options=("--json",))
    assert done.returncode == 1
    found: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    book = next(one for one in found if one.get("id") == "book")
    assert (book["verdict"], book["position"], book["status"]) == ("diverges", 1, "completed")
    assert book["requested"] == "the same with args[0] 3 instead of 2"
    assert book["where"].startswith("traced_shop.py:")
    assert found[-1] == {"summary": {"compatible": 5, "diverges": 2}, "checked": 7}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "Missing argument"),
        (("nowhere.py",), "no Python file"),
        (("traced_shop.py", "--workflow", "traced_shop.sell"), "has no workflow"),
        (("traced_shop.py", "--jobs", "0"), "greater than or equal to 1"),
        (("broken.py",), "ZeroDivisionError"),
    ],
)
def test_what_is_refused(url: str, tmp_path: Path, arguments: tuple[str, ...], reason: str) -> None:
    """Mistakes have exit status 2, apart from what is found."""
    (tmp_path / "traced_shop.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    given = [str(tmp_path / one) if one.endswith(".py") else one for one in arguments]
    done = run_here("check", *given, FLAWLESS_URL=url)
    assert done.returncode == 2
    assert reason in done.stderr


def test_code_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading is told of when it takes long, and it may take as long as that of an upload."""
    (tmp_path / "endless.py").write_text("while True:\n    pass\n")
    assert UPLOAD_LIMITS.cpu_s_per_turn == 30
    short = dataclasses.replace(UPLOAD_LIMITS, cpu_s_per_turn=0.5)
    monkeypatch.setattr("flawless.engine.deploy.UPLOAD_LIMITS", short)
    monkeypatch.setattr("flawless.timetravel.code.QUIET_S", 0.1)
    done = run_here("check", tmp_path / "endless.py")
    assert done.returncode == 2
    assert done.stderr.startswith("loading endless in a guest ...\n")
    assert "endless cannot be loaded in a guest" in done.stderr


def test_without_a_server(tmp_path: Path) -> None:
    """The executions are the server's: without one there is nothing to hold code against."""
    (tmp_path / "traced_shop.py").write_text(SOURCE)
    done = run_here("check", tmp_path / "traced_shop.py", FLAWLESS_URL="http://127.0.0.1:9")
    assert done.returncode == 4
