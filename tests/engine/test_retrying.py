"""After a failure: from the effect that failed, from another one, or from the start."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import family_programs
import pytest
import repair_programs as programs
from lives import marks, until
from talking import FORMS, MOSTLY_PLAIN, STORES, engine_on, life_on, waits

import flawless
from flawless.core.entries import Arrived, Called, Failed, Observed, Retried


@pytest.fixture(scope="module", params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[flawless.Engine]:
    """An engine for these tests."""
    with engine_on(tmp_path_factory.mktemp("retrying"), request.param) as made:
        yield made


def start(engine: flawless.Engine, name: str, form: str, *args: Any) -> flawless.Execution[Any]:
    """Start a workflow in one of its forms."""
    return engine.start(f"repair_programs.{name}{form}", *args)


def fails(run: flawless.Execution[Any], type_: str) -> flawless.ExecutionFailed:
    """Wait for the failure of an execution."""
    with pytest.raises(flawless.ExecutionFailed) as failed:
        run.result(30)
    assert failed.value.type == type_
    return failed.value


@pytest.mark.parametrize("form", FORMS)
def test_from_the_step_that_failed(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """What succeeded is not repeated; the step's attempts are told all together."""
    run = start(engine, "seeks", form, str(tmp_path), "it")
    fails(run, "FileNotFoundError")
    run.retry(by="ann")
    fails(run, "FileNotFoundError")  # again, after two more attempts
    (tmp_path / "it").touch()
    run.retry(by="bob")
    assert run.result(30).startswith("found it at attempt ")
    assert marks(tmp_path) == ["before", *["look for it"] * 5, "after"]
    entries = run.journal()
    assert [entry.by for entry in entries if isinstance(entry, Retried)] == ["ann", "bob"]
    assert len([entry for entry in entries if isinstance(entry, Failed)]) == 2
    outcomes = [e for e in entries if isinstance(e, Arrived | Called | Observed) and e.attempts]
    assert [a.type for a in outcomes[-1].attempts] == ["FileNotFoundError"] * 4
    assert run.replay().end is not None


