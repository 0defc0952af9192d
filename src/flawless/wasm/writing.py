"""Files that are put in place when their content is durable."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def put_in_place(path: Path, content: bytes | bytearray, *, partial: str) -> None:
    """Write a file, for its owner only, in place of what is there. Raises `OSError`.

    Until it is whole its name begins with `partial`. Durability: the content is durable, the name
    when the folder is.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=partial, dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 (a descriptor)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
