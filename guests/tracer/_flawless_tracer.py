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

import asyncio
import decimal
import fractions
import sys
import time
import uuid
from collections import deque
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from datetime import time as time_of_day
from json import loads
from types import CoroutineType, FunctionType, GeneratorType, MethodType, SimpleNamespace
from zoneinfo import ZoneInfo

from flawless import _execution, _host, _loader, _tracebacks

monitoring = sys.monitoring
events = monitoring.events
TOOL = monitoring.DEBUGGER_ID
LINES_BUFFERED_MAX = 4_000
FRAMES_MAX = 200
TASKS_MAX = 100

session = _host.session
host_call = session.call
"""The door itself."""

_tracebacks._HIDDEN = (*_tracebacks._HIDDEN, __file__)


# --- values, shown without calling what the user wrote --------------------------------------------

TEXT_CHARS_MAX = 200
LINE_CHARS_MAX = 2_000
NAME_CHARS_MAX = 200
ITEMS_MAX = 50
ITEMS_SHOWN = 5
FIELDS_MAX = 200
NAMES_MAX = 500
DIGITS_BITS_MAX = 4_000

_text_of = str.__str__
_class_bases = type.__dict__["__mro__"].__get__
_class_dict = type.__dict__["__dict__"].__get__
_slot_type = type(type("_Slotted", (), {"__slots__": ("one",)}).one)
_dict_types = (type(BaseException.__dict__["__dict__"]), type(SimpleNamespace.__dict__["__dict__"]))
_qualname = type.__dict__["__qualname__"].__get__

# What is compared here is compared with `is`: `==` and `in` ask classes, whose own classes may have
# an `__eq__` of the user's.


def is_one_of(value, several):
    return any(value is one for one in several)


def cut(text, chars):
    return text if len(text) <= chars else f"{text[:chars]}..."


def _class_name(kind):
    return cut(_text_of(_qualname(kind)), NAME_CHARS_MAX)


def short(value, room=3):
    """Return one line that shows a value; `room` levels of what it holds are shown."""
    try:
        return cut(_short(value, room), LINE_CHARS_MAX)
    except Exception as error:  # of an object that is not finished, say
        return f"<{_class_name(type(value))}, cannot be shown: {_class_name(type(error))}>"


def _short(value, room):
    kind = type(value)
    if value is None or kind is bool or value is Ellipsis or value is NotImplemented:
        return repr(value)
    bases = _class_bases(kind)
    member = _enum_member(kind, value)
    if member is not None:
        return member
    base = _base_of(bases)
    if base is int:
        return _named(kind, int, _integer(value))
    if base is float or base is complex:
        return _named(kind, base, base.__repr__(value))
    if base is str or base is bytes or base is bytearray:
        return _named(kind, base, _text(base, value))
    if base is tuple and _field_names(kind) is not None:
        return _fielded(kind, value, room)
    if base is not None:
        alike = list if base is deque else base
        return _named(kind, alike, _several(base, value, _SIGNS[base], room))
    if is_one_of(kind, _PLAIN):
        return repr(value) if _is_plain(value) else f"<{_class_name(kind)}>"
    if issubclass_(kind, type):
        return f"<class {_class_name(value)}>"
    if issubclass_(kind, BaseException):
        args = ", ".join(short(one, room - 1) for one in BaseException.args.__get__(value)[:3])
        return f"{_class_name(kind)}({args})"
    if is_one_of(kind, _FUNCTIONS):
        # A built-in method's qualified name asks the class of what it is bound to.
        name = _own_name(value, "__qualname__" if kind is FunctionType else "__name__")
        return f"<{kind.__name__} {name}>"
    if kind is MethodType:
        function = value.__func__
        return f"<method of {short(function, 0)}>" if type(function) is FunctionType else "<method>"
    if kind is _module_type:
        return f"<module {_own_name(value, '__name__')}>"
    return _fielded(kind, value, room)


_BASES = (int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, deque)
_SIGNS = {list: "[]", tuple: "()", dict: "{}", set: "{}", frozenset: "{}", deque: "[]"}


def _base_of(bases):
    """Return the built-in type that a class with these bases is a kind of, or None."""
    return next((one for one in bases if is_one_of(one, _BASES)), None)


def _field_names(kind):
    """Return the names of a named tuple's fields; None for any other tuple."""
    for one in _class_bases(kind):
        names = _class_dict(one).get("_fields")
        if type(names) is tuple:
            return names
    return None


