"""Replays every execution of a store on what might be another machine; nothing else is known.

    python other_machine.py STORE

Prints, as JSON, the questions of each guest in hexadecimal.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import stored
from flawless.engine.replay import replay
from flawless.wasm import Component


def main(path: Path) -> None:
    """Replay and print."""
    told = {}
    components: dict[str, Component] = {}
    for one in stored.read(path):
        sha256 = one.deployment.manifest.component
        if sha256 not in components:
            components[sha256] = Component.load(stored.component(path, sha256))
        replayed = replay(one.record.id, one.entries, one.deployment, components[sha256])
        assert replayed.end == one.entries[-1]
        told[one.record.id] = [question.hex() for question in replayed.questions]
    here = {"zone": time.tzname[0], "folder": str(Path.cwd()), "process": os.getpid()}
    print(json.dumps({"here": here, "questions": told}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
