"""Workflows in Rust on a real engine: each effect is performed, each failure is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import flawless
import rust_programs
from flawless.ids import idempotency_key, run_key

HERE = Path(__file__).parent


class Keys(BaseHTTPRequestHandler):
    """Answers with the keys that a request came with: that of its header, and its body."""

    def do_PUT(self) -> None:
        """Answer."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps([self.headers["Idempotency-Key"], body["key"]]).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (name of http.server)
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A service that answers with the keys of requests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def engine() -> Iterator[flawless.Engine]:
    """An engine with the tests' workflows in Rust, and native steps for them."""
    sys.path.insert(0, str(HERE))
    modules = [str(rust_programs.wasm()), "effect_steps"]
    try:
        with flawless.Engine(":memory:", modules=modules) as made:
            yield made
    finally:
        sys.path.remove(str(HERE))


def started(engine: flawless.Engine, name: str, *args: Any, **options: Any) -> Any:
    """Start one of the workflows."""
    return engine.start(f"programs.{name}", *args, **options)


def failure(engine: flawless.Engine, name: str, *args: Any) -> dict[str, Any]:
    """Return the error that a workflow ends with."""
    with pytest.raises(flawless.ExecutionFailed) as caught:
        started(engine, name, *args).result(timeout=60)
    return caught.value.error


def test_keys_are_those_of_the_engine(engine: flawless.Engine, site: str) -> None:
    """The key that a workflow sees is the one that the service gets, and the next step."""
    run = started(engine, "effects.keyed", site)
    key, got, in_step = run.result(timeout=60)
    assert got == [key, key]
    assert (key, in_step) == (idempotency_key(run.id, 1), idempotency_key(run.id, 2))


def test_workflows_of_another_crate(engine: flawless.Engine) -> None:
    """They are started by their own crate's name for them; a parameter may be called like one."""
    assert started(engine, "elsewhere", 3).result(timeout=60) == ["common.weigh", 4, 4]
    assert engine.start("common.weigh", weigh=1).result(timeout=60) == 2


def test_conversations(engine: flawless.Engine) -> None:
    """State and response are shown, a message is received, what is logged and printed is kept."""
    run = started(engine, "effects.talks")
    assert run.response(timeout=60) == {"accepted": True}
    assert run.state() == "waiting"
    run.send("name", "Ann")
    assert run.result(timeout=60) == "hello Ann"
    assert run.state() == {"name": "Ann"}
    told = [(line.level, line.logger, line.message) for line in run.logs()]
    assert told == [(30, "programs::effects", "hello Ann"), (20, "print", "printed")]


def test_runs(engine: flawless.Engine) -> None:
    """Each `continue_as_new` begins a run, whose effects have keys of their own."""
    run = started(engine, "effects.counts", 1)
    assert run.result(timeout=60) == [3, 3, idempotency_key(run_key(run.id, 3), 1)]


def test_arguments_of_the_next_run(engine: flawless.Engine) -> None:
    """What the next run could not begin with is refused where it is said."""
    text, more, none = started(engine, "effects.continues_wrongly", 1).result(timeout=60)
    assert text.startswith("InputInvalid: n: invalid type: string")
    assert more == "InputInvalid: args[1] is unexpected: the workflow takes n"
    assert none == "InputInvalid: n is missing: the workflow requires it"


def test_children(engine: flawless.Engine) -> None:
    """Children end in each way, and their parent is told how."""
    run = started(engine, "effects.parent")
    counted, failed, said, none = run.result(timeout=60)
    assert counted[:2] == [3, 2]
    assert failed == [True, "std.Panic", "value is 1"]
    assert (said, none) == ("hello Ann", True)


def test_kinds(engine: flawless.Engine) -> None:
    """What the engine refuses has its kind, and so has what the crate refuses."""
    kinds = started(engine, "effects.unreached", "http://127.0.0.1:1/").result(timeout=60)
    assert kinds == [
        f"Some({kind})"
        for kind in ("ConnectError", "InvalidUrl", "ExecutionNotFound", "Usage", "Usage", "Usage")
    ]


