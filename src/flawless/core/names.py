"""What a fork calls itself, and what it is called.

The requests that a fork shares with its origin hold the origin's name: children are called
`NAME.1`, and the workflow may have handed its own id on. On replay they must be the same bytes, so
the guest of a fork goes on calling itself by that name for as long as the run lasts. What it asks
for beyond the shared entries is the fork's own, though, and so is whoever it means by such a name:
here names are translated, on the way from the guest to the world.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from flawless.core.entries import Invoked
from flawless.core.protocol import CancelRequest, ExecuteRequest, Request, SendRequest
from flawless.ids import latest_run

Translate: TypeAlias = Callable[[Request], Request]
"""Returns a request with the names in it as the world has them."""


def known_as(execution: str, first: Invoked) -> tuple[str, int]:
    """Return what the guest of an execution, or of an earlier run (`ID~1`), is told of itself.

    That is its name and the number of its run; `first` is entry 0 of its journal.
    """
    origin = first.origin
    if origin is None:
        return latest_run(execution), first.run
    return origin.name, origin.known_run


def translator(execution: str, first: Invoked) -> Translate:
    """Return what translates the requests of an execution; its own names are those of a fork."""
    if first.origin is None:
        return _unchanged
    inside, run = known_as(execution, first)
    outside = latest_run(execution)
    # Names of children in later runs are NAME.r2.1; later runs of the fork make such names too.
    numbered = "" if run == 1 else f"{inside}.r{run}."

    def translated(name: str) -> str:
        if name == inside:
            return outside
        if numbered and name.startswith(numbered):
            return f"{outside}.r1.{name[len(numbered) :]}"
        if name.startswith(f"{inside}."):
            return outside + name[len(inside) :]
        return name

    def translate(request: Request) -> Request:
        match request:
            case ExecuteRequest():
                return msgspec.structs.replace(request, child=translated(request.child))
            case SendRequest():
                return msgspec.structs.replace(request, to=translated(request.to))
            case CancelRequest():
                return msgspec.structs.replace(request, execution=translated(request.execution))
            case _:
                return request

    return translate


def _unchanged(request: Request) -> Request:
    return request
