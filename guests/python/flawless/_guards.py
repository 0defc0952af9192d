"""What a workflow cannot do, and what to do instead.

Files, sockets, threads and processes do not exist in a guest. Python's own errors for that are
puzzling ("No such file or directory"), so the usual ways to them raise `NotInWorkflow` with the
alternative.
"""

from __future__ import annotations

import _thread
import builtins
import concurrent.futures
import io
import multiprocessing.context
import multiprocessing.process
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, NoReturn

from flawless._timers import time_sleep
from flawless.refusals import NotInWorkflow

_FILES = "do it in a @step"
_NETWORK = "use flawless.http, or do it in a @step"
_PROCESSES = "do it in a @step"
_THREADS = "use .start(...) and futures for work in parallel, or do it in a @step"


def _refusal(name: str, what: str, instead: str) -> Any:
    def refuse(*args: Any, **_: Any) -> NoReturn:
        shown = f" ({args[0]!r})" if args and isinstance(args[0], str | os.PathLike) else ""
        raise NotInWorkflow(f"a workflow cannot {what}{shown}: {instead}")

    refuse.__name__ = refuse.__qualname__ = name
    return refuse


def _guard(place: Any, names: str, what: str, instead: str) -> None:
    for name in names.split():
        setattr(place, name, _refusal(name, what, instead))


class _NoFile(io.RawIOBase):
    """Stands for `io.FileIO`, so that `isinstance` goes on working."""

    def __init__(self, file: Any, *_: Any, **__: Any) -> None:
        raise NotInWorkflow(f"a workflow cannot open files ({file!r}): {_FILES}")


def _connect_sqlite(original: Any) -> Any:
    def connect(database: Any, *args: Any, **kwargs: Any) -> Any:
        if database != ":memory:":
            raise NotInWorkflow(
                f"a workflow cannot open a database file ({database!r}): do it in a @step"
            )
        return original(database, *args, **kwargs)

    return connect


def install() -> None:
    """Put all guards in place."""
    for place in (builtins, io):
        place.open = _refusal("open", "open files", _FILES)  # type: ignore[attr-defined]  # replaced on purpose
    io.open_code = builtins.open  # type: ignore[assignment]  # replaced on purpose
    io.FileIO = _NoFile  # type: ignore[misc,assignment]  # replaced on purpose
    _guard(
        os,
        "open listdir scandir mkdir makedirs rmdir removedirs remove unlink rename renames replace "
        "symlink link truncate chdir walk fwalk mkfifo chmod chown utime",
        "use the file system",
        _FILES,
    )
    _guard(
        os,
        "system popen fork forkpty execv execve execvp execvpe execl execle execlp execlpe spawnv "
        "spawnve spawnl spawnle posix_spawn posix_spawnp startfile kill abort _exit",
        "run processes",
        _PROCESSES,
    )
    _guard(
        shutil, "rmtree copy copy2 copyfile copytree move disk_usage", "use the file system", _FILES
    )
    _guard(subprocess.Popen, "__init__", "run processes", _PROCESSES)
    subprocess.Popen.__del__ = lambda self: None  # type: ignore[method-assign]  # there is nothing to clean up
    _guard(multiprocessing.process.BaseProcess, "__init__", "run processes", _PROCESSES)
    context = multiprocessing.context.BaseContext
    names = [name for name in vars(context) if name[0].isupper()]
    _guard(context, " ".join(names), "run processes", _PROCESSES)
    for name in names:
        if hasattr(multiprocessing, name) and not isinstance(getattr(multiprocessing, name), type):
            setattr(multiprocessing, name, _refusal(name, "run processes", _PROCESSES))
    _guard(concurrent.futures, "ProcessPoolExecutor", "run processes", _PROCESSES)
    _guard(concurrent.futures, "ThreadPoolExecutor", "start threads", _THREADS)
    _guard(threading.Thread, "start", "start threads", _THREADS)
    _guard(_thread, "start_new_thread start_joinable_thread", "start threads", _THREADS)
    _guard(socket.socket, "__init__ __del__", "open network connections", _NETWORK)
    del socket.socket.__del__  # type: ignore[attr-defined]  # only `__init__` is meant
    _guard(
        socket,
        "create_connection create_server socketpair fromfd getaddrinfo gethostbyname "
        "gethostbyname_ex gethostbyaddr getnameinfo",
        "open network connections",
        _NETWORK,
    )
    sqlite3.connect = _connect_sqlite(sqlite3.connect)
    _guard(
        tempfile,
        "mkstemp mkdtemp mktemp gettempdir gettempdirb TemporaryFile NamedTemporaryFile "
        "SpooledTemporaryFile TemporaryDirectory",
        "use temporary files",
        _FILES,
    )
    _guard(builtins, "input", "read from a terminal", "pass values as arguments")
    _guard(sys, "breakpointhook", "stop in a debugger", "run the function natively for that")
    time.sleep = time_sleep  # type: ignore[assignment]  # replaced on purpose
