"""The end of a run that is the beginning of the next one.

Standard library only: the same file serves host and guest.
"""

from __future__ import annotations

from typing import Any


class ContinueAsNew(BaseException):
    """Ends this run of the workflow; the next one begins with these arguments.

    `continue_as_new` raises it. It is no `Exception`, so that a handler of errors lets it pass.
    """

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(*args)
        self.kwargs = kwargs
        self.call: dict[str, Any] | None = None
        """The arguments, encoded when they were given; only inside a guest."""

    def __str__(self) -> str:
        shown = [repr(value) for value in self.args]
        shown += [f"{name}={value!r}" for name, value in self.kwargs.items()]
        return f"the workflow continues as new with ({', '.join(shown)})"
