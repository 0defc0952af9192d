"""Traces: an execution is one, effects are its spans, and nothing secret is in them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trace_programs as programs
from lives import until
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

import flawless
from flawless.engine.tracing import Tracing
from flawless.engine.tracing.identity import Place, identity, read_traceparent

MODULES = ["trace_programs"]


class Traced:
    """An engine and the spans it has told of."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        settings = flawless.Settings(evict_after_s=0.2, tracing=Tracing(self.exporter, **options))
        self.engine = flawless.Engine(folder / "t.db", modules=MODULES, settings=settings)

    def __enter__(self) -> Traced:
        self.engine.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()

    def spans(self) -> list[ReadableSpan]:
        """Close the engine and return all spans; none may be there twice."""
        self.engine.close()
        found = [*self.exporter.get_finished_spans()]
        expect_once(found)
        return found


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[Traced]:
    """An engine that traces."""
    with Traced(tmp_path) as made:
        yield made


def place(context: Any) -> Place:
    """Return a span's context as we write it."""
    return Place(context.trace_id, context.span_id, bool(context.trace_flags.sampled))


def expect_once(spans: list[ReadableSpan]) -> None:
    """Fail if a span was told of twice."""
    places = [place(span.context) for span in spans]
    assert len(set(places)) == len(places), [span.name for span in spans]


def of(spans: list[ReadableSpan], execution: str, run: int = 1) -> list[ReadableSpan]:
    """Return the spans of one run."""
    trace_id = identity(execution, run).trace_id
    return [span for span in spans if place(span.context).trace_id == trace_id]


def one(spans: list[ReadableSpan], name: str, effect: int | None = None) -> ReadableSpan:
    """Return the span with this name."""
    (found,) = [
        span
        for span in spans
        if span.name == name and effect in (None, (span.attributes or {}).get("flawless.effect"))
    ]
    return found


def about(span: ReadableSpan) -> dict[str, Any]:
    """Return a span's attributes."""
    return dict(span.attributes or {})


# --- what is told ---------------------------------------------------------------------------------


def test_an_execution_is_a_trace_and_its_effects_are_spans(
    traced: Traced, tmp_path: Path, site: Any
) -> None:
    """One of each: names, kinds, parents, times, attributes, and nothing secret."""
    engine = traced.engine
    engine.start(programs.listens, id="listener")
    run = engine.start(programs.does_much, str(tmp_path / "file"), site.url, id="much")
    run.send("go")
    assert run.result(30) == "hunter2"
    assert engine.get("listener").result(30) is not None
    everything = traced.spans()
    found = of(everything, "much")
    assert [(about(span)["flawless.effect"], span.name) for span in found[:-1]] == [
        (1, "step trace_programs.greets"),
        (2, "step trace_programs.fails_twice"),
        (3, "POST 127.0.0.1"),
        (4, "sleep"),
        *[(about(span)["flawless.effect"], span.name) for span in found[4:6]],
        (7, "send word"),
        (8, "receive go"),
    ]
    assert {span.name for span in found[4:6]} == {
        "start trace_programs.grows",
        "step trace_programs.greets",
    }
    ids = identity("much", 1)
    root = found[-1]
    assert root.name == "execution trace_programs.does_much"
    assert place(root.context) == ids.root
    assert root.parent is None
    assert about(root)["flawless.status"] == "completed"
    assert root.start_time is not None
    assert root.end_time is not None
    for span in found[:-1]:
        assert span.parent is not None
        assert place(span.parent) == ids.root
        assert place(span.context) == ids.effect(about(span)["flawless.effect"])
        assert about(span)["flawless.execution"] == "much"
        assert about(span)["flawless.run"] == 1
        assert about(span)["flawless.workflow"] == "trace_programs.does_much"
        assert span.start_time is not None
        assert span.end_time is not None
        assert root.start_time <= span.start_time <= span.end_time <= root.end_time, span.name
        assert span.status.status_code is StatusCode.UNSET
        assert span.resource.attributes["service.name"] == "flawless"
    retried = one(found, "step trace_programs.fails_twice")
    assert [(e.name, dict(e.attributes or {})) for e in retried.events] == [
        ("attempt failed", {"flawless.attempt": 1, "error.type": "OSError"}),
        ("attempt failed", {"flawless.attempt": 2, "error.type": "OSError"}),
    ]
    post = one(found, "POST 127.0.0.1")
    assert post.kind is SpanKind.CLIENT
    assert about(post)["http.request.method"] == "POST"
    assert about(post)["http.response.status_code"] == 200
    assert about(post)["url.full"] == f"{site.url}/echo/path"
    sleep = one(found, "sleep")
    assert sleep.start_time is not None
    assert sleep.end_time is not None
    assert sleep.end_time - sleep.start_time == pytest.approx(10_000_000, rel=0.01)
    assert not [span.name for span in everything if "hunter2" in span.to_json()]


