"""Client commands, and the waiting between them."""

from __future__ import annotations

import json
from typing import Any

from serving import Done, run_here


def flawless(url: str, *arguments: str, stdin: str = "") -> Done:
    """Run a client command against a server."""
    return run_here(*arguments, stdin=stdin, FLAWLESS_URL=url)


def ok(url: str, *arguments: str, stdin: str = "") -> Done:
    """Run a client command that must succeed."""
    done = flawless(url, *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done


def read(url: str, *arguments: str) -> Any:
    """Run a client command with `--json`, which must succeed, and return what it prints."""
    return json.loads(ok(url, *arguments, "--json").stdout)


def await_kind(url: str, execution: str, kind: str, count: int = 1) -> None:
    """Wait until the durable journal has so many entries of this kind."""
    while True:
        journal = read(url, "show", execution)["journal"]
        if sum(entry["kind"] == kind for entry in journal) >= count:
            return
        flawless(url, "result", execution, "--timeout=50ms")
