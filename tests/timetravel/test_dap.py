"""The Debug Adapter Protocol, spoken by a scripted editor: over streams and over TCP."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from flawless.timetravel.dap.handlers import Handlers
from flawless.timetravel.dap.messages import MESSAGE_BYTES_MAX
from flawless.timetravel.dap.session import Session
from flawless.timetravel.stepping.debugger import Debugger
from serving import FLAWLESS, environment
from stepping import FILE, PLACES, exported, line, recordings

HERE = Path(__file__).resolve().parent.parent
CLOCK = line("began = time.time()")
WEIGHT = line("weight = weigh(number)")
LOAD = line("total = load(total, number)")


class Editor:
    """Speaks the protocol, and notes events."""

    def __init__(self, reader: BinaryIO, writer: BinaryIO) -> None:
        self._reader = reader
        self._writer = writer
        self._seq = 0
        self.events: list[dict[str, Any]] = []

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._writer.write(data)
        self._writer.flush()

    def read(self) -> dict[str, Any]:
        """Return the next message."""
        length = 0
        while (header := self._reader.readline().strip()) != b"":
            name, _, value = header.partition(b":")
            assert name == b"Content-Length"
            length = int(value)
        assert length
        message = json.loads(self._reader.read(length))
        assert isinstance(message, dict)
        return message

    def response(self) -> dict[str, Any]:
        """Return the next response; events before it are noted."""
        while (message := self.read())["type"] == "event":
            self.events.append(message)
        return message

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and return its response."""
        self._seq += 1
        message = {"seq": self._seq, "type": "request", "command": command}
        data = json.dumps(message | {"arguments": arguments}).encode()
        self.send(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        found = self.response()
        assert (found["request_seq"], found["command"]) == (self._seq, command)
        return found

    def done(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request that must succeed, and return its body."""
        found = self.ask(command, **arguments)
        assert found["success"], found
        body = found["body"]
        assert isinstance(body, dict)
        return body

    def refused(self, command: str, **arguments: Any) -> str:
        """Send a request that must not succeed, and return the reason."""
        found = self.ask(command, **arguments)
        assert not found["success"], found
        assert "Traceback" not in found["message"]
        return str(found["message"])

    def event(self, name: str) -> dict[str, Any]:
        """Return the next event of that name."""
        while True:
            message = self.events.pop(0) if self.events else self.read()
            if message["type"] == "event" and message["event"] == name:
                body = message["body"]
                assert isinstance(body, dict)
                return body

    def move(self, command: str) -> tuple[str, int]:
        """Make a move, and return function and line of the innermost frame."""
        self.done(command, threadId=1)
        return self.place()

    def place(self) -> tuple[str, int]:
        """Return where the debugger has stopped."""
        stopped = self.event("stopped")
        frames = self.done("stackTrace", threadId=stopped["threadId"])["stackFrames"]
        return (frames[0]["name"], frames[0]["line"]) if frames else ("", 0)

    def begin(self, **arguments: Any) -> tuple[str, int]:
        """Do what editors do at the beginning, and return where the debugger stands."""
        assert self.done("initialize", adapterID="flawless")["supportsStepBack"] is True
        self.event("initialized")
        self.done("launch", **arguments)
        self.done("configurationDone")
        return self.place()


Spoken = Callable[[str, list[Path]], Editor]


class Loop:
    """Both ends in one process: what the editor writes is answered when it reads."""

    def __init__(self, debugger: Debugger, roots: list[Path]) -> None:
        self.handlers = Handlers(debugger, roots)
        self._asked, self._told = BytesIO(), BytesIO()

    def write(self, data: bytes) -> int:
        """Take what the editor writes."""
        return self._asked.write(data)

    def flush(self) -> None:
        """Answer it."""
        self._asked.seek(0)
        answers = BytesIO()
        Session(self.handlers, self._asked, answers).run()
        self._asked = BytesIO()
        self._told = BytesIO(self._told.read() + answers.getvalue())

    def readline(self) -> bytes:
        """Give a line of the answers."""
        return self._told.readline()

    def read(self, size: int) -> bytes:
        """Give some of the answers."""
        return self._told.read(size)


@pytest.fixture
def editor() -> Iterator[Spoken]:
    """An editor that speaks with a debugger of this process."""
    made: list[Debugger] = []

    def open_(name: str, roots: list[Path]) -> Editor:
        made.append(Debugger(recordings()[name]))
        loop: Any = Loop(made[-1], roots)
        return Editor(loop, loop)

    yield open_
    for one in made:
        one.close()


# --- whole sessions -------------------------------------------------------------------------------


def whole_session(editor: Editor) -> None:
    """Go through an execution, forwards and backwards."""
    assert editor.begin() == ("tour", line("total = 0"))
    path = str(HERE / FILE)
    lines = [{"line": CLOCK}, {"line": 1}]
    set_ = editor.done("setBreakpoints", source={"path": path}, breakpoints=lines)["breakpoints"]
    assert [one["verified"] for one in set_] == [True, False]
    assert "the nearest that a function executes" in set_[1]["message"]
    assert editor.move("continue") == ("tour", CLOCK)
    assert editor.move("next")[1] == line('print("halfway")')
    assert editor.move("stepBack") == ("tour", CLOCK)
    editor.done("setBreakpoints", source={"path": path}, breakpoints=[{"line": WEIGHT}])
    assert editor.move("reverseContinue") == ("load", WEIGHT)
    result = editor.done("evaluate", expression="number + 1", context="repl")
    assert result["result"] == str(PLACES)
    assert editor.move("reverseContinue") == ("load", WEIGHT)
    assert editor.done("evaluate", expression="number + 1")["result"] == str(PLACES - 1)
    assert editor.move("stepOut") == ("tour", line("seen.append(number)"))
    editor.done("disconnect")
    editor.event("terminated")


def test_an_editor_starts_the_debugger(tmp_path: Path) -> None:
    """Over standard streams: requests in, responses and events out, and nothing else."""
    process = subprocess.Popen(
        [*FLAWLESS, "debug", exported("tour", tmp_path), "--dap", "--source-root", HERE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        editor = Editor(process.stdout, process.stdin)  # type: ignore[arg-type]  # binary pipes
        whole_session(editor)
        assert process.wait() == 0
        assert process.stdout.read() == b""
        assert process.stderr.read() == b""


def test_an_editor_connects_to_a_port(tmp_path: Path) -> None:
    """Over TCP: whoever is no editor is sent away, and one that leaves ends the debugger."""
    process = subprocess.Popen(
        [*FLAWLESS, "debug", exported("tour", tmp_path), "--dap-port", "0"],
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=HERE,
    )
    assert process.stderr is not None
    with process:
        told = process.stderr.readline().decode()
        port = re.search(r"127\.0\.0\.1:(\d+)", told)
        assert port is not None, told
        for sent in (b"", b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}"):
            with socket.create_connection(("127.0.0.1", int(port[1]))) as connection:
                connection.sendall(sent)
        with socket.create_connection(("127.0.0.1", int(port[1]))) as connection:
            editor = Editor(connection.makefile("rb"), connection.makefile("wb"))
            assert editor.begin() == ("tour", line("total = 0"))
            connection.shutdown(socket.SHUT_RDWR)
        assert process.wait() == 0


# --- what is asked --------------------------------------------------------------------------------


def test_values_open_one_level_after_the_other(editor: Spoken) -> None:
    """Scopes hold variables, values hold parts; huge and cyclic ones are bounded."""
    one = editor("fall", [HERE])
    one.begin()
    one.done("continue", threadId=1)
    stopped = one.event("stopped")
    while stopped["reason"] != "exception":
        stopped = one.event("stopped")
    assert stopped["text"].startswith("failed with ValueError")
    info = one.done("exceptionInfo", threadId=1)
    assert info["exceptionId"] == "ValueError"
    frames = one.done("stackTrace", threadId=1)["stackFrames"]
    assert [frame["name"] for frame in frames] == ["stumble", "fall"]
    scopes = one.done("scopes", frameId=frames[0]["id"])["scopes"]
    assert [scope["name"] for scope in scopes] == ["Locals", "Globals"]
    found = one.done("variables", variablesReference=scopes[0]["variablesReference"])["variables"]
    shown = {variable["name"]: variable for variable in found}
    assert shown["huge"]["variablesReference"] == 0
    reference = shown["crate"]["variablesReference"]
    for name in ("content", "[0]", "content", "[0]"):
        parts = one.done("variables", variablesReference=reference)["variables"]
        assert all(len(part["value"]) < 1_000 for part in parts)
        reference = next(part for part in parts if part["name"] == name)["variablesReference"]
    globals_ = one.done("variables", variablesReference=scopes[1]["variablesReference"])
    assert ("LIMIT", "7") in [(v["name"], v["value"]) for v in globals_["variables"]]
    one.move("stepBack")
    assert "no value" in one.refused("variables", variablesReference=reference)
    assert "no frame" in one.refused("scopes", frameId=frames[0]["id"])
    assert "no error was raised" in one.refused("exceptionInfo", threadId=1)


def test_tasks_are_threads(editor: Spoken) -> None:
    """Each task of an async workflow is a thread; the first is the workflow's own."""
    one = editor("relay", [HERE])
    one.begin()
    set_ = one.done("setFunctionBreakpoints", breakpoints=[{"name": "wait for"}, {"name": "x"}])
    assert [found["verified"] for found in set_["breakpoints"]] == [True, False]
    one.done("continue", threadId=1)
    assert one.event("stopped")["reason"] == "function breakpoint"
    threads = one.done("threads")["threads"]
    assert [thread["id"] for thread in threads] == [1, 2, 3, 4]
    frames = one.done("stackTrace", threadId=3, startFrame=0, levels=1)
    assert frames["stackFrames"][0]["name"] == "carry"
    frame = frames["stackFrames"][0]["id"]
    assert one.done("evaluate", expression="number", frameId=frame)["result"] == "1"
    assert one.done("stackTrace", threadId=77)["stackFrames"] == []


def test_sources_come_from_the_disk_or_the_deployment(editor: Spoken, tmp_path: Path) -> None:
    """A file that is as it was deployed is named; of others the deployed text is sent."""
    one = editor("tour", [tmp_path])
    one.begin()
    source = one.done("stackTrace", threadId=1)["stackFrames"][0]["source"]
    assert "path" not in source
    content = one.done("source", sourceReference=source["sourceReference"])["content"]
    assert content == (HERE / FILE).read_text()
    (tmp_path / FILE).write_text("# changed\n" + content)
    set_ = one.done(
        "setBreakpoints", source={"path": str(tmp_path / FILE)}, breakpoints=[{"line": CLOCK}]
    )
    assert set_["breakpoints"][0]["verified"] is True
    assert "not as it was deployed" in set_["breakpoints"][0]["message"]
    set_ = one.done("setBreakpoints", source={"path": "/else/where.py"}, lines=[3])
    assert "no file /else/where.py" in set_["breakpoints"][0]["message"]
    set_ = one.done("setBreakpoints", source=source, lines=[line("return 2 * number")])
    assert set_["breakpoints"][0]["verified"] is False
    assert "runs outside of the workflow" in set_["breakpoints"][0]["message"]
    assert "there is no source 9" in one.refused("source", sourceReference=9)
    places = one.done("breakpointLocations", source=source, line=1, endLine=WEIGHT)
    assert places["breakpoints"][-1] == {"line": WEIGHT}
    assert one.done("loadedSources")["sources"] == [source]
    other = editor("tour", [])
    other.begin(sourceRoot=str(HERE))
    source = other.done("stackTrace", threadId=1)["stackFrames"][0]["source"]
    assert source["path"] == str(HERE / FILE)


def test_a_session_may_begin_at_the_first_breakpoint(editor: Spoken) -> None:
    """Without a stop on entry it runs to a breakpoint; restart goes to the first line."""
    one = editor("tour", [HERE])
    one.done("initialize", linesStartAt1=False)
    one.done("attach", stopOnEntry=False)
    one.done("setBreakpoints", source={"name": FILE}, breakpoints=[{"line": WEIGHT - 1}])
    one.done("setExceptionBreakpoints", filters=["failed"])
    one.done("configurationDone")
    assert one.place() == ("load", WEIGHT - 1)
    one.done("restart")
    assert one.place() == ("tour", line("total = 0") - 1)


# --- what goes wrong ------------------------------------------------------------------------------


def test_expressions_that_fail_are_told(editor: Spoken, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that raises, performs an effect, or never ends is an error; the session goes on."""
    monkeypatch.setattr("flawless.timetravel.replayer.EVALUATE_S_MAX", 0.1)
    one = editor("tour", [HERE])
    one.begin()
    assert "ZeroDivisionError" in one.refused("evaluate", expression="1 / 0")
    assert "cannot perform effects" in one.refused("evaluate", expression="weigh(1)")
    assert "did not end" in one.refused("evaluate", expression="[0 for _ in iter(int, 1)]")
    assert one.done("evaluate", expression="count", context="hover")["result"] == str(PLACES)
    clock = "__import__('time').time() > 0"
    assert one.done("evaluate", expression=clock)["result"] == "True"
    door = "__import__('_flawless_tracer').host_call('{}')"
    assert "gave no answer" in one.refused("evaluate", expression=door)
    assert one.done("evaluate", expression=clock)["result"] == "True"
    assert one.done("evaluate", expression="count + 0")["result"] == str(PLACES)
    assert one.move("next")[0] == "tour"


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("pause", {"threadId": 1}, "nothing to pause"),
        ("flyToTheMoon", {}, "has no 'flyToTheMoon'"),
        ("stackTrace", {"threadId": "x"}, "threadId is to be a whole number"),
        ("stackTrace", {"threadId": 1, "levels": -1}, "whole numbers"),
        ("scopes", {}, "no frame None"),
        ("variables", {"variablesReference": [1]}, "no value"),
        ("setBreakpoints", {}, "source is to be an object"),
        ("setBreakpoints", {"source": {"path": "x"}, "breakpoints": [3]}, "array of objects"),
        ("setFunctionBreakpoints", {}, "array of objects with a name"),
        ("evaluate", {"expression": "  "}, "there is no expression"),
        ("evaluate", {"expression": "1", "frameId": 99}, "no frame 99"),
        ("launch", {"sourceRoot": 7}, "sourceRoot is to be"),
        ("breakpointLocations", {"source": {"path": FILE}, "line": None}, "whole number"),
        ("source", {}, "there is no source None"),
    ],
)
def test_requests_that_make_no_sense_are_refused(
    shared: Editor, command: str, arguments: dict[str, Any], message: str
) -> None:
    """Each has an error that names what is wrong with it."""
    assert message in shared.refused(command, **arguments)


@pytest.fixture(scope="module")
def shared() -> Iterator[Editor]:
    """An editor whose requests change nothing."""
    debugger = Debugger(recordings()["short"])
    loop: Any = Loop(debugger, [HERE])
    yield Editor(loop, loop)
    debugger.close()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Content-Length: 3\r\n\r\n{{{", "not valid JSON"),
        (b"Content-Length: 2\r\n\r\n\xff\xfe", "not valid JSON"),
        (b"Content-Length: 2\r\n\r\n[]", "no JSON object"),
        (b"Content-Length: 2\r\n\r\n{}", "no request"),
        (b"Hello\r\n\r\n", "no message of the Debug Adapter Protocol"),
        (b"GET / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "no message of the Debug Adapter"),
        (b"Content-Type: text/html\r\n\r\n", "without Content-Length"),
        (b"\r\n", "without Content-Length"),
        (b"Content-Length: many\r\n\r\n", "Content-Length is no number"),
        (b"Content-Length: -3\r\n\r\n", "Content-Length is no number"),
        (b"Content-Length: 99999999999\r\n\r\n", "is too long"),
        (b"x" * 5_000, "a header without an end"),
        (b"Content-Length: 20000\r\n\r\n" + b"[" * 20_000, "nested too deeply"),
        (
            b"Content-Length: %d\r\n\r\n" % (MESSAGE_BYTES_MAX + 1)
            + b" " * (MESSAGE_BYTES_MAX + 1),
            "is too long",
        ),
    ],
)
def test_what_is_no_message_costs_an_error(shared: Editor, data: bytes, message: str) -> None:
    """Malformed and oversized messages are answered with an error, and others follow."""
    shared.send(data)
    found = shared.response()
    assert (found["success"], found["request_seq"]) == (False, 0)
    assert message in found["message"]
    assert shared.done("threads")["threads"] == [{"id": 1, "name": "main"}]
