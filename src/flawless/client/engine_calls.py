"""What can be asked about the engine as a whole."""

from __future__ import annotations

from flawless import api
from flawless.client.call import Call, get


def about() -> Call[api.About]:
    """Return what answers at the address."""
    return get("", api.About)


def workflows() -> Call[list[api.Workflow]]:
    """Return the workflows that can be started."""
    return get("/workflows", api.WorkflowList).then(lambda found: found.workflows)


def health() -> Call[api.Health]:
    """Return how the engine is; a failing one has status `failing` and says why."""
    return get("/health", api.Health, also=503)


def stats() -> Call[api.Stats]:
    """Return samples of the last hour: how the engine stood, and what happened in between."""
    return get("/stats", api.Stats)


def restarts() -> Call[list[api.Restart]]:
    """Return when engines opened the store, newest first."""
    return get("/restarts", api.RestartList).then(lambda found: found.restarts)


def whoami() -> Call[api.Whoami]:
    """Return who asks, and what the token lets its bearer do."""
    return get("/whoami", api.Whoami)
