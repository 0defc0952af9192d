"""Applications with an engine inside, served by uvicorn in a process of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from serving import HERE, Serving, environment


class Hosting(Serving):
    """A running uvicorn; ends with its `with` block."""

    def __init__(self, app: str, store: Path, port: int = 0) -> None:
        self.printed = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", app, f"--port={port}"],
            cwd=HERE / "server",
            env=environment(STORE=str(store), PYTHONWARNINGS="error::RuntimeWarning"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def await_url(self) -> str:
        """Wait until it is ready; return its address."""
        return self.await_output(r"running on (http://\S+) ")[1]

    def await_stop(self) -> str:
        """Ask it to end in order; return what it printed."""
        self.process.terminate()
        printed = self.await_end()
        self.process.wait()
        return printed


@contextmanager
def hosting(app: str, store: Path, port: int = 0) -> Iterator[tuple[Hosting, str]]:
    """Serve an application; give the process and its address."""
    with Hosting(app, store, port) as server:
        yield server, server.await_url()


def port_of(url: str) -> int:
    """Return the port of an address."""
    found = re.search(r":(\d+)", url.partition("//")[2])
    assert found is not None
    return int(found[1])
