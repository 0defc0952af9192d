"""What can be asked about the path of an execution."""

from __future__ import annotations

from typing import Final

from flawless import api
from flawless.client.call import Call, get, path_of, present

REPLAY_S: Final = 50.0
"""What a server may take: a replay, and others before it."""


def path(
    id: str,  # noqa: A002 (the word of the API)
    *,
    lines: bool = False,
    first: int = 0,
    limit: int = api.PATH_POINTS,
) -> Call[api.ExecutionPath]:
    """Return the path that an execution took until now, as a replay shows it.

    `points` are those with the numbers from `first` on, `limit` at most; the path's `next` is the
    `first` of the page behind. With `lines` it tells how often each line was executed. Nothing is
    done or recorded. The token needs the role `read`.
    """
    query = (("lines", "true" if lines else "false"), ("from", first), ("limit", limit))
    return get(path_of(id, "/path"), api.ExecutionPath, *query, wait_s=REPLAY_S)


def path_lines(
    id: str,  # noqa: A002 (the word of the API)
    *,
    first: int = 0,
    limit: int = api.PATH_LINES,
) -> Call[api.PathLines]:
    """Return the lines that an execution has run, in order, `first` (from 0) and further ones."""
    query = (("from", first), ("limit", limit))
    return get(path_of(id, "/path/lines"), api.PathLines, *query, wait_s=REPLAY_S)


def point(
    id: str,  # noqa: A002 (the word of the API)
    number: int | None = None,
    *,
    line: int | None = None,
    raised: bool = False,
    depth: int = 1,
    changes: bool = True,
) -> Call[api.PathPlace]:
    """Return stack and variables at a point of an execution's path, or before an executed `line`.

    With `raised` it is where the error was raised that ended the workflow. Without a place it is
    the last one there is. `changes` tells what is different from the point, or line, before.
    """
    query = present(
        point=number,
        line=line,
        raised="true" if raised else None,
        depth=depth,
        changes="true" if changes else "false",
    )
    return get(path_of(id, "/path/variables"), api.PathPlace, *query.items(), wait_s=REPLAY_S)
