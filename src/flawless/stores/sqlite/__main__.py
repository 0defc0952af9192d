"""Accept a store file that another program has written to.

    python -m flawless.stores.sqlite FILE

Two cases need it. After a crash, commits stand in the log beside the file; if an SQLite shell opens
the file before the next engine does, it moves them into the file and deletes the log. And a copy of
an open store made by SQLite's own means (`.backup`, `VACUUM INTO`) is complete, but has no log
either. Neither can be told from a file whose log was lost, so neither is opened. This command
checks the structure of the file, writes it anew with a checksum on each page, and marks it whole.
"""

from __future__ import annotations

import sys
from pathlib import Path

import apsw

from flawless.errors import FlawlessError
from flawless.stores.sqlite.errors import store_error
from flawless.stores.sqlite.file import accept_without_log
from flawless.stores.sqlite.lock import FileLock


def main(arguments: list[str]) -> int:
    """Run the command; return the exit status."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write((__doc__ or "") + "\n")
        return 2
    path = Path(arguments[0]).absolute()
    lock = FileLock(path.with_name(path.name + ".lock"))
    try:
        lock.acquire()
        accept_without_log(path)
    except FlawlessError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (apsw.Error, OSError) as error:
        sys.stderr.write(f"{store_error('do without its log', error, path)}\n")
        return 1
    finally:
        lock.release()
    sys.stdout.write(f"{path} is whole; it can be opened again.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
