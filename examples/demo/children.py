"""The two child processes of the demo, and what they tell, in one queue."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

HERE = Path(__file__).resolve().parent
SILENCE_S_MAX = 180.0
"""A child that tells nothing for so long is taken for dead."""

Event: TypeAlias = dict[str, Any]


class Child:
    """A Python program that tells events on its standard output."""

    def __init__(self, name: str, program: str, *arguments: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / program), *arguments], stdout=subprocess.PIPE, text=True
        )

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self.process.pid

    def kill(self) -> None:
        """Send SIGKILL, which no process can catch, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()


class Crew:
    """All children. `tell` gets every event, in the order in which they come."""

    def __init__(self, tell: Callable[[str, Event], None]) -> None:
        self._tell = tell
        self._events: queue.SimpleQueue[tuple[Child, Event | None]] = queue.SimpleQueue()
        self._children: list[Child] = []

    def start(self, name: str, program: str, *arguments: str) -> Child:
        """Start a child and listen to it."""
        child = Child(name, program, *arguments)
        self._children.append(child)
        threading.Thread(target=self._listen, args=(child,), daemon=True).start()
        return child

    def wait_for(self, child: Child, happened: Callable[[Event], bool]) -> Event:
        """Return the first event of `child` that is the one; raises `SystemExit` if it dies."""
        while True:
            try:
                source, event = self._events.get(timeout=SILENCE_S_MAX)
            except queue.Empty:
                raise SystemExit(f"nothing happened for {SILENCE_S_MAX:g} s: giving up") from None
            if event is None:
                if source is child:
                    raise SystemExit(f"{source.name} ended by itself: see its message above")
                continue
            self._tell(source.name, event)
            if source is child and happened(event):
                return event

    def pause(self, seconds: float) -> None:
        """Let time pass, so that a person can follow; events that come meanwhile are told."""
        ends_at = time.monotonic() + seconds
        while (left := ends_at - time.monotonic()) > 0:
            try:
                source, event = self._events.get(timeout=left)
            except queue.Empty:
                return
            if event is not None:
                self._tell(source.name, event)

    def close(self) -> None:
        """End whoever is left."""
        for child in self._children:
            if child.process.poll() is None:
                child.kill()

    def _listen(self, child: Child) -> None:
        assert child.process.stdout is not None
        try:
            for line in child.process.stdout:
                self._events.put((child, json.loads(line)))
        finally:
            self._events.put((child, None))
