"""Shows where a replayed guest stands: loaded into it by the replaying host, never by the engine.

The host names this module first among those the guest imports, and answers its `load` request with
this text. So it works in every Python deployment, those of older releases too, and costs the
original run nothing. It speaks to the host through the guest's one door, in requests that begin
with `{"trace":`; the replaying host answers them itself, and no journal knows of them.

The conversation: this module reports (`talk`), the host answers with commands until one says `go`:

    {"do": "stack"}                               where the guest stands, innermost frame first
    {"do": "variables", "frame": 0, "depth": 1}   the local variables of a frame
    {"do": "children", "ref": 7}                  what a value holds, by its number
    {"do": "evaluate", "frame": 0, "text": ...}   the value of an expression, or its error
    {"do": "globals", "frame": 0}                 the module's own variables
    {"do": "code", "file": ..., "text": ...}      the lines of a source text that functions execute
    {"do": "go", "watch": {...}}                  go on, and stop or report as `watch` says

`watch` is any of: `record` (report each executed line of the user's code), `calls` (and the call it
belongs to), `stop` ("lines": at the next line; "over": at the next line of this frame; "out": when
it has returned), `count` (stop after so many lines), `breakpoints` ({file: [lines]}), `skip` (pass
so many of them), `hits` (report them as `record` does, instead of stopping), `clocks` (tell of each
look at the clock).

Nothing here calls what the user wrote, so that showing a value changes nothing; only `evaluate`
does, and the host throws the guest away afterwards. Line events are those of `sys.monitoring`
(PEP 669); where code is not the user's, they are switched off at their first.
"""

import sys
import time
from datetime import date, datetime
from json import loads
from opcode import opmap

from flawless import _execution, _host, _tracebacks

from .places import (
    Place,
    calls,
    frames_from,
    frames_of_error,
    lines_of_functions,
    task_name,
    told_frames,
    told_tasks,
    user_files,
)
from .values import FIELDS_MAX, FUNCTIONS, children_of, class_name, is_one_of, refs, shown

monitoring = sys.monitoring
events = monitoring.events
TOOL = monitoring.DEBUGGER_ID
LINES_BUFFERED_MAX = 4_000

session = _host.session
host_call = session.call
"""The door itself."""

_tracebacks._HIDDEN = (*_tracebacks._HIDDEN, __file__.rpartition("/")[0] + "/")


# --- the conversation -----------------------------------------------------------------------------


def evaluate(place, command):
    """Return the value of an expression, or the error it raised."""
    global evaluating
    text = command["text"]
    evaluating = True
    quiet = monitoring.get_events(TOOL)
    monitoring.set_events(TOOL, 0)
    try:
        # A frame that is not there (an expression before any code of the user's) has no names.
        somewhere = place.frames or command.get("task")
        frame = place.chosen(command) if somewhere else None
        names = {} if frame is None else frame.f_globals
        here = {} if frame is None else frame.f_locals
        value = eval(compile(text, "<expression>", "eval"), names, here)
        return {"value": shown("", value, command.get("depth", 1))}
    except BaseException as error:
        try:
            message = str(error)
        except Exception:
            message = ""
        return {"raised": {"type": class_name(type(error)), "message": message[:2_000]}}
    finally:
        evaluating = False
        monitoring.set_events(TOOL, quiet)


evaluating = False


def encode(value):
    text = _host.encode(value)
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text


def obey(place, command):
    do = command["do"]
    try:
        if do == "stack":
            return {"frames": told_frames(place.frames), "tasks": told_tasks(place)}
        if do == "variables":
            return {"variables": place.variables(command)}
        if do == "globals":
            return {"variables": place.module_variables(command)}
        if do == "children":
            children, size = children_of(refs[command["ref"]])
            first, number = command.get("first", 0), command.get("number", FIELDS_MAX)
            depth = command.get("depth", 0)
            wanted = children[first : first + number]
            return {"variables": [shown(key, one, depth) for key, one in wanted], "size": size}
        if do == "evaluate":
            return evaluate(place, command)
        if do == "code":
            return {"lines": lines_of_functions(command["text"], command["file"])}
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}"}
    return {"failed": f"this tracer does not know {do!r}"}


def talk(report, place):
    """Report to the host and do what it says, until it says go."""
    message = {"trace": report, "frames": told_frames(place.frames), "task": task_name()}
    if Settings.calls:
        message["call"] = place.call_number()
    if not place.frames:
        message["tasks"] = told_tasks(place)
    while True:
        command = loads(host_call(encode(message)))
        if command["do"] == "go":
            refs.clear()
            if "watch" in command:
                watch(command["watch"], place)
            return
        message = {"trace": "did", **obey(place, command)}