def test_a_step_that_fails(engine: flawless.Engine) -> None:
    """Unhandled, a step's exception is the workflow's, with the places in both languages."""
    error = failure(engine, "endings.step_fails")
    assert (error["type"], error["module"], error["message"]) == (
        "Declined", "effect_steps", "no money",
    )  # fmt: skip
    assert [frame["function"] for frame in error["frames"]] == ["step_fails", "charged"]
    assert "effect_steps.py" in error["traceback"]
    assert "endings.rs" in error["traceback"]


@pytest.mark.parametrize(
    ("name", "type_", "function", "text"),
    [
        ("fails_below", "ParseIntError", "deep", "text.parse()?"),
        ("fails_typed", "ParseIntError", "fails_typed", ""),
        ("fails_with_text", "Failure", "fails_with_text", ""),
        ("fails_boxed", "ParseIntError", "fails_boxed", ""),
        ("fails_wrapped", "ParseIntError", "fails_wrapped", "Failure::wrap"),
        ("fails_with_a_cause", "Wrapped", "charged", "app.declined"),
        ("fails_in_a_map", "Declined", "fails_in_a_map", "joined?"),
        ("fails_mapped", "Declined", "charged", "app.declined"),
        ("panics_below", "Panic", "check", "assert!(value > 3"),
        ("panics_in_drop", "Panic", "drop", "in the destructor"),
        ("panics_twice", "Panic", "panics_twice", "first"),
    ],
)
def test_failures_tell_their_places(
    engine: flawless.Engine, name: str, type_: str, function: str, text: str
) -> None:
    """A failure tells the function and the line it comes from, also below the workflow."""
    error = failure(engine, f"endings.{name}")
    frame = error["frames"][-1]
    assert (error["type"], frame["function"]) == (type_, function)
    assert text in frame["text"]
    assert frame["file"].endswith("endings.rs")
    assert f"endings.rs:{frame['line']}:" in error["traceback"]


@pytest.mark.parametrize("name", ["plain", "boxed", "sent", "wrapped", "hidden"])
def test_cancelled_whatever_the_error_is_wrapped_in(engine: flawless.Engine, name: str) -> None:
    """A cancellation that leaves the workflow is one, in a box, as a cause, or hidden."""
    run = started(engine, f"endings.cancelled_{name}")
    assert run.response(timeout=60) == "ready"
    run.cancel("no longer wanted")
    with pytest.raises(flawless.ExecutionCancelled) as caught:
        run.result(timeout=60)
    assert caught.value.reason == "no longer wanted"


@pytest.mark.parametrize("name", ["continues_boxed", "continues_hidden"])
def test_the_next_run_begins_whatever_the_error_is_wrapped_in(
    engine: flawless.Engine, name: str
) -> None:
    """The error of `continue_as_new` is understood in a box, and hidden."""
    run = started(engine, f"endings.{name}", 1)
    assert (run.result(timeout=60), run.info().run) == (3, 3)


def test_a_saga(engine: flawless.Engine) -> None:
    """What was done is undone in reverse, and the error goes on."""
    run = started(engine, "effects.saga", "fail")
    with pytest.raises(flawless.ExecutionFailed, match="out of stock"):
        run.result(timeout=60)


def test_random_numbers(engine: flawless.Engine) -> None:
    """Two executions draw differently, and a number is what it is said to be."""
    first, second = (started(engine, "effects.draws").result(timeout=60)[4:] for _ in range(2))
    assert first != second
    wide, fraction, die, some, uuid = first
    assert 0 <= int(wide) < 2**64
    assert 0 <= fraction < 1
    assert 1 <= die <= 6
    assert len(some) == 3
    assert uuid[14] == "4"