def test_failures_are_errors_without_their_messages(traced: Traced) -> None:
    """The step and the execution are marked, with the type of the error only."""
    run = traced.engine.start(programs.breaks, id="breaks")
    with pytest.raises(flawless.ExecutionFailed):
        run.result(30)
    found = of(traced.spans(), "breaks")
    for name in ("step trace_programs.never_works", "execution trace_programs.breaks"):
        span = one(found, name)
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "ValueError"
        assert about(span)["error.type"] == "ValueError"
        assert "hunter2" not in span.to_json()
    assert about(found[-1])["flawless.status"] == "failed"


def test_what_was_given_up_is_told_of(traced: Traced) -> None:
    """An effect that nobody looked at any more has a span too, and says so."""
    assert traced.engine.start(programs.gives_up, id="gives-up").result(30) == "over"
    found = of(traced.spans(), "gives-up")
    assert about(one(found, "receive nothing"))["flawless.given_up"] == "dropped"


def test_a_cancelled_execution(traced: Traced) -> None:
    """It is no error, and what it waited for was given up."""
    run = traced.engine.start(programs.listens, id="listens")
    run.cancel()
    with pytest.raises(flawless.ExecutionCancelled):
        run.result(30)
    found = of(traced.spans(), "listens")
    root = one(found, "execution trace_programs.listens")
    assert about(root)["flawless.status"] == "cancelled"
    assert root.status.status_code is StatusCode.UNSET


# --- joints ---------------------------------------------------------------------------------------


def test_children_and_next_runs_are_linked(traced: Traced, tmp_path: Path, site: Any) -> None:
    """A child's trace leads to the effect of its parent, a next run's to the run before."""
    engine = traced.engine
    engine.start(programs.listens, id="listener")
    run = engine.start(programs.does_much, str(tmp_path / "file"), site.url, id="much")
    run.send("go")
    run.result(30)
    assert engine.start(programs.rounds, 3, id="rounds").result(30) == 1
    everything = traced.spans()
    effect = about(one(of(everything, "much"), "start trace_programs.grows"))["flawless.effect"]
    child = one(of(everything, "the-child"), "execution trace_programs.grows")
    assert [place(link.context) for link in child.links] == [identity("much", 1).effect(effect)]
    for number in (1, 2, 3):
        found = of(everything, "rounds", number)
        root = one(found, "execution trace_programs.rounds")
        before = [] if number == 1 else [identity("rounds", number - 1).root]
        assert [place(link.context) for link in root.links] == before
        assert about(root)["flawless.status"] == ("completed" if number == 3 else "continued")
        assert about(root)["flawless.run"] == number
        step = one(found, "step trace_programs.greets")
        assert place(step.parent) == identity("rounds", number).root


def test_steps_run_within_their_span(traced: Traced) -> None:
    """In a thread, on the loop and in another process libraries join the trace of the execution."""
    seen = traced.engine.start(programs.sees, id="sees").result(60)
    ids = identity("sees", 1)
    assert seen == [[ids.effect(n).traceparent] * 2 for n in (1, 2, 3)]
    traced.spans()


def test_requests_carry_the_context_of_their_span(traced: Traced, site: Any) -> None:
    """Over redirects too; a workflow's own header wins."""
    del site.seen[:]
    traced.engine.start(programs.calls, site.url, id="calls").result(30)
    ids = identity("calls", 1)
    sent = [headers.get("traceparent") for _, _, headers in site.seen]
    own = f"00-{'1' * 32}-{'2' * 16}-01"
    assert sent == [ids.effect(1).traceparent] * 3 + [own]
    traced.spans()


def test_the_header_is_no_part_of_the_journal(tmp_path: Path, site: Any) -> None:
    """Journals made with and without tracing are those of the same workflow, and replay in both."""
    journals = []
    for name, tracing in (("on", Tracing(InMemorySpanExporter())), ("off", None)):
        settings = flawless.Settings(tracing=tracing)
        path = tmp_path / f"{name}.db"
        with flawless.Engine(path, modules=MODULES, settings=settings) as engine:
            engine.start(programs.calls, site.url, id="calls").result(30)
        other = flawless.Settings(
            tracing=None if tracing is not None else Tracing(InMemorySpanExporter())
        )
        with flawless.Engine(path, modules=MODULES, settings=other) as engine:
            replayed = engine.get("calls").replay()
            assert replayed.end is not None
            journals.append([entry.fingerprint for entry in engine.get("calls").journal()])
    assert journals[0] == journals[1]


def test_requests_carry_nothing_where_that_is_not_wanted(tmp_path: Path, site: Any) -> None:
    """`propagate=False` keeps trace ids inside."""
    del site.seen[:]
    with Traced(tmp_path, propagate=False) as traced:
        traced.engine.start(programs.calls, site.url, id="calls").result(30)
        assert len(traced.spans()) == 3
    assert [headers.get("traceparent") for _, _, headers in site.seen[:3]] == [None] * 3


def test_whoever_starts_an_execution_is_linked(traced: Traced) -> None:
    """The current span of a program that embeds an engine is a link of the root."""
    tracer = TracerProvider().get_tracer("the program")
    with tracer.start_as_current_span("checkout") as span:
        run = traced.engine.start(programs.rounds, 1, id="linked")
    assert run.result(30) == 1
    root = one(of(traced.spans(), "linked"), "execution trace_programs.rounds")
    assert [place(link.context) for link in root.links] == [place(span.get_span_context())]


