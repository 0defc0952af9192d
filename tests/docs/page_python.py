"""The reader's Python; terminal.py says how it is spoken to. Names live on from block to block."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import ModuleType


def main(report: str) -> None:
    """Execute the code named by each line of standard input, as part of one `__main__`."""
    page = ModuleType("__main__")
    sys.modules["__main__"] = page
    sys.path[0] = ""
    for line in sys.stdin:
        file, where = line.split()
        status = 0
        try:
            exec(compile(Path(file).read_text(), where, "exec"), page.__dict__)
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        Path(report).write_text(f"{status}\n")


if __name__ == "__main__":
    main(sys.argv[1])
