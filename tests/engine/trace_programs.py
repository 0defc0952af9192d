"""Workflows whose traces are looked at."""

from pathlib import Path

from flawless import (
    continue_as_new,
    gather,
    http,
    receive,
    send,
    sleep,
    step,
    step_info,
    workflow,
)


def _current() -> str:
    """Return the trace context that OpenTelemetry's libraries see."""
    from opentelemetry import trace

    found = trace.get_current_span().get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


@step
def in_a_thread() -> list[str]:
    """Return what a step sees, and what it is told."""
    return [_current(), step_info().traceparent]


@step
async def on_the_loop() -> list[str]:
    """Return the same of an async step."""
    return [_current(), step_info().traceparent]


@step(process=True)
def in_a_process() -> list[str]:
    """Return the same of a step in a worker process."""
    return [_current(), step_info().traceparent]


@workflow
def sees() -> list[list[str]]:
    """Return what steps of each kind see."""
    return [in_a_thread(), on_the_loop.start().result(), in_a_process()]


@step(retries=2, backoff=0.001)
def fails_twice(file: str) -> str:
    """Succeed the third time."""
    with Path(file).open("a") as lines:
        lines.write("tried\n")
    if len(Path(file).read_text().splitlines()) < 3:
        raise OSError("the password is hunter2")
    return "done"


@step
def greets(name: str) -> str:
    """Greet."""
    return f"hello {name}"


@step
def never_works() -> None:
    """Fail."""
    raise ValueError("the password is hunter2")


@workflow
def grows() -> str:
    """A child."""
    return greets("child")


@workflow
def does_much(file: str, url: str) -> str:
    """Do one of each."""
    greets("ann")
    fails_twice(file)
    http.post(f"{url}/echo/path?token=hunter2", data=b"hunter2")
    sleep(0.01)
    child = grows.start(id="the-child")
    gather(child, greets.start("bob"))
    send("listener", "word", "hunter2")
    receive("go")
    return "hunter2"


@workflow
def listens() -> object:
    """Wait for a word."""
    return receive("word")


@workflow
def gives_up() -> str:
    """Begin to listen, and end."""
    receive.start("nothing")
    return "over"


@workflow
def breaks() -> None:
    """Fail with a step."""
    greets("before")
    never_works()


@workflow
def rounds(count: int) -> int:
    """Go on as the next run until the count is 1."""
    greets(str(count))
    if count > 1:
        continue_as_new(count - 1)
    return count


@workflow
def calls(url: str) -> list[str | None]:
    """Ask for what a server was sent, with a header of its own and without."""
    own = {"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-01"}
    http.get(f"{url}/redirect/2")
    http.get(f"{url}/name/own", headers=own)
    return []


@step
def reads(pipe: str) -> str:
    """Read a file that blocks until somebody writes."""
    return Path(pipe).read_text()


@workflow
def is_interrupted(pipe: str) -> str:
    """Greet, sleep a little, wait for a pipe, greet again."""
    greets("first")
    sleep(0.01)
    text = reads(pipe)
    return greets(text)
