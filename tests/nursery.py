"""Python programs in processes of their own, forked from one that has imported what they need.

`grow(["-m", "flawless.cli", "up"])` is like `subprocess.Popen([sys.executable, "-m", ...])`, and
the process is as real, but importing Flawless and its server takes longer than most tests do. The
nursery has no threads; what is inherited from it is modules, and that the runtime in the cache
folder is sound.
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

LOADED = [
    "flawless.cli.main", "flawless.cli.data", "flawless.cli.serve", "flawless.server.app",
    "flawless.timetravel.studies.observatory", "uvicorn.main", "uvicorn.protocols.http.h11_impl",
    "uvicorn.lifespan.off", "starlette.websockets", "zoneinfo",
]  # fmt: skip
"""What is imported before; what is not there is left out."""

_JOB_BYTES_MAX = 1 << 20


class Grown:
    """Such a process: the part of `subprocess.Popen` that tests need."""

    def __init__(self, pid: int, status: int, stdin: Any, stdout: Any) -> None:
        self.pid = pid
        self.stdin: Any = stdin
        self.stdout: Any = stdout
        self.returncode: int | None = None
        self._status: IO[bytes] = os.fdopen(status, "rb")

    def poll(self) -> int | None:
        """Return the exit status if it has ended, else None."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status when it has ended."""
        status = self._ended(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """Wait for its end, and close the pipes to it."""
        for stream in (self.stdin, self.stdout):
            if stream is not None:
                stream.close()
        self.wait()

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._status.read() or b"-9")
            self._status.close()
        return self.returncode


def grow(
    arguments: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bool = False,
    quiet: bool = False,
) -> Grown:
    """Start `python *arguments`, `-m MODULE ...` or `FILE ...`; its output is `stdout`, a pipe.

    `stdin` gives it a pipe to read, too, and both are of text then. What it says on standard error
    goes to the pipe as well if it is `quiet`, else to ours.
    """
    job = {
        "arguments": [*arguments],
        "cwd": str(cwd or Path.cwd()),
        "environment": dict(os.environ if env is None else env),
    }
    status, told = os.pipe()
    output, printed = os.pipe()
    read, write = os.pipe() if stdin else (os.open(os.devnull, os.O_RDONLY), -1)
    pid = _begin(job, [read, printed, printed if quiet else 2, told])
    for one in (read, printed, told):
        os.close(one)
    if stdin:
        return Grown(pid, status, os.fdopen(write, "w"), os.fdopen(output))
    return Grown(pid, status, None, os.fdopen(output, "rb"))


def adopt(job: dict[str, Any], streams: Sequence[int]) -> Grown:
    """Start a program that somebody else asks for, with their standard streams."""
    status, told = os.pipe()
    pid = _begin(job, [*streams, told])
    os.close(told)
    return Grown(pid, status, None, None)


_one_at_a_time = threading.Lock()


def _begin(job: dict[str, Any], passed: Sequence[int]) -> int:
    """Let the nursery fork; return the process."""
    with _one_at_a_time:
        nursery = _nursery()
        socket.send_fds(nursery, [json.dumps(job).encode()], passed)
        return int(nursery.recv(64))


@cache
def _nursery() -> socket.socket:
    """Start the nursery of this process; it ends when the socket to it is closed."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for one in (ours, its):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _JOB_BYTES_MAX)
    with its:
        process = subprocess.Popen(
            [sys.executable, __file__, str(its.fileno())],
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            env={k: v for k, v in os.environ.items() if not k.startswith("PYTEST")},
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


# --- inside of the nursery ------------------------------------------------------------------------


def _check_runtime() -> None:
    """Check the files that every engine uses: it takes each process 0.2 s, unless it was done."""
    from flawless.wasm import python_runtime
    from flawless.wasm.cache import CacheFolder
    from flawless.wasm.runtime import settings_key

    sha256 = hashlib.sha256(python_runtime.build()).hexdigest()
    CacheFolder().get("code", f"{sha256}-{settings_key()}")


def _serve(ours: socket.socket) -> dict[str, Any] | None:
    """Fork a process for each job, and tell how those ended. Returns the job in the process."""
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    told: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([ours, awake], [], [])
        if awake in ready:
            os.read(awake, 512)
            _tell(told)
        if ours in ready:
            data, passed, _, _ = socket.recv_fds(ours, _JOB_BYTES_MAX, 4)
            if not data:
                return None
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, one in enumerate(passed[:3]):
                    os.dup2(one, number)
                for one in (*passed, *told.values(), awake, wake):
                    os.close(one)
                ours.close()
                found: dict[str, Any] = json.loads(data)
                return found
            for one in passed[:3]:
                os.close(one)
            told[pid] = passed[3]
            ours.send(str(pid).encode())


def _tell(told: dict[int, int]) -> None:
    for pid in list(told):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            status_pipe = told.pop(pid)
            os.write(status_pipe, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(status_pipe)


def _carry_out(job: dict[str, Any]) -> None:
    """Be the program, as `python *arguments` would be."""
    os.environ.clear()
    os.environ.update(job["environment"])
    os.chdir(job["cwd"])
    sys.stdin = os.fdopen(0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = TextIOWrapper(os.fdopen(number, "wb", buffering=0), write_through=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    more = job["environment"].get("PYTHONPATH", "")
    sys.path[1:1] = [place for place in more.split(os.pathsep) if place]
    match job["arguments"]:
        case ["-c", code]:
            sys.path[0] = ""
            sys.argv = ["-c"]
            exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
        case ["-m", module, *arguments]:
            sys.path[0] = job["cwd"]
            sys.argv = [module, *arguments]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case [path, *arguments]:
            sys.path[0] = str(Path(path).parent)
            sys.argv = [path, *arguments]
            runpy.run_path(path, run_name="__main__")


if __name__ == "__main__":
    for name in LOADED:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    _check_runtime()
    gc.freeze()
    job = _serve(socket.socket(fileno=int(sys.argv[1])))
    if job is not None:
        _carry_out(job)