def issubclass_(kind, base):
    """Like `issubclass`, for real bases only: a metaclass is not asked."""
    return is_one_of(base, _class_bases(kind))


_module_type = type(sys)
_FUNCTIONS = (type(short), type(len), type([].append), type("".__add__), type(str.__add__))


def _own_name(value, attribute):
    try:
        name = object.__getattribute__(value, attribute)
    except AttributeError:
        return "?"
    return cut(_text_of(name), NAME_CHARS_MAX) if issubclass_(type(name), str) else "?"


_PLAIN = (
    decimal.Decimal, fractions.Fraction, uuid.UUID, range, datetime, date, time_of_day, timedelta,
    timezone,
)  # fmt: skip


def _is_plain(value):
    """Whether there is nothing of the user's in a value that is shown as it shows itself."""
    if type(value) is range:
        parts = (value.start, value.stop, value.step)
        return all(type(one) is int and _is_short(one) for one in parts)
    if type(value) is fractions.Fraction:
        parts = (value._numerator, value._denominator)
        return all(type(one) is int and _is_short(one) for one in parts)
    if type(value) is decimal.Decimal:
        return len(decimal.Decimal.as_tuple(value).digits) <= TEXT_CHARS_MAX
    if type(value) is datetime or type(value) is time_of_day:
        return value.tzinfo is None or is_one_of(type(value.tzinfo), (timezone, ZoneInfo))
    return True


def _is_short(number):
    return int.bit_length(number) <= DIGITS_BITS_MAX


def _named(kind, base, text):
    if kind is base:
        return text
    return f"{_class_name(kind)}({text})"


def _integer(value):
    if int.bit_length(value) > DIGITS_BITS_MAX:
        return f"<an integer of {int.bit_length(value):,} bits>"
    return int.__repr__(value)


def _text(base, value):
    size = base.__len__(value)
    part = base.__getitem__(value, slice(0, TEXT_CHARS_MAX))
    if size <= TEXT_CHARS_MAX:
        return base.__repr__(part)
    unit = "characters" if base is str else "bytes"
    return f"{base.__repr__(part)}... ({size:,} {unit})"


def _several(base, value, signs, room):
    size = base.__len__(value)
    if size == 0:
        return signs if signs != "{}" or base is dict else f"{base.__name__}()"
    if room <= 0:
        return f"{signs[0]}...{signs[1]}"
    shown = []
    for one in _items(base, value, ITEMS_SHOWN):
        if base is dict:
            shown.append(f"{short(one[0], room - 1)}: {short(one[1], room - 1)}")
        else:
            shown.append(short(one, room - 1))
    if size > ITEMS_SHOWN:
        shown.append(f"... {size:,} in all")
    comma = "," if base is tuple and size == 1 else ""
    return f"{signs[0]}{', '.join(shown)}{comma}{signs[1]}"


def _items(base, value, number):
    found = []
    source = dict.items(value) if base is dict else base.__iter__(value)
    for one in source:
        if len(found) >= number:
            break
        found.append(one)
    return found


def _fielded(kind, value, room):
    name = _class_name(kind)
    if room <= 1:
        return f"<{name}>"
    fields = fields_of(value)
    if not fields:
        return f"<{name}>"
    shown = [f"{key}={short(one, room - 2)}" for key, one in fields[:ITEMS_SHOWN]]
    if len(fields) > ITEMS_SHOWN:
        shown.append("...")
    return f"{name}({', '.join(shown)})"


def _enum_member(kind, value):
    if type(_class_dict(kind).get("_member_map_")) is not dict:
        return None
    name = _own_dict(value).get("_name_")
    return f"{_class_name(kind)}.{cut(name, NAME_CHARS_MAX)}" if type(name) is str else None


def _own_dict(value):
    """Return an object's own attributes, by way of no property that a class calls `__dict__`."""
    for base in _class_bases(type(value)):
        found = _class_dict(base).get("__dict__")
        if is_one_of(type(found), _dict_types):
            found = found.__get__(value)
            return found if type(found) is dict else {}
    return {}


