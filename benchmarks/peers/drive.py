"""One block on one engine, in the environment of that engine; the figures go to a file.

The program ends by force: an engine whose threads still sleep cannot hold it up.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.peers.blocks import BLOCKS
from benchmarks.peers.engines.names import make
from benchmarks.peers.probes import Witness
from benchmarks.peers.sizes import Sizes


def main() -> None:
    """Read what to do from the one argument, do it, and leave."""
    task: dict[str, Any] = json.loads(sys.argv[1])
    out = Path(task["out"])
    peer = make(task["engine"], Path(task["folder"]))
    status = 0
    with out.open("w") as file:

        def put(**line: Any) -> None:
            file.write(json.dumps(line) + "\n")
            file.flush()

        try:
            if task["block"] == "about":
                peer.open()
                peer.latencies("noop", 1)
                peer.close()
                put(versions=peer.versions(), settings=peer.settings())
            else:
                with Witness(os.getppid()) as witness:
                    for figure in BLOCKS[task["block"]](peer, Sizes(**task["sizes"])):
                        put(**asdict(figure))
                put(foreign_percent=witness.foreign_percent)
        except Exception as error:
            traceback.print_exc()
            put(error=f"{type(error).__name__}: {error}"[:500])
            status = 1
        finally:
            peer.kill()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
