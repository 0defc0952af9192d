"""Where a guest stands that has no tracer: it is asked, and answers with a file and a line.

Any response of the host may be `{"where": true}`. The guest's next request is then `where`, with
the frames of the user's code, and the response to that is what it had asked for before. So a replay
learns of each effect where it was asked for, and the guest does the same with and without. Between
two effects a guest in Rust is machine code, of which nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import msgspec

from flawless.core.protocol import Frame as Told
from flawless.core.protocol import WhereRequest, decode_request
from flawless.core.responses import WHERE
from flawless.errors import GuestTrapped
from flawless.timetravel.model import Frame

if TYPE_CHECKING:
    from flawless.engine.deployment import Deployment
    from flawless.timetravel.recording import Recording

_LIBRARIES: Final = ("/rustc/", "/rustlib/", "/registry/src/", "/git/checkouts/")
"""Folders that the compiler names in front of files of libraries."""

_FUNCTION: Final = re.compile(
    r"( *)(?:pub(?:\([^)]*\))? +)?(?:const +|async +|unsafe +|extern +\"[^\"]*\" +)*fn +(\w+)"
)
_AT: Final = re.compile(r"^  at ([\w:]+?)(?:::\{closure\})*(?: \(.*\))?$", re.MULTILINE)
NO_VARIABLES: Final = (
    "Rust guests tell where their effects are, and nothing of their variables: see what the "
    "effects were asked with, and answered"
)
NO_LINES: Final = (
    "Rust guests tell where their effects are, not each line: --trace effects shows them"
)
BY_EFFECT: Final = "Rust guests are stepped from effect to effect: their lines are not seen"


class _Error(msgspec.Struct):
    frames: list[Told] = []


class _Stopped(msgspec.Struct):
    traceback: str = ""


class _Output(msgspec.Struct):
    error: _Error | None = None


class Whereabouts:
    """The question where the guest stands, while it is open."""

    def __init__(self, deployment: Deployment) -> None:
        self._texts = {one.file: one.source.split("\n") for one in deployment.manifest.modules}
        self.asked = False
        self.answer: bytes | None = None
        """What the guest gets next, where it was stopped after it told."""
        self._kept: bytes | None = None

    def ask(self, answer: bytes | None) -> bytes:
        """Return the response that asks; `answer` is kept for afterwards."""
        self.asked, self._kept = True, answer
        return WHERE

    def take(self) -> bytes | None:
        """Return what a guest that was stopped gets next; None: there is nothing further."""
        answer, self.answer = self.answer, None
        return answer

    def told(self, request: bytes) -> tuple[list[Frame], bytes | None]:
        """Return the frames of the guest's answer, innermost first, and what it is waiting for."""
        found = decode_request(request)
        if not isinstance(found, WhereRequest):
            raise GuestTrapped(
                "the guest was asked where it stands and did not tell: the component does not keep "
                "to the protocol (docs/reference/protocol.md, `where`)"
            )
        self.asked = False
        return _frames(found.frames), self._kept

    def failing(self, output: bytes) -> list[Frame]:
        """Return where a workflow has failed that ended with `output`, innermost frame first."""
        error = msgspec.json.decode(output, type=_Output).error
        return [] if error is None else _frames(error.frames)

    def stopped(self, error: bytes) -> list[Frame]:
        """Return the functions in which a guest was stopped, which ended with this error.

        Of those nothing but the name is known, so their lines are those at which they begin.
        """
        text = msgspec.json.decode(error, type=_Stopped).traceback
        found = (self._begun(name) for name in _AT.findall(text))
        return [frame for frame in found if frame is not None]

    def _begun(self, name: str) -> Frame | None:
        function = name.rpartition("::")[2]
        for file, lines in self._texts.items():
            for number, line in enumerate(lines, start=1):
                match = _FUNCTION.match(line)
                if match and match[2] == function and _is_module(file, name):
                    return Frame(file, number, function)
        return None


def _frames(told: Sequence[Told]) -> list[Frame]:
    """Return frames as a guest tells them, innermost last, the other way round."""
    return [Frame(one.file, one.line, one.function, is_users(one.file)) for one in reversed(told)]


def beginning(recording: Recording) -> list[Frame]:
    """Return where the workflow of a recording begins, as far as its deployment tells."""
    info = recording.deployment.workflows.get(recording.workflow)
    return [] if info is None or not info.line else [Frame(info.file, info.line, info.function)]


def _is_module(file: str, name: str) -> bool:
    """Whether a function of that full name may be in a file."""
    stem = PurePath(file).stem
    module = name.split("::")[-2:-1]
    return stem in ("lib", "mod", "main") or module == [stem]


def is_users(file: str) -> bool:
    """Whether a file is neither the standard library's nor another crate's from elsewhere."""
    return not any(folder in file for folder in _LIBRARIES)