def fields_of(value):
    """Return names and values of an object's own attributes: its dictionary and its slots."""
    found = list(_own_dict(value).items())[:FIELDS_MAX]
    for base in _class_bases(type(value)):
        for name, slot in list(_class_dict(base).items()):
            if type(slot) is _slot_type and len(found) < FIELDS_MAX:
                with suppress(AttributeError):
                    found.append((name, _slot_type.__get__(slot, value)))
    named = []
    for key, one in found:
        if type(key) is str and not (key.startswith("__") and key.endswith("__")):
            named.append((key, one))
    if issubclass_(type(value), tuple):
        names = _field_names(type(value)) or ()
        fields = zip(names, tuple.__iter__(value), strict=False)
        named += [(key, one) for key, one in fields if type(key) is str]
    return named


def children_of(value):
    """Return (name, value) of what a value holds, and how many there are in all."""
    kind = type(value)
    base = _base_of(_class_bases(kind))
    if base in _SIGNS and not (base is tuple and _field_names(kind) is not None):
        size = base.__len__(value)
        items = _items(base, value, FIELDS_MAX)
        if base is dict:
            return [(short(key, 1), one) for key, one in items], size
        return [(f"[{n}]", one) for n, one in enumerate(items)], size
    if _enum_member(kind, value) is not None:
        return [], 0
    if is_one_of(kind, _FUNCTIONS) or kind is _module_type or issubclass_(kind, type):
        return [], 0
    if issubclass_(kind, BaseException):
        return [("args", BaseException.args.__get__(value)), *fields_of(value)], 1
    fields = fields_of(value)
    return fields, len(fields)


refs = []
"""Values that were shown since the guest stopped, by number."""


def shown(name, value, depth=0):
    """Return a variable for the host: name, type, text, a number to ask for more by."""
    try:
        name = cut(name, NAME_CHARS_MAX)
        described = {"name": name, "type": _class_name(type(value)), "text": short(value)}
        children, size = children_of(value)
    except Exception as error:  # of an object that is not finished, say
        return {"name": name, "type": "?", "text": f"<cannot be shown: {type(error).__name__}>"}
    if children:
        refs.append(value)
        described["ref"] = len(refs) - 1
        described["size"] = size
        if depth > 0:
            described["children"] = [
                shown(key, one, depth - 1) for key, one in children[:ITEMS_MAX]
            ]
    return described


# --- frames ---------------------------------------------------------------------------------------


def user_files():
    return {unit.file for unit in _loader.units.values() if unit.user}


def frames_from(frame):
    """Return the frames from here outwards that are not machinery, innermost first."""
    found = []
    while frame is not None and len(found) < FRAMES_MAX:
        if not _tracebacks.hidden(frame.f_code.co_filename):
            found.append((frame, frame.f_lineno))
        frame = frame.f_back
    return found


def frames_of_task(task):
    """Return where a suspended task stands, innermost frame first."""
    found = []
    waiting = asyncio.Task.get_coro(task)
    while waiting is not None and len(found) < FRAMES_MAX:
        kind = type(waiting)
        if kind is CoroutineType:
            frame, further = waiting.cr_frame, waiting.cr_await
        elif kind is GeneratorType:
            frame, further = waiting.gi_frame, waiting.gi_yieldfrom
        else:
            break  # something of the user's, perhaps
        if frame is None:
            break
        if not _tracebacks.hidden(frame.f_code.co_filename):
            found.append((frame, frame.f_lineno))
        waiting = further
    return found[::-1]


def frames_of_error(error):
    """Return where an exception was raised, innermost frame first."""
    found = []
    traceback = BaseException.__traceback__.__get__(error)
    while traceback is not None:
        frame = traceback.tb_frame
        if not _tracebacks.hidden(frame.f_code.co_filename):
            found.append((frame, traceback.tb_lineno))
        traceback = traceback.tb_next
    return found[: -FRAMES_MAX - 1 : -1]


def told_frames(frames):
    users = user_files()
    return [
        {
            "file": frame.f_code.co_filename,
            "line": line or 0,
            "function": frame.f_code.co_qualname,
            "user": frame.f_code.co_filename in users,
        }
        for frame, line in frames
    ]


def told_tasks(place):
    return [{"name": name, "frames": told_frames(frames)} for name, frames in place.other_tasks()]