# --- nothing twice --------------------------------------------------------------------------------


def test_eviction_and_restart_tell_nothing_twice(tmp_path: Path) -> None:
    """What was told is not told again by a replay; one trace holds what several engines told."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    spans: list[ReadableSpan] = []
    with Traced(tmp_path) as first:
        run = first.engine.start(programs.is_interrupted, str(pipe), id="a")
        until(lambda: first.engine.health()["guests"] == 0, "its guest makes way")
        assert run.status == "running"
        first.engine.close(0.1)
        spans += first.exporter.get_finished_spans()
    assert [span.name for span in spans] == ["step trace_programs.greets"]
    pipe.unlink()
    pipe.write_text("you")
    with Traced(tmp_path) as second:
        assert second.engine.get("a").result(30) == "hello you"
        spans += second.spans()
    expect_once(spans)
    assert [span.name for span in of(spans, "a")] == [
        "step trace_programs.greets",
        "sleep",
        "step trace_programs.reads",
        "step trace_programs.greets",
        "execution trace_programs.is_interrupted",
    ]
    assert {place(span.parent) for span in spans if span.parent} == {identity("a", 1).root}


def test_a_retried_execution_goes_on_in_its_trace(traced: Traced, tmp_path: Path) -> None:
    """What follows a retry is a span of its own; the effect that is repeated is another span."""
    missing = tmp_path / "missing"
    run = traced.engine.start(programs.is_interrupted, str(missing), id="a")
    with pytest.raises(flawless.ExecutionFailed):
        run.result(30)
    missing.write_text("there")
    run.retry()
    assert run.result(30) == "hello there"
    found = of(traced.spans(), "a")
    ids = identity("a", 1)
    failed, ended = [span for span in found if span.name == "step trace_programs.reads"]
    assert (place(failed.context), place(failed.parent)) == (ids.effect(3), ids.root)
    assert (place(ended.context), place(ended.parent)) == (ids.effect(3, 1), ids.retry(1))
    retry = one(found, "retry trace_programs.is_interrupted")
    assert place(retry.parent) == ids.root
    assert about(retry)["flawless.status"] == "completed"
    root = one(found, "execution trace_programs.is_interrupted")
    assert about(root)["flawless.status"] == "failed"


# --- settings -------------------------------------------------------------------------------------


def test_a_share_of_executions_can_be_traced(tmp_path: Path, site: Any) -> None:
    """Which ones follows from their ids; others send the header all the same, not sampled."""
    del site.seen[:]
    with Traced(tmp_path, ratio=0.0) as traced:
        traced.engine.start(programs.calls, site.url, id="calls").result(30)
        assert traced.spans() == []
    assert site.seen[0][2]["traceparent"].endswith("-00")
    sampled = [identity(f"e{n}", 1, ratio=0.3).sampled for n in range(2_000)]
    assert 0.25 < sum(sampled) / len(sampled) < 0.35
    assert sampled == [identity(f"e{n}", 1, ratio=0.3).sampled for n in range(2_000)]


def test_an_exporter_that_fails_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises, executions go on."""

    class Broken(InMemorySpanExporter):
        def export(self, spans: Any) -> Any:
            raise RuntimeError("no collector")

        def shutdown(self) -> None:
            raise RuntimeError("not even that")

    settings = flawless.Settings(tracing=Tracing(Broken()))
    with flawless.Engine(tmp_path / "t.db", modules=MODULES, settings=settings) as engine:
        assert engine.start(programs.rounds, 2).result(30) == 1


def test_without_opentelemetry_there_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine does not start, and says what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    settings = flawless.Settings(tracing=Tracing())
    engine = flawless.Engine(tmp_path / "t.db", modules=MODULES, settings=settings)
    with pytest.raises(flawless.UsageError, match=r"pip install 'flawless-engine\[tracing\]'"):
        engine.open()


def test_without_tracing_opentelemetry_is_not_imported(tmp_path: Path) -> None:
    """Who does not ask for traces does not pay for them."""
    code = (
        "import sys, flawless\n"
        "with flawless.Engine(':memory:', modules=['trace_programs']) as engine:\n"
        "    engine.start('trace_programs.rounds', 1).result()\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "ff-" + "1" * 32 + "-" + "1" * 16 + "-01",
    ],
)
def test_a_header_that_is_none_is_ignored(text: str) -> None:
    """Whatever callers send, nothing breaks."""
    assert read_traceparent(text) is None


def test_a_header_is_read_and_written() -> None:
    """What was written is read as the same; later versions may say more."""
    made = identity("a", 1).root
    assert read_traceparent(made.traceparent) == made
    assert read_traceparent(f"  {made.traceparent.upper()} ") == made
    assert read_traceparent("cc" + made.traceparent[2:] + "-what-comes-later") == made
    assert made.span_id != trace.INVALID_SPAN_ID
