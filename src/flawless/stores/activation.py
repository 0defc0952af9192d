"""Which of the deployments of a store new executions run on."""

from __future__ import annotations

import msgspec

from flawless.ids import DeploymentId


class SaveActive(msgspec.Struct, frozen=True):
    """Keep which deployments are active and in which order, in place of what was kept before.

    A store asks nothing of them: neither that they are known, nor how many there are.
    """

    deployments: tuple[DeploymentId, ...]

    def __post_init__(self) -> None:
        if len(set(self.deployments)) != len(self.deployments):
            raise ValueError("a deployment is active once")