@pytest.mark.parametrize("form", FORMS)
def test_started_steps(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """Of several started steps the one that failed is repeated, the others are not."""
    (tmp_path / "a").touch()
    (tmp_path / "c").touch()
    run = start(engine, "seeks_started", form, str(tmp_path), ["a", "b", "c"])
    fails(run, "FileNotFoundError")
    until(lambda: marks(tmp_path).count("look for c") == 1, "the others")
    (tmp_path / "b").touch()
    run.retry()
    found = run.result(30)
    assert [one.split()[1] for one in found] == ["a", "b", "c"]
    assert marks(tmp_path).count("before") == 1
    assert marks(tmp_path).count("look for a") == 1
    assert run.replay().end is not None


@pytest.mark.parametrize("form", FORMS)
def test_a_request(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """A request whose server was down is sent again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run = start(engine, "gets", form, str(tmp_path), f"http://127.0.0.1:{port}/")
    fails(run, "flawless.errors.ConnectError")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"up")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (name of http.server)
            """Say nothing."""

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        run.retry()
        try:
            assert run.result(30) == "up"
        finally:
            server.shutdown()
            thread.join()
    assert marks(tmp_path) == ["before"]


@pytest.mark.parametrize("form", FORMS)
def test_a_child(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """When a child's failure failed its parent, both go on, and nothing else is repeated."""
    run = start(engine, "seeks_by_child", form, str(tmp_path), "it")
    fails(run, "flawless.errors.ExecutionFailed")
    (tmp_path / "it").touch()
    run.retry()
    assert run.result(30).startswith("found it")
    assert marks(tmp_path).count("parent") == 1
    assert marks(tmp_path).count("before") == 1
    (child,) = run.children()
    assert child.status == "completed"
    assert run.replay().end is not None


@pytest.mark.parametrize("form", FORMS)
def test_a_child_alone(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """A failed child that is retried by itself completes; its parent then goes on from that."""
    run = start(engine, "seeks_by_child", form, str(tmp_path), "it")
    fails(run, "flawless.errors.ExecutionFailed")
    (tmp_path / "it").touch()
    child = engine.get(run.children()[0].id)
    child.retry()
    assert child.result(30).startswith("found it")
    assert run.status == "failed"
    run.retry()
    assert run.result(30).startswith("found it")
    assert marks(tmp_path).count("parent") == 1
    assert run.replay().end is not None


def test_a_child_that_cannot_go_on(engine: flawless.Engine, tmp_path: Path) -> None:
    """Then its parent stays as it is, and goes on when the child was begun again."""
    run = engine.start(family_programs.has_a_child_that_raises, str(tmp_path))
    fails(run, "flawless.errors.ExecutionFailed")
    child = engine.get(run.children()[0].id)
    with pytest.raises(flawless.RetryRefused, match="own code raised") as refused:
        run.retry()
    assert refused.value.execution == child.id
    assert (run.status, child.status) == ("failed", "failed")
    child.retry(from_start=True)
    fails(child, "ValueError")
    (tmp_path / "mended").touch()
    child.retry(from_start=True)
    assert child.result(30) == "mended"
    run.retry()
    assert run.result(30) == "mended"
    assert run.replay().end is not None


def test_a_child_that_failed_twice(engine: flawless.Engine, tmp_path: Path) -> None:
    """What the parent has not read of an earlier failure is not what it hears at last."""
    run = engine.start(programs.seeks_by_child, str(tmp_path), "it")
    fails(run, "flawless.errors.ExecutionFailed")
    child = engine.get(run.children()[0].id)
    child.retry()
    fails(child, "FileNotFoundError")
    (tmp_path / "it").touch()
    run.retry()
    assert run.result(30).startswith("found it")


def test_children_on_another_path(engine: flawless.Engine, tmp_path: Path) -> None:
    """The result of another child with that number and id is never taken for that of this one."""
    run = engine.start(family_programs.chooses_a_child, str(tmp_path), "it")
    fails(run, "FileNotFoundError")
    (tmp_path / "it").touch()
    run.retry(effect=1)
    fails(run, "flawless.errors.ExecutionConflict")


def test_messages_on_another_path(engine: flawless.Engine, tmp_path: Path) -> None:
    """A message that is sent instead of another one is sent, though its effect has that number."""
    listener = engine.start(family_programs.hears_words, 2)
    run = engine.start(family_programs.tells_how_it_went, str(tmp_path), "it", listener.id)
    fails(run, "FileNotFoundError")
    (tmp_path / "it").touch()
    run.retry(effect=1)
    run.result(30)
    assert listener.result(30) == ["it failed", "it worked"]


@pytest.mark.parametrize("form", FORMS)
def test_an_error_that_was_caught(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """Who did more after the failure says from which effect to go on."""
    run = start(engine, "catches_then_fails", form, str(tmp_path), "it")
    fails(run, "FileNotFoundError")
    (tmp_path / "it").touch()
    with pytest.raises(flawless.RetryRefused, match=r"the workflow did more .*--effect 1"):
        run.retry()
    run.retry(effect=1)
    assert run.result(30).startswith("found it")
    assert marks(tmp_path).count("not found") == 1
    assert run.replay().end is not None


def test_a_limit(tmp_path: Path) -> None:
    """What the engine stopped goes on when the limit is higher."""
    count = 10
    low = flawless.Limits(journal_entries_max=count)
    with engine_on(tmp_path, limits=low) as engine:
        run = engine.start(programs.takes_steps, str(tmp_path), 3 * count, id="a")
        with pytest.raises(flawless.ExecutionFailed, match="journal_entries_max"):
            run.result(30)
        assert run.replay().end is not None
    before = len(marks(tmp_path))
    assert 0 < before < 3 * count
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        run.retry()
        assert run.result(30) == 3 * count
        assert run.replay().end is not None
    assert len(marks(tmp_path)) in (3 * count, 3 * count + 1)


def test_a_limit_on_computing(tmp_path: Path) -> None:
    """A workflow that computed for too long goes on from there, with more time."""
    with engine_on(tmp_path, limits=flawless.Limits(cpu_s_per_turn=0.2)) as engine:
        run = engine.start(programs.computes_long, str(tmp_path), 0.5, id="a")
        with pytest.raises(flawless.ExecutionFailed, match="cpu_s_per_turn"):
            run.result(30)
    with engine_on(tmp_path, limits=flawless.Limits(cpu_s_per_turn=100)) as engine:
        engine.get("a").retry()
        assert engine.get("a").result(60) == "computed True"
    assert marks(tmp_path) == ["before"]


@pytest.mark.parametrize("store", STORES)
def test_mistakes_in_the_code(tmp_path: Path, store: str) -> None:
    """Without an effect that failed there is nothing to repeat: the text says what to do."""
    with engine_on(tmp_path, store) as engine:
        run = engine.start(programs.raises, str(tmp_path))
        fails(run, "RuntimeError")
        with pytest.raises(flawless.RetryRefused, match="--from-start, or name an effect"):
            run.retry()
        with pytest.raises(flawless.RetryRefused, match="no outcome of an effect 7"):
            run.retry(effect=7)
        run.retry(effect=1)  # the effect is done again, and the mistake is still there
        fails(run, "RuntimeError")
        assert marks(tmp_path) == ["before", "before"]
        bare = engine.start(programs.raises_without_effects)
        fails(bare, "RuntimeError")
        with pytest.raises(flawless.RetryRefused, match="--from-start"):
            bare.retry()


@pytest.mark.parametrize("form", FORMS)
def test_from_the_start(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """The next run begins with the same input; the failed one is kept under `ID~1`."""
    run = start(engine, "seeks", form, str(tmp_path), "it")
    fails(run, "FileNotFoundError")
    (tmp_path / "it").touch()
    run.retry(from_start=True, by="ann")
    assert run.result(30) == "found it at attempt 1"
    assert marks(tmp_path) == [
        "before",
        "look for it",
        "look for it",
        "before",
        "look for it",
        "after",
    ]
    assert run.info().run == 2
    old = engine.get(f"{run.id}~1")
    assert old.status == "failed"
    fails(old, "FileNotFoundError")
    assert isinstance(old.journal()[-1], Failed)
    for verb in (old.retry, old.cancel):
        with pytest.raises(flawless.UsageError):
            verb()


def test_what_cannot_be_retried(engine: flawless.Engine) -> None:
    """Only failed executions, and from the start cancelled ones too."""
    run = engine.start(family_programs.adds, 1, 2)
    run.result(30)
    with pytest.raises(flawless.RetryRefused, match="it is completed, and only failed ones"):
        run.retry()
    with pytest.raises(flawless.RetryRefused, match="it is completed"):
        run.retry(from_start=True)
    waiting = engine.start(family_programs.listens)
    waits(waiting)
    with pytest.raises(flawless.RetryRefused, match="it is waiting"):
        waiting.retry()
    waiting.cancel()
    with pytest.raises(flawless.ExecutionCancelled):
        waiting.result(30)
    with pytest.raises(flawless.RetryRefused, match="with from_start, a cancelled one"):
        waiting.retry()
    with pytest.raises(flawless.InputInvalid, match="either from the start or from an effect"):
        waiting.retry(from_start=True, effect=1)
    waiting.retry(from_start=True)
    waiting.send("word", "again")
    assert waiting.result(30) == ["again"]
    with pytest.raises(flawless.ExecutionNotFound):
        flawless.Execution(engine, "nobody").retry()


def test_two_at_the_same_time(engine: flawless.Engine, tmp_path: Path) -> None:
    """Of several who retry at once one succeeds; the step is repeated once."""
    run = engine.start(programs.seeks, str(tmp_path), "it")
    fails(run, "FileNotFoundError")
    (tmp_path / "it").touch()
    outcomes: list[str] = []

    def retry() -> None:
        try:
            run.retry()
            outcomes.append("retried")
        except flawless.FlawlessError as error:
            outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=retry) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(set(outcomes)) == ["RetryRefused", "retried"]
    assert outcomes.count("retried") == 1
    assert run.result(30).startswith("found it")
    assert marks(tmp_path).count("look for it") == 3


def test_messages(engine: flawless.Engine, tmp_path: Path) -> None:
    """A message that was received before the failure is not received again, nor lost."""
    run = engine.start(programs.hears_then_seeks, str(tmp_path), "it")
    run.send("word", 1)
    fails(run, "FileNotFoundError")
    with pytest.raises(flawless.ExecutionEnded):
        run.send("word", 2)
    (tmp_path / "it").touch()
    run.retry()
    run.send("word", 3)
    first, found, second = run.result(30)
    assert (first, second) == (1, 3)
    assert found.startswith("found it")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("effect", [None, 1, 2, 3])
def test_what_was_seen_before_is_seen_again(
    engine: flawless.Engine, form: str, effect: int | None, tmp_path: Path
) -> None:
    """Whichever effect it goes on from, messages and children's results are not lost."""
    run = start(engine, "does_all_then_raises", form, str(tmp_path), "it")
    run.send("word", "hello")
    fails(run, "FileNotFoundError")
    (tmp_path / "it").touch()
    if effect == 3:  # a child that has completed: there is nothing to repeat
        with pytest.raises(flawless.RetryRefused, match="is completed"):
            run.retry(effect=effect)
        effect = None
    run.retry(effect=effect)
    first, word, child, found = run.result(30)
    assert [first, word, child, found[:8]] == ["first", "hello", 7, "found it"]
    assert len(run.children()) == 1
    assert marks(tmp_path).count("first") == (2 if effect == 1 else 1)
    assert run.replay().end is not None


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
def test_killed_after_the_retry(tmp_path: Path, form: str) -> None:
    """A retry that was accepted is made by the next engine."""
    with life_on(tmp_path) as life:
        for name in ("seeks", "seeks_by_child"):
            life.ask("start", f"repair_programs.{name}{form}", name, str(tmp_path), name)
        for name in ("seeks", "seeks_by_child"):
            until(lambda: life.ask("status", name) == "failed", "the failure")  # noqa: B023 (called at once)
            (tmp_path / name).touch()
            life.ask("retry", name)
        life.kill()
    with engine_on(tmp_path) as engine:
        for name in ("seeks", "seeks_by_child"):
            assert engine.get(name).result(30).startswith(f"found {name}")
            assert engine.get(name).replay().end is not None
    assert marks(tmp_path).count("parent") == 1
    assert marks(tmp_path).count("before") == 2


def test_records_know_their_run(engine: flawless.Engine, tmp_path: Path) -> None:
    """A retried execution is the same run; one begun again is the next."""
    run = engine.start(programs.seeks, str(tmp_path), "it")
    fails(run, "FileNotFoundError")
    (tmp_path / "it").touch()
    run.retry()
    run.result(30)
    assert run.info().run == 1