def tasks():
    """Return the other tasks of the running loop: name and frames."""
    try:
        loop = asyncio.events._get_running_loop()
        found = asyncio.all_tasks(loop) if loop is not None else set()
    except Exception:
        return []
    current = asyncio.current_task(loop) if loop is not None else None
    named = [(name_of(one), one) for one in found if one is not current]
    named = [one for one in named if one[0]]
    named.sort(key=lambda one: (len(one[0]), one[0]))
    return [(name, frames_of_task(task)) for name, task in named[:TASKS_MAX]]


def name_of(task):
    """Return a task's name, whatever its class makes of it; empty for what is no common task."""
    if not issubclass_(type(task), asyncio.Task):
        return ""
    return cut(_text_of(asyncio.Task.get_name(task)), NAME_CHARS_MAX)


def task_name():
    """Return the name of the task that runs; empty where there is none."""
    try:
        if session.active and asyncio.events._get_running_loop() is not None:
            return name_of(asyncio.current_task())
    except Exception:
        return ""
    return ""


class Place:
    """Where the guest stands while it talks."""

    def __init__(self, frames, frame=None):
        self.frames = frames
        self.frame = frame
        self.tasks = None

    def call_number(self):
        """Return the number of the innermost call of the user's, where calls are told."""
        users = user_files()
        mine = next((one for one, _ in self.frames if one.f_code.co_filename in users), None)
        return calls.get(mine, 0)

    def other_tasks(self):
        if self.tasks is None:
            self.tasks = tasks() if session.active else []
        return self.tasks

    def variables(self, command):
        frame = self.chosen(command)
        depth = command.get("depth", 0)
        found = []
        for name, value in variables_of(frame.f_locals):
            if len(found) >= NAMES_MAX:
                break
            if type(name) is str and name.isidentifier():
                found.append(shown(name, value, depth))
        return found

    def module_variables(self, command):
        frame = self.chosen(command)
        found = []
        for name, value in variables_of(frame.f_globals):
            if len(found) >= NAMES_MAX:
                break
            code = type(value) is _module_type or is_one_of(type(value), _FUNCTIONS)
            if type(name) is str and not (
                name.startswith("__") or code or issubclass_(type(value), type)
            ):
                found.append(shown(name, value, command.get("depth", 0)))
        return found

    def chosen(self, command):
        """Return the frame a command means: of this stack, or of another task's."""
        number = command.get("frame", 0)
        frames = self.frames
        name = command.get("task")
        if name is not None:
            frames = dict(self.other_tasks()).get(name, [])
        if not 0 <= number < len(frames):
            raise LookupError(f"there is no frame {number}")
        return frames[number][0]


def variables_of(names):
    """Return the names and values of a frame; a class body's may be in a mapping of the user's."""
    if issubclass_(type(names), dict):
        return list(dict.items(names))
    return list(names.items()) if type(names) is _locals_type else []


_locals_type = type((lambda: sys._getframe(0).f_locals)())


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
        return {"raised": {"type": _class_name(type(error)), "message": message[:2_000]}}
    finally:
        evaluating = False
        monitoring.set_events(TOOL, quiet)


evaluating = False


# --- code ---------------------------------------------------------------------------------------


def lines_of_functions(text, file):
    """Return the lines on which functions of a source text execute something.

    What stands outside of functions runs while the module is loaded, which is before the workflow.
    """
    import opcode

    found = set()
    waiting = [compile(text, file, "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        waiting += [one for one in code.co_consts if type(one) is type(code)]
        if not code.co_flags & 0x2 or code.co_name == "__annotate__":
            continue  # CO_NEWLOCALS: the code of functions has it, that of modules and classes not
        resume = code.co_code.find(bytes([opcode.opmap["RESUME"]]))
        found.update(line for _, end, line in code.co_lines() if line and end > resume + 2)
    return sorted(found)


# --- the conversation -----------------------------------------------------------------------------


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
    before = monitoring.get_events(TOOL)
    monitoring.set_events(TOOL, 0)
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
            else:
                monitoring.set_events(TOOL, before)
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
calls = {}
"""The calls of the user's functions that have not returned, by frame, numbered from 1."""
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
    if Settings.frame is not None or Settings.calls:
        wanted_events |= events.PY_RETURN | events.PY_UNWIND
    if Settings.clocks:
        wanted_events |= events.CALL
    if wanted_events:
        monitoring.restart_events()
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
        line_reached(code, number, line, sys._getframe(1))
        if Settings.few and line not in (Settings.breakpoints or {}).get(code.co_filename, ()):
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
    if not is_one_of(kind, _FUNCTIONS):
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
