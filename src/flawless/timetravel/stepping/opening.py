"""The debugger that fits a recording."""

from __future__ import annotations

from flawless.core.limits import Limits
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import SECONDS_MAX
from flawless.timetravel.stepping.debugger import Debugger
from flawless.timetravel.stepping.effects import EffectDebugger


def open_debugger(
    recording: Recording, *, limits: Limits | None = None, seconds_max: float = SECONDS_MAX
) -> Debugger:
    """Return a debugger at the start of a recording: by lines for Python, else by effects.

    Raises `UsageError` where the code is not in the recording.
    """
    kind = Debugger if recording.deployment.is_python else EffectDebugger
    return kind(recording, limits=limits, seconds_max=seconds_max)
