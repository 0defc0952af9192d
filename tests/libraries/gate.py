"""A step that the workflows of this folder wait in, until the test lets them go."""

import threading

import flawless

ARRIVED = threading.Semaphore(0)
"""Released once for each execution that reaches the gate."""

OPEN = threading.Event()
"""Set when they may pass."""

WAIT_S_MAX = 60.0


@flawless.step
def pause() -> bool:
    """Wait until the gate is open."""
    ARRIVED.release()
    return OPEN.wait(WAIT_S_MAX)
