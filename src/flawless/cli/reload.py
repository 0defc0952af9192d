"""`up --reload`: a parent that watches the user's files, and a child that runs the engine.

The child is the same command again. It inherits one end of a socket: over it, it tells which files
its modules came from, and when the parent is gone the socket ends and the child stops in order. The
parent looks at the files every 0.3 seconds. When one has changed it asks the child to stop, waits
until effects under way have ended, and starts the next child; executions go on there, on the code
they began with.

Rust crates are built by the parent, and the child is given their components. So while the compiler
is at work, and when it finds an error, the child serves what there was before.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final

from flawless.cli import output
from flawless.cli.crates import Crates
from flawless.errors import DeploymentInvalid, FlawlessError, ToolchainError

LOOK_S: Final = 0.3
SETTLE_S: Final = 0.1
STOP_S_MAX: Final = 20.0
"""After this long a child that was asked to stop is killed, which loses nothing."""
REPORT_BYTES_MAX: Final = 1 << 20

_VARIABLE: Final = "FLAWLESS_RELOAD_SOCKET"


# --- the child's side -----------------------------------------------------------------------------


class Parent:
    """The supervising process, as its child sees it."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)

    def report(self, error: FlawlessError | None) -> None:
        """Tell which files to watch, and whether a change to them could mend `error`."""
        files = _loaded_files() | (_blamed_files(error) if error is not None else set())
        mendable = error is None or isinstance(error, DeploymentInvalid)
        message = {"files": sorted(files), "ready": error is None, "mendable": mendable}
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def gone(self) -> asyncio.Event:
        """Return an event of the running loop that is set when the parent has ended."""
        event = asyncio.Event()
        loop = asyncio.get_running_loop()

        def on_readable() -> None:
            loop.remove_reader(self._socket)
            event.set()

        loop.add_reader(self._socket, on_readable)
        return event


def parent() -> Parent | None:
    """Return the supervising process if this one is its child."""
    descriptor = os.environ.pop(_VARIABLE, None)
    return None if descriptor is None else Parent(int(descriptor))


def _loaded_files() -> set[str]:
    found = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return {file for file in found if file is not None and _is_user_file(file)}


def _blamed_files(error: BaseException) -> set[str]:
    """Return the user's files that an error came through, the one with a syntax error too."""
    found: set[str] = set()
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, SyntaxError) and cause.filename is not None:
            found.add(cause.filename)
        frames: TracebackType | None = cause.__traceback__
        while frames is not None:
            found.add(frames.tb_frame.f_code.co_filename)
            frames = frames.tb_next
        cause = cause.__cause__ or cause.__context__
    return {file for file in found if _is_user_file(file)}


def _is_user_file(file: str) -> bool:
    path = Path(file)
    if path.suffix != ".py" or "site-packages" in path.parts or "dist-packages" in path.parts:
        return False
    foreign = [Path(sysconfig.get_path("stdlib")), Path(__file__).resolve().parent.parent]
    return path.is_absolute() and not any(path.is_relative_to(folder) for folder in foreign)


# --- the parent's side ----------------------------------------------------------------------------


def supervise(arguments: list[str], crates: Crates) -> int:
    """Run `flawless up` with `arguments` again and again; return the status to exit with."""
    supervisor = _Supervisor(arguments, crates)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, supervisor.on_signal)
    return supervisor.run()


class _Stopped(Exception):
    """A signal came while something was built."""


