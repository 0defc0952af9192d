"""How one engine works: its limits, pools and patience."""

from __future__ import annotations

from dataclasses import dataclass, field

from flawless.core.limits import Limits
from flawless.engine.outside import Outside
from flawless.engine.secrets import Secrets
from flawless.engine.tracing import Tracing


@dataclass(frozen=True, slots=True)
class Settings:
    """How one engine works. Times in seconds, sizes in bytes."""

    limits: Limits = field(default_factory=Limits)
    step_threads: int = 32
    """Sync steps that run at the same time."""
    step_processes: int = 2
    """Steps marked `process=True` that run at the same time."""
    guests_max: int = 200
    """Guests alive at the same time; each takes 1 to 2 MB and more as it allocates."""
    evict_after_s: float = 1.0
    """A guest that waits longer than this is dropped and replayed when it is needed."""
    stop_deadline_s: float = 10.0
    """How long `close` waits for effects under way."""
    secrets: Secrets = field(default_factory=Secrets)
    """The secrets that workflows may use, and where they may go."""
    tracing: Tracing | None = None
    """Whether and where executions are traced; None: they are not."""
    workflow_logs: bool = False
    """Whether what workflows log is logged by this process too, by `flawless.workflow`."""
    egress: tuple[str, ...] | None = None
    """The hosts that HTTP requests of workflows may go to; None: all. Part of the deployment."""
    outside: Outside = field(default_factory=Outside, repr=False)
    """What steps and requests lead to; for `flawless.testing`."""
