"""Where the guest stands: frames, tasks, and the variables there."""

import asyncio
import sys
from types import CoroutineType, GeneratorType, ModuleType

from flawless import _host, _loader, _tracebacks

from .values import FUNCTIONS, NAME_CHARS_MAX, cut, is_kind_of, is_one_of, shown, text_of

FRAMES_MAX = 200
TASKS_MAX = 100
NAMES_MAX = 500

session = _host.session

calls = {}
"""The calls of the user's functions that have not returned, by frame, numbered from 1."""


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
    if not is_kind_of(type(task), asyncio.Task):
        return ""
    return cut(text_of(asyncio.Task.get_name(task)), NAME_CHARS_MAX)


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
            code = type(value) is ModuleType or is_one_of(type(value), FUNCTIONS)
            if type(name) is str and not (
                name.startswith("__") or code or is_kind_of(type(value), type)
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
    if is_kind_of(type(names), dict):
        return list(dict.items(names))
    return list(names.items()) if type(names) is _locals_type else []


_locals_type = type((lambda: sys._getframe(0).f_locals)())


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