def call(text):
    """Stand in for the door: the host may want to talk before it answers."""
    if evaluating:
        op = loads(text).get("op", "?")
        raise RuntimeError(
            f"an expression cannot perform effects ({op}): nothing may happen in a replay"
        )
    if buffer:
        flush()
    answer = host_call(text)
    while answer == TALK:
        frame = sys._getframe(1)
        talk("request", Place(frames_from(frame), frame))
        answer = host_call(text)
    return answer


TALK = '{"trace":"talk"}'


# --- lines ----------------------------------------------------------------------------------------

codes = {}
"""Numbers of the code objects of the user's that were seen, by `id()`: equal is not the same."""
known = []
"""All code objects whose `id()` is kept."""
buffer = []
"""Executed lines the host does not know yet: number of the code object, line, and so on."""
others = set()
callers = []
"""New calls the host does not know yet: number, number of the caller, and so on."""
call_buffer = []
"""The calls that the lines in `buffer` belong to."""


class Settings:
    """What the host wants to hear of."""

    record = False
    calls = False
    calls_told = 0
    stop = None
    count = 0
    skip = 0
    hits = False
    few = False
    """Whether only breakpoints are of interest, so that all other lines may run undisturbed."""
    dimmed = False
    """Whether some of those lines have no events any more."""
    frame = None
    breakpoints = None
    clocks = False


def watch(wanted, place):
    Settings.record = wanted.get("record", False)
    Settings.calls = wanted.get("calls", False)
    Settings.skip = wanted.get("skip", 0)
    Settings.hits = wanted.get("hits", False)
    Settings.stop = wanted.get("stop")
    Settings.count = wanted.get("count", 0)
    breakpoints = wanted.get("breakpoints") or {}
    Settings.breakpoints = {file: set(lines) for file, lines in breakpoints.items()} or None
    Settings.clocks = wanted.get("clocks", False)
    Settings.frame = None
    if Settings.stop in ("over", "out"):
        users = user_files()
        mine = [one for one, _ in place.frames if one.f_code.co_filename in users]
        if mine:
            Settings.frame = mine[0]
        else:
            Settings.stop = "lines"
    wanted_events = 0
    if Settings.record or Settings.stop or Settings.count or Settings.breakpoints:
        wanted_events |= events.LINE | events.PY_START | events.PY_RESUME
    Settings.few = not (Settings.record or Settings.stop or Settings.count)
    if not Settings.calls:
        calls.clear()
    if Settings.stop or Settings.calls:
        wanted_events |= events.PY_RETURN | events.PY_UNWIND
    if Settings.clocks:
        wanted_events |= events.CALL
    # Python may have an event more for a frame that goes on after either of these: no more of them
    # than it takes, so that lines are the same with and without a stop at each.
    if Settings.dimmed:
        Settings.dimmed = False
        monitoring.restart_events()
    if monitoring.get_events(TOOL) != wanted_events:
        monitoring.set_events(TOOL, wanted_events)


def flush():
    report = {"trace": "lines", "lines": buffer}
    if call_buffer:
        report |= {"calls": call_buffer, "callers": callers}
    text = encode(report)
    buffer.clear()
    call_buffer.clear()
    callers.clear()
    host_call(text)


def on_line(code, line):
    number = codes.get(id(code))
    if number is None:
        number = number_of(code)
        if number is None:
            return monitoring.DISABLE
    if session.active and not evaluating:
        frame = sys._getframe(1)
        if frame.f_lasti in thrown[number]:
            return None
        line_reached(code, number, line, frame)
        if Settings.few and line not in (Settings.breakpoints or {}).get(code.co_filename, ()):
            Settings.dimmed = True
            return monitoring.DISABLE
    return None


def on_start(code, offset):
    """Stay enabled for code that begins on the line of its `def`, such as `lambda n: n + 1`.

    That is all it takes: Python has the line event for such a line as long as there is also the
    event for the start.
    """
    if id(code) not in codes and number_of(code) is None:
        return monitoring.DISABLE
    line = line_at(code, offset)
    if line is None or line_at(code, offset + 2) != line:
        return monitoring.DISABLE
    return None


def on_resume(code, offset):
    """Report the line of a generator expression that goes on in a line that does not begin anew."""
    if code.co_name != "<genexpr>" or (id(code) not in codes and number_of(code) is None):
        return monitoring.DISABLE
    if id(code) not in one_line:
        one_line[id(code)] = len({line for *_, line in code.co_lines() if line is not None}) == 1
    if not one_line[id(code)]:
        return monitoring.DISABLE
    if session.active and not evaluating:
        frame = sys._getframe(1)
        line_reached(code, codes[id(code)], frame.f_lineno, frame)
    return None


