"""What each request of the protocol does.

A response comes at once; what a request sets in motion happens after it (`follow_up`), and is told
in events.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from flawless.core.entries import Failed
from flawless.errors import FlawlessError, UsageError
from flawless.timetravel.dap.paths import SourcePaths
from flawless.timetravel.dap.shapes import Shapes
from flawless.timetravel.problems import NoSuchPlace, ReplayLost
from flawless.timetravel.stepping.breakpoints import Breakpoint
from flawless.timetravel.stepping.debugger import Debugger
from flawless.timetravel.whereabouts import BY_EFFECT, NO_VARIABLES

CAPABILITIES: Final = {
    "supportsConfigurationDoneRequest": True,
    "supportsStepBack": True,
    "supportsEvaluateForHovers": True,
    "supportsExceptionInfoRequest": True,
    "supportsFunctionBreakpoints": True,
    "supportsBreakpointLocationsRequest": True,
    "supportsLoadedSourcesRequest": True,
    "supportsRestartRequest": True,
    "supportsTerminateRequest": True,
    "exceptionBreakpointFilters": [
        {"filter": "failed", "label": "The workflow fails", "default": True}
    ],
}

Arguments = dict[str, Any]
Body = dict[str, Any]
_LINE_MAX: Final = 10_000_000


class Handlers:
    """Answers requests about one debugger."""

    def __init__(self, debugger: Debugger, roots: list[Path]) -> None:
        self._debugger = debugger
        self._paths = SourcePaths(debugger.sources, roots)
        self._shapes = Shapes(debugger, self._paths)
        self._events: list[tuple[str, Body]] = []
        self._then: Callable[[], None] | None = None
        self._launched = self._configured = False
        self._stop_on_entry = True
        self._effects: list[int] = []
        """The breakpoints that were set as function breakpoints."""
        self.over = False
        """Whether the editor has left."""

    def handle(self, command: str, arguments: Arguments) -> Body:
        """Answer a request. Raises `FlawlessError` with what the editor is to show."""
        method = _REQUESTS.get(command)
        if method is None:
            raise UsageError(f"this debugger has no {command[:100]!r}")
        return method(self, arguments)

    def follow_up(self) -> None:
        """Do what the last response has announced."""
        then, self._then = self._then, None
        if then is not None:
            then()

    def take_events(self) -> list[tuple[str, Body]]:
        """Return what has happened since, for the editor."""
        events, self._events = self._events, []
        return events

    def tell(self, event: str, **body: Any) -> None:
        """Add an event."""
        self._events.append((event, body))

    def tell_stop(self, reason: str) -> None:
        """Tell where the debugger stands now."""
        debugger, shapes = self._debugger, self._shapes
        shapes.forget()
        raised = debugger.ended and debugger.stop.reason == "raised"
        if debugger.note:
            self.tell("output", category="console", output=f"{debugger.note}\n")
        point = debugger.point
        text = debugger.note
        if point is not None:
            label, outcome = debugger.labels.label(point), debugger.labels.outcome(point)
            text = f"effect {point.position}: {label} -> {outcome}"
        hits = [one for one in debugger.breakpoints if self._is_at(one)]
        if reason == "breakpoint" and not any(one.file for one in hits):
            reason = "function breakpoint" if hits else "pause"
        self.tell(
            "stopped",
            reason="exception" if raised else reason,
            description=text or "stopped",
            text=debugger.ending if raised else text,
            threadId=shapes.current_thread(),
            allThreadsStopped=True,
            hitBreakpointIds=[one.number for one in hits],
        )

    # --- beginning and end --------------------------------------------------------------------

    def _initialize(self, arguments: Arguments) -> Body:
        self._shapes.line_first = 0 if arguments.get("linesStartAt1") is False else 1
        self.tell("initialized")
        return CAPABILITIES

    def _launch(self, arguments: Arguments) -> Body:
        root = arguments.get("sourceRoot")
        if root is not None and not isinstance(root, str):
            raise UsageError("sourceRoot is to be the name of a folder")
        if root:
            self._paths.add_root(root)
        self._stop_on_entry = arguments.get("stopOnEntry") is not False
        self._launched = True
        self._then = self._begin
        return {}

    def _configuration_done(self, arguments: Arguments) -> Body:
        self._configured = True
        self._then = self._begin
        return {}

    def _begin(self) -> None:
        if not (self._launched and self._configured):
            return
        self._launched = False
        if not self._debugger.has_lines:
            self.tell("output", category="console", output=f"{BY_EFFECT}. {NO_VARIABLES}\n")
        if self._stop_on_entry:
            self.tell_stop("entry")
        else:
            self._debugger.start()
            self._debugger.resume()
            self.tell_stop("breakpoint")

    def _disconnect(self, arguments: Arguments) -> Body:
        self.over = True
        self.tell("terminated")
        return {}

    def _restart(self, arguments: Arguments) -> Body:
        return self._moved(self._debugger.start, "entry")

    # --- breakpoints --------------------------------------------------------------------------

    def _set_breakpoints(self, arguments: Arguments) -> Body:
        source = _object(arguments, "source")
        wanted = arguments.get("breakpoints")
        if wanted is None:
            wanted = [{"line": line} for line in arguments.get("lines") or []]
        if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
            raise UsageError("breakpoints is to be an array of objects with a line")
        try:
            file = self._paths.file(source)
        except NoSuchPlace as error:
            return {"breakpoints": [{"verified": False, "message": str(error)} for _ in wanted]}
        self._debugger.breakpoints.clear(file)
        message = ""
        if self._paths.differs(file, source):
            message = "this file is not as it was deployed: lines may have moved"
        return {"breakpoints": [self._line_set(file, one, source, message) for one in wanted]}

    def _line_set(self, file: str, wanted: Body, source: Body, message: str) -> Body:
        first = self._shapes.line_first
        shown: Body = {"verified": False, "source": source, "line": wanted.get("line")}
        try:
            line = _whole(wanted, "line") - first + 1
            made = self._debugger.breakpoints.at_line(file, line)
        except UsageError as error:
            return shown | {"message": str(error)}
        shown |= {"id": made.number, "verified": not made.remark}
        message = made.remark or message
        return shown | {"message": message} if message else shown

    def _set_function_breakpoints(self, arguments: Arguments) -> Body:
        wanted = arguments.get("breakpoints")
        if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
            raise UsageError("breakpoints is to be an array of objects with a name")
        for number in self._effects:
            self._debugger.breakpoints.remove(number)
        self._effects = []
        return {"breakpoints": [self._effect_set(str(one.get("name", ""))) for one in wanted]}

    def _effect_set(self, name: str) -> Body:
        breakpoints = self._debugger.breakpoints
        text = name.strip().removeprefix("effect ").strip()
        if not text:
            message = "name an effect: its number, or a part of its label"
            return {"verified": False, "message": message}
        try:
            number = text.isdecimal() and len(text) < 18
            made = breakpoints.at_effect(int(text)) if number else breakpoints.at_label(text)
        except NoSuchPlace as error:
            return {"verified": False, "message": str(error)}
        self._effects.append(made.number)
        return {"id": made.number, "verified": True, "message": made.remark or made.what}

    def _set_exception_breakpoints(self, arguments: Arguments) -> Body:
        return {}  # the end of a failed execution is where it failed, whether asked for or not

    def _breakpoint_locations(self, arguments: Arguments) -> Body:
        file = self._paths.file(_object(arguments, "source"))
        first = self._shapes.line_first
        begin = _whole(arguments, "line") - first + 1
        end = begin
        if arguments.get("endLine") is not None:
            end = _whole(arguments, "endLine") - first + 1
        lines = self._debugger.sources.code_lines(file)
        return {"breakpoints": [{"line": one - 1 + first} for one in lines if begin <= one <= end]}

    def _is_at(self, one: Breakpoint) -> bool:
        debugger = self._debugger
        if one.file and debugger.has_lines:
            at_line = debugger.stop.reason in ("breakpoint", "step", "count")
            frame = debugger.frames[0] if debugger.frames else None
            return (
                at_line and frame is not None and (frame.file, frame.line) == (one.file, one.line)
            )
        return debugger.at in one.points

    # --- looking ------------------------------------------------------------------------------

    def _threads(self, arguments: Arguments) -> Body:
        return {"threads": self._shapes.threads()}

    def _stack_trace(self, arguments: Arguments) -> Body:
        first, count = arguments.get("startFrame") or 0, arguments.get("levels") or 0
        if not isinstance(first, int) or not isinstance(count, int) or min(first, count) < 0:
            raise UsageError("startFrame and levels are to be whole numbers")
        return self._shapes.frames(_whole(arguments, "threadId"), first, count)

    def _scopes(self, arguments: Arguments) -> Body:
        at = self._shapes.frame_at(arguments.get("frameId"))
        return {"scopes": self._shapes.scopes(at)}

    def _variables(self, arguments: Arguments) -> Body:
        return {"variables": self._shapes.variables(arguments.get("variablesReference"))}

    def _evaluate(self, arguments: Arguments) -> Body:
        text = arguments.get("expression")
        if not isinstance(text, str) or not text.strip():
            raise UsageError("there is no expression")
        frame = thread = None
        if arguments.get("frameId") is not None:
            thread, frame = self._shapes.frame_at(arguments["frameId"])
        try:
            told = self._debugger.evaluate(text, frame, thread)
        except ReplayLost:
            self._shapes.forget_values()
            raise
        if told.value is None:
            raised = told.raised or {}
            raise UsageError(f"{raised.get('type')}: {raised.get('message')}")
        shown = self._shapes.variable(told.value)
        return {
            "result": shown["value"],
            "type": shown["type"],
            "variablesReference": shown["variablesReference"],
        }

    def _exception_info(self, arguments: Arguments) -> Body:
        debugger = self._debugger
        end = debugger.course.end
        if not isinstance(end, Failed) or not debugger.ended:
            raise UsageError("no error was raised here")
        kind, _, message = debugger.ending.removeprefix("failed with ").partition(": ")
        return {"exceptionId": kind, "description": message or kind, "breakMode": "unhandled"}

    def _source(self, arguments: Arguments) -> Body:
        source = arguments.get("source")
        if isinstance(source, dict) and source.get("path") and not source.get("sourceReference"):
            file = self._paths.file(source)
        else:
            file = self._paths.referred(arguments.get("sourceReference"))
        mime = "text/x-rust" if file.endswith(".rs") else "text/x-python"
        return {"content": self._debugger.sources.text(file) or "", "mimeType": mime}

    def _loaded_sources(self, arguments: Arguments) -> Body:
        return {"sources": [self._paths.source(file) for file in self._debugger.sources.files]}

    # --- moves --------------------------------------------------------------------------------

    def _moved(self, move: Callable[[], None], reason: str) -> Body:
        def then() -> None:
            try:
                move()
            except FlawlessError as error:
                self.tell("output", category="stderr", output=f"{error}\n")
            self.tell_stop(reason)

        self._then = then
        return {}

    def _next(self, arguments: Arguments) -> Body:
        return self._moved(self._debugger.step_over, "step")

    def _step_in(self, arguments: Arguments) -> Body:
        return self._moved(self._debugger.step_into, "step")

    def _step_out(self, arguments: Arguments) -> Body:
        return self._moved(self._debugger.step_out, "step")

    def _step_back(self, arguments: Arguments) -> Body:
        return self._moved(self._debugger.back_over, "step")

    def _continue(self, arguments: Arguments) -> Body:
        return self._moved(self._debugger.resume, "breakpoint") | {"allThreadsContinued": True}

    def _reverse_continue(self, arguments: Arguments) -> Body:
        return self._moved(self._debugger.reverse, "breakpoint")

    def _pause(self, arguments: Arguments) -> Body:
        raise UsageError("there is nothing to pause: a replay stands wherever you have left it")


def _object(arguments: Arguments, name: str) -> Body:
    found = arguments.get(name)
    if not isinstance(found, dict):
        raise UsageError(f"{name} is to be an object")
    return found


def _whole(arguments: Arguments, name: str) -> int:
    found = arguments.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or abs(found) > _LINE_MAX:
        raise UsageError(f"{name} is to be a whole number")
    return found


_REQUESTS: Final[dict[str, Callable[[Handlers, Arguments], Body]]] = {
    "initialize": Handlers._initialize,
    "launch": Handlers._launch,
    "attach": Handlers._launch,
    "configurationDone": Handlers._configuration_done,
    "disconnect": Handlers._disconnect,
    "terminate": Handlers._disconnect,
    "restart": Handlers._restart,
    "setBreakpoints": Handlers._set_breakpoints,
    "setFunctionBreakpoints": Handlers._set_function_breakpoints,
    "setExceptionBreakpoints": Handlers._set_exception_breakpoints,
    "breakpointLocations": Handlers._breakpoint_locations,
    "threads": Handlers._threads,
    "stackTrace": Handlers._stack_trace,
    "scopes": Handlers._scopes,
    "variables": Handlers._variables,
    "evaluate": Handlers._evaluate,
    "exceptionInfo": Handlers._exception_info,
    "source": Handlers._source,
    "loadedSources": Handlers._loaded_sources,
    "next": Handlers._next,
    "stepIn": Handlers._step_in,
    "stepOut": Handlers._step_out,
    "stepBack": Handlers._step_back,
    "continue": Handlers._continue,
    "reverseContinue": Handlers._reverse_continue,
    "pause": Handlers._pause,
}
