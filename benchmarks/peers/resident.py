"""An embedded engine in a process of its own, to be killed: `python -m ... NAME FOLDER`.

Commands come by standard input, one a line; each answer begins with `> `.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from benchmarks.peers.engines.names import make
from benchmarks.peers.peer import inputs


def main() -> None:
    """Open the engine, and do what is asked for until the end comes."""
    name, folder = sys.argv[1:]
    peer = make(name, Path(folder))
    peer.open()
    for line in sys.stdin:
        match line.split():
            case ["noop"]:
                peer.latencies("noop", 1)
                answer = 1
            case ["begin", workflow, count, value, at_once, limit_s]:
                answer = peer.begin_all(
                    workflow,
                    (inputs(workflow, n, float(value)) for n in range(int(count))),
                    int(at_once),
                    time.monotonic() + float(limit_s),
                )
            case _:
                sys.exit(f"not a command: {line}")
        print(f"> {answer}", flush=True)


if __name__ == "__main__":
    main()