thrown = []
"""Where an error comes out of what is awaited or yielded from, by number of the code object.

Python may be on that line once more then, or not, as it happens; nothing of it is executed again.
"""


def thrown_places(code):
    plain = code.co_code
    return frozenset(n for n in range(0, len(plain), 2) if plain[n] == opmap["CLEANUP_THROW"])


one_line = {}
"""Whether a generator expression stands on one line."""


def line_at(code, offset):
    return next((line for begin, end, line in code.co_lines() if begin <= offset < end), None)


def number_of(code):
    """Return the number of a code object of the user's, which the host is told; else None."""
    if id(code) in others:
        return None
    known.append(code)
    # Annotations are code of their own, run when somebody first asks for them: machinery.
    if code.co_filename not in user_files() or code.co_name == "__annotate__":
        others.add(id(code))
        return None
    number = codes[id(code)] = len(codes)
    thrown.append(thrown_places(code))
    host_call(
        encode(
            {
                "trace": "code",
                "number": number,
                "file": code.co_filename,
                "function": code.co_qualname,
                "line": code.co_firstlineno,
            }
        )
    )
    return number


def line_reached(code, number, line, frame):
    if Settings.record:
        note(number, line, frame)
    if Settings.count:
        Settings.count -= 1
        if not Settings.count:
            stop_at("count", frame)
            return
    stop = Settings.stop
    if stop is not None and (stop == "lines" or (stop == "over" and frame is Settings.frame)):
        stop_at("step", frame)
        return
    at = Settings.breakpoints
    if at is not None and code.co_filename in at and line in at[code.co_filename]:
        if Settings.hits:
            note(number, line, frame)
        elif Settings.skip:
            Settings.skip -= 1
        else:
            stop_at("breakpoint", frame)


def note(number, line, frame):
    """Keep an executed line for the next report."""
    buffer.append(number)
    buffer.append(line)
    if Settings.calls:
        call_buffer.append(numbered_call(frame))
    if len(buffer) >= LINES_BUFFERED_MAX:
        flush()


def numbered_call(frame):
    number = calls.get(frame)
    if number is None:
        Settings.calls_told += 1
        number = calls[frame] = Settings.calls_told
        users = user_files()
        caller = frame.f_back
        while caller is not None and caller.f_code.co_filename not in users:
            caller = caller.f_back
        outer = 0 if caller is None else numbered_call(caller)
        callers.append(number)
        callers.append(outer)
    return number


def stop_at(why, frame):
    if buffer:
        flush()
    talk(why, Place(frames_from(frame), frame))


def on_leave(code, offset, value):
    """The frame that is stepped over or out of is left: stop at the next line anywhere."""
    if calls:
        calls.pop(sys._getframe(1), None)
    if Settings.frame is not None and sys._getframe(1) is Settings.frame:
        Settings.frame = None
        Settings.stop = "lines"


CLOCKS = frozenset(
    (time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.perf_counter,
     time.perf_counter_ns, time.localtime, time.gmtime, time.ctime, time.strftime, time.sleep)
)  # fmt: skip
_builtin_type = type(len)
CLOCK_METHODS = frozenset(("now", "utcnow", "today"))


def on_call(code, offset, function, first):
    """Tell where the guest looks at the clock: WASI asks for that below any Python code."""
    kind = type(function)
    if not is_one_of(kind, FUNCTIONS):
        return None
    if kind is _builtin_type and (
        function in CLOCKS
        or (is_one_of(function.__self__, (datetime, date)) and function.__name__ in CLOCK_METHODS)
    ):
        if session.active and not evaluating:
            if buffer:
                flush()
            talk("clock", Place(frames_from(sys._getframe(1))))
        return None
    return None if id(code) in codes else monitoring.DISABLE


# --- beginning and end ----------------------------------------------------------------------------

run_workflow = _execution._run


def run(given):
    """Run the workflow, and let the host look when it fails."""
    try:
        talk("begin", Place([]))
        output = run_workflow(given)
    except BaseException as error:
        monitoring.set_events(TOOL, 0)
        if buffer:
            flush()
        talk("raised", Place(frames_of_error(error)))
        monitoring.set_events(TOOL, 0)
        raise
    monitoring.set_events(TOOL, 0)
    if buffer:
        flush()
    return output


_execution._run = run
session.call = call
monitoring.use_tool_id(TOOL, "flawless")
monitoring.register_callback(TOOL, events.LINE, on_line)
monitoring.register_callback(TOOL, events.PY_START, on_start)
monitoring.register_callback(TOOL, events.PY_RESUME, on_resume)
monitoring.register_callback(TOOL, events.PY_RETURN, on_leave)
monitoring.register_callback(TOOL, events.PY_UNWIND, on_leave)
monitoring.register_callback(TOOL, events.CALL, on_call)
