"""How a workflow fails: error objects, tracebacks, limits, and what it may not do."""

from __future__ import annotations

from typing import Any

import pytest
from guest_scripts import HEAD, Guests, Script, async_main, main

LINE = HEAD.count("\n") + 3  # the first line of the body of `main`


def test_a_traceback_shows_the_users_lines_only(guests: Guests) -> None:
    """File, line, function and text of the user's frames, nothing of the guest's own."""
    error = guests.error(main("def inner(x):", "    return 1 / x", "inner(0)"))
    assert error["type"] == "ZeroDivisionError"
    assert error["traceback"].splitlines() == [
        "Traceback (most recent call last):",
        f'  File "app.py", line {LINE + 2}, in main',
        "    inner(0)",
        "    ~~~~~^^^",
        f'  File "app.py", line {LINE + 1}, in inner',
        "    return 1 / x",
        "           ~~^~~",
        "ZeroDivisionError: division by zero",
    ]
    assert error["frames"] == [
        {"file": "app.py", "line": LINE + 2, "function": "main", "text": "inner(0)"},
        {"file": "app.py", "line": LINE + 1, "function": "inner", "text": "return 1 / x"},
    ]
    assert error["value"]["c"] == "builtins:ZeroDivisionError"


def test_causes_and_notes_are_shown(guests: Guests) -> None:
    """Chained causes, the native traceback of a step, and notes are part of the traceback."""

    def fail(*_: Any) -> None:
        raise ValueError("native")

    script = Script({})
    script.steps["app.charge"] = fail
    body = main(
        "try: charge()",
        "except ValueError as error:",
        "    error.add_note('a note')",
        "    raise KeyError('mine') from error",
    )
    shown = guests.error(body, script=script)["traceback"]
    for part in ("in fail", "ValueError: native\na note", "direct cause", "KeyError: 'mine'"):
        assert part in shown
    assert "flawless/" not in shown.replace("tests/guest", "")


def test_exception_groups_are_shown(guests: Guests) -> None:
    """Each exception of a group has its traceback with the user's lines, asyncio's are hidden."""
    body = async_main(
        "async def fail(n): raise ValueError(n)",
        "async with asyncio.TaskGroup() as group:",
        "    group.create_task(fail(1)); group.create_task(fail(2))",
    )
    error = guests.error(body)
    assert error["type"] == "ExceptionGroup"
    assert error["traceback"].count("async def fail(n): raise ValueError(n)") == 2
    assert "asyncio/" not in error["traceback"]


def test_an_error_that_a_step_raised_through_await(guests: Guests) -> None:
    """Machinery of asyncio and of the guest package is hidden in async tracebacks."""
    script = Script({})
    error = {"type": "Interrupted", "module": "flawless", "message": "died"}
    script._outcome = lambda asked: {"error": error}  # type: ignore[method-assign]  # as the engine reports it
    found = guests.error(async_main("await ship()"), script=script)
    assert found["type"] == "Interrupted"
    assert [frame["text"] for frame in found["frames"]] == ["await ship()"]


@pytest.mark.parametrize(
    ("statement", "type_", "words"),
    [
        ("import sys; sys.exit(3)", "SystemExit", "sys.exit(3): return a value"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("f = lambda: f(); f()", "RecursionError", "recursion depth"),
        ("bytearray(2 ** 30)", "MemoryError", ""),
        ("keep = []\nwhile True: keep.append(bytearray(10 ** 6))", "MemoryError", ""),
        ("return {'items': [1, 2, object()]}", "CodecError", "result.items[2]"),
        ("return open", "CodecError", "result"),
        ("charge({'a': {1: object()}})", "CodecError", "app.charge.args"),
        ("charge(x=object())", "CodecError", "app.charge.x"),
    ],
)
def test_ends_that_are_no_results(guests: Guests, statement: str, type_: str, words: str) -> None:
    """Exits, limits and values that cannot be carried end as errors that say what happened."""
    error = guests.error(main(*statement.split("\n")))
    assert error["type"] == type_
    assert words in error["message"]


def test_memory_is_free_again_after_a_memory_error(guests: Guests) -> None:
    """A workflow may catch a `MemoryError` and go on."""
    body = main(
        "try:",
        "    keep = bytearray(2 ** 30)",
        "except MemoryError:",
        "    return len(bytearray(10 ** 6))",
    )
    assert guests.ok(body) == 10**6


def test_an_exception_that_cannot_be_printed(guests: Guests) -> None:
    """An exception whose own code fails still ends the workflow with its type."""
    body = main(
        "class Bad(Exception):", "    def __str__(self): raise ValueError('no')", "raise Bad()"
    )
    error = guests.error(body)
    assert error["type"].endswith("Bad")
    assert "ValueError" in error["message"]


def test_long_messages_are_cut(guests: Guests) -> None:
    """An error is of bounded size, whatever its message."""
    error = guests.error(main("raise ValueError('x' * 1_000_000)"))
    assert len(error["message"]) < 110_000
    assert "characters left out" in error["message"]


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("open('data.txt')", "open files ('data.txt'): do it in a @step"),
        ("import io; io.open('x')", "open files"),
        ("import io; io.FileIO('x')", "open files"),
        ("import pathlib; pathlib.Path('x').read_text()", "open files"),
        ("import pathlib; pathlib.Path('x').unlink()", "file system"),
        ("import os; os.listdir('.')", "file system"),
        ("import os; os.makedirs('a/b')", "file system"),
        ("import shutil; shutil.rmtree('a')", "file system"),
        ("import tempfile; tempfile.NamedTemporaryFile()", "temporary files"),
        ("import tempfile; tempfile.mkdtemp()", "temporary files"),
        ("import sqlite3; sqlite3.connect('a.db')", "database file ('a.db')"),
        ("import os; os.system('ls')", "run processes ('ls')"),
        ("import subprocess; subprocess.run(['ls'])", "run processes"),
        ("import multiprocessing as m; m.Process(target=print).start()", "run processes"),
        ("import multiprocessing as m; m.Pool(2)", "run processes"),
        ("import concurrent.futures as c; c.ProcessPoolExecutor()", "run processes"),
        ("import concurrent.futures as c; c.ThreadPoolExecutor()", "start threads"),
        ("import threading; threading.Thread(target=print).start()", "start threads"),
        ("import threading; threading.Timer(1, print).start()", "start threads"),
        ("import socket; socket.socket()", "network connections: use flawless.http"),
        ("import socket; socket.create_connection(('a', 1))", "network connections"),
        (
            "import http.client as c; c.HTTPConnection('a').request('GET', '/')",
            "network connections",
        ),
        ("input('name? ')", "read from a terminal"),
        ("breakpoint()", "debugger"),
    ],
)
def test_what_a_workflow_cannot_do(guests: Guests, statement: str, words: str) -> None:
    """Files, processes, threads and sockets raise `NotInWorkflow` with the alternative."""
    error = guests.error(main(statement))
    assert error["type"] == "NotInWorkflow", error["traceback"]
    assert words in error["message"]


def test_what_cannot_be_done_can_be_caught(guests: Guests) -> None:
    """`NotInWorkflow` is an `OSError`, so code that can do without a file goes on."""
    body = "import os, sqlite3\n" + main(
        "try: open('settings.ini')",
        "except OSError as error: first = type(error).__name__",
        "database = sqlite3.connect(':memory:')",
        "return first, os.path.exists('/etc/passwd'), database.execute('select 1').fetchone()",
    )
    assert guests.ok(body) == ("NotInWorkflow", False, (1,))