class _Supervisor:
    def __init__(self, arguments: list[str], crates: Crates) -> None:
        self._command = [sys.executable, "-m", "flawless.cli", "up", *arguments]
        self._crates = crates
        self._files = crates.others
        self._stopping = threading.Event()
        self._building = False

    def on_signal(self, number: int, _: FrameType | None) -> None:
        """Stop; a second signal does so at once."""
        if self._stopping.is_set():
            os._exit(128 + number)
        self._stopping.set()
        if self._building:
            self._building = False
            raise _Stopped

    def run(self) -> int:
        """Run one child after the other until a signal comes or nothing can be mended."""
        while True:
            # Compiled code is matched to its source by whole seconds; edits come quicker.
            before = self._look(with_neighbours=True)
            if not self._build():
                if not self._await_change(before):
                    return 0
                continue
            child = _Child([*self._command, *self._crates.modules])
            status = self._watch(child, before)
            if self._stopping.is_set():
                child.stop()
                return 0
            if status is not None:
                return status
            child.stop()

    def _watch(self, child: _Child, before: dict[str, int]) -> int | None:
        """Return None when a file has changed, or the status of a child that ended for good."""
        seen: dict[str, int] | None = None
        told = False
        while not self._stopping.wait(LOOK_S):
            for report in child.reports():
                self._files |= {Path(file) for file in report["files"]}
                # From here on the files that are known now; a change since the start counts.
                seen = None
                if not report["mendable"]:
                    return child.wait()
            if child.ended and not told:
                told = True
                if child.wait() == 0:
                    return 0
                output.note("waiting for a change to try again", style="yellow")
            now = self._look(with_neighbours=child.ended)
            if seen is None:
                known = {name: before.get(name, stamp) for name, stamp in now.items()}
                seen = known
            changed = sorted(
                {name for name in now.keys() | seen.keys() if now.get(name) != seen.get(name)}
            )
            if changed and self._make_ready(changed):
                return None
            if changed:
                seen = now
        return None

    def _make_ready(self, changed: list[str]) -> bool:
        """Do what has to be done before a child can serve what changed; tell whether it can."""
        self._settle()
        names = ", ".join(Path(name).name for name in changed[:3])
        if not self._crates.files.isdisjoint(map(Path, changed)):
            output.note(f"{names} changed: building anew", style="yellow")
            if not self._build(waiting="the code from before goes on; "):
                return False
        output.note(f"{names} changed: starting anew", style="yellow")
        return True

    def _build(self, *, waiting: str = "") -> bool:
        """Build the crates; False, and people told why, when a change could mend what is wrong."""
        # Without a toolchain there is nothing to wait for, unless something serves already.
        mendable = (DeploymentInvalid, ToolchainError) if waiting else DeploymentInvalid
        try:
            self._building = True
            if self._stopping.is_set():
                return False
            self._crates.build()
        except _Stopped:
            return False
        except mendable as error:
            if not self._stopping.is_set():
                output.show_error(error)
                output.note(f"{waiting}waiting for a change to try again", style="yellow")
            return False
        finally:
            self._building = False
        return True

    def _await_change(self, before: dict[str, int]) -> bool:
        """Wait until a file is another than before; False when all is to stop."""
        now = self._look(with_neighbours=True)
        seen = {name: before.get(name, stamp) for name, stamp in now.items()}
        while not self._stopping.wait(LOOK_S):
            if self._look(with_neighbours=True) != seen:
                self._settle()
                return True
        return False

    def _settle(self) -> None:
        """Wait until an editor or a checkout has written all it writes."""
        now = self._look(with_neighbours=False)
        while not self._stopping.wait(SETTLE_S):
            later = self._look(with_neighbours=False)
            if later == now:
                return
            now = later

    def _look(self, *, with_neighbours: bool) -> dict[str, int]:
        """Return the files and when each changed. A new neighbour may be what an import misses."""
        paths = self._files | self._crates.files
        if with_neighbours:
            for folder in {path.parent for path in self._files}:
                paths |= set(folder.glob("*.py"))
        stamps: dict[str, int] = {}
        for path in paths:
            try:
                stamps[str(path)] = path.stat().st_mtime_ns
            except OSError:
                stamps[str(path)] = -1
        return stamps


class _Child:
    """A running `flawless up`, in a process group of its own: Ctrl-C reaches only the parent."""

    def __init__(self, command: list[str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            environment = {
                **os.environ,
                _VARIABLE: str(theirs.fileno()),
                "PYTHONDONTWRITEBYTECODE": "1",
            }
            self._process = subprocess.Popen(  # noqa: S603 (our own command, from our own arguments)
                command, env=environment, pass_fds=[theirs.fileno()], process_group=0
            )
        self._socket.setblocking(False)
        self._received = b""

    @property
    def ended(self) -> bool:
        """Whether the process is over."""
        return self._process.poll() is not None

    def wait(self) -> int:
        """Wait for its end and return its status."""
        status = self._process.wait()
        return status if status >= 0 else 128 - status

    def reports(self) -> list[dict[str, Any]]:
        """Return what it told since the last time."""
        try:
            while received := self._socket.recv(REPORT_BYTES_MAX):
                self._received += received
        except OSError:
            pass  # nothing more now
        *lines, self._received = self._received.split(b"\n")
        return [json.loads(line) for line in lines]

    def stop(self) -> None:
        """Stop it in order, or by force if that takes too long."""
        if not self.ended:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._socket.close()
