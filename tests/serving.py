"""Real servers for tests: `flawless up` in a process of its own, spoken to over HTTP."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO, TextIOWrapper
from pathlib import Path
from time import monotonic
from types import TracebackType
from unittest.mock import patch

import httpx

from flawless.cli.main import main
from nursery import grow

Done = subprocess.CompletedProcess[str]
HERE = Path(__file__).resolve().parent
SHOP = HERE / "server" / "shop.py"
DESK = HERE / "server" / "desk.py"
FLAWLESS = [sys.executable, "-m", "flawless.cli"]
READY_S_MAX = 240.0
"""The first server of all may build the Python runtime."""
END_S_MAX = 30.0


def environment(**changes: str) -> dict[str, str]:
    """Return the environment without the caller's Flawless settings, but with its cache."""
    kept = {k: v for k, v in os.environ.items() if k not in ("FLAWLESS_URL", "FLAWLESS_TOKEN")}
    return kept | {"PYTHONUNBUFFERED": "1"} | changes


def run(
    *arguments: str | Path, folder: Path | None = None, stdin: str = "", **changes: str
) -> subprocess.CompletedProcess[str]:
    """Run a `flawless` command to its end."""
    return subprocess.run(
        [*FLAWLESS, *map(str, arguments)],
        cwd=folder,
        env=environment(**changes),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=READY_S_MAX,
    )


def run_here(*arguments: str | Path, stdin: str = "", **changes: str) -> Done:
    """Run a `flawless` command in this process: all of it but the start of an interpreter."""
    out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
    status: object = 0
    with (
        patch.dict(os.environ, environment(**changes), clear=True),
        patch.object(sys, "argv", ["flawless", *map(str, arguments)]),
        patch.object(sys, "stdin", TextIOWrapper(BytesIO(stdin.encode()), "utf-8")),
        patch.object(sys, "stdout", out),
        patch.object(sys, "stderr", err),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
    for stream in (out, err):
        stream.flush()
        stream.seek(0)
    return Done(arguments, status if isinstance(status, int) else 0, out.read(), err.read())


class Serving:
    """A running `flawless up`; ends with its `with` block."""

    def __init__(
        self,
        *arguments: str | Path,
        folder: Path | None = None,
        changes: Mapping[str, str] | None = None,
    ) -> None:
        self.printed = ""
        self.process = grow(
            [*FLAWLESS[1:], "up", *map(str, arguments)],
            cwd=folder,
            env=environment(**(changes or {})),
            quiet=True,
        )

    def __enter__(self) -> Serving:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def await_output(self, pattern: str) -> re.Match[str]:
        """Wait until what it printed since the last match matches."""
        assert self.process.stdout is not None
        deadline = monotonic() + READY_S_MAX
        while True:
            found = re.search(pattern, self.printed, re.DOTALL)
            if found:
                self.printed = self.printed[found.end() :]
                return found
            left_s = max(0.0, deadline - monotonic())
            readable, _, _ = select.select([self.process.stdout], [], [], left_s)
            piece = os.read(self.process.stdout.fileno(), 65_536) if readable else b""
            assert piece, f"never printed {pattern!r}:\n{self.printed}"
            self.printed += piece.decode()

    def await_end(self) -> str:
        """Wait until all its processes have ended; return what they printed meanwhile."""
        assert self.process.stdout is not None
        return self.printed + self.process.stdout.read().decode()

    def await_url(self) -> str:
        """Wait until it is ready; return its address."""
        found = self.await_output(r"\nat +(http://\S+)\ndata [^\n]*\n")
        return found[1]

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it in order and return its exit status."""
        self.process.terminate()
        return self.process.wait(END_S_MAX)


@contextmanager
def serving(
    data: Path,
    modules: Sequence[str | Path] = (SHOP,),
    *options: str,
    changes: Mapping[str, str] | None = None,
) -> Iterator[tuple[Serving, httpx.Client]]:
    """Serve modules on a free port with data in `data`; give the process and a client for it."""
    with Serving(*modules, f"--data={data}", "--port=0", *options, changes=changes) as server:
        url = server.await_url()
        with httpx.Client(base_url=f"{url}/api/v1", timeout=90, trust_env=False) as client:
            yield server, client


def await_begun(client: httpx.Client, execution: str, steps: int = 1) -> None:
    """Wait until the journal says that so many steps were begun: they may have happened then."""
    while True:
        entries = client.get(f"/executions/{execution}/journal").json()["entries"]
        if sum(entry["kind"] in ("entered", "started") for entry in entries) >= steps:
            return


@contextmanager
def serving_parked(
    folder: Path, pipes: Mapping[str, Sequence[str]]
) -> Iterator[tuple[Serving, httpx.Client]]:
    """Serve `desk.py` with executions whose transfers a crash has interrupted: all are parked.

    `pipes` are the names of the pipes, by the id of the execution that reads them.
    """
    data = folder / "data"
    with serving(data, [DESK]) as (server, client):
        for execution, names in pipes.items():
            paths = [folder / name for name in names]
            for path in paths:
                os.mkfifo(path)
            body = {"workflow": "desk.pay", "input": [str(p) for p in paths], "id": execution}
            assert client.post("/executions", json=body).status_code == 201
        for execution, names in pipes.items():
            await_begun(client, execution, len(names))
        server.kill()
    with serving(data, [DESK]) as (server, client):
        for execution in pipes:
            while client.get(f"/executions/{execution}").json()["status"] != "parked":
                client.get(f"/executions/{execution}/result", params={"wait": 0.05})
        yield server, client
