"""Between rows and the structs of the contract."""

from __future__ import annotations

from typing import Any, Final

from flawless.core.status import Status
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.base import Deployment, Record

STATUS_NUMBER: Final = {
    Status.RUNNING: 0,
    Status.WAITING: 1,
    Status.PARKED: 2,
    Status.FAILED: 3,
    Status.CANCELLED: 4,
    Status.COMPLETED: 5,
}
"""Part of the file format. Completed is last: the status index holds all numbers below it."""

STATUS: Final = {number: status for status, number in STATUS_NUMBER.items()}


def record(row: Any) -> Record:
    """Return the record of a row of the queries `record`, `records`, `running` and `due`."""
    id_, workflow, deployment, status, created_us, updated_us, wake_us, digest = row
    return Record(
        id=ExecutionId(id_),
        workflow=workflow,
        deployment=DeploymentId(deployment),
        status=STATUS[status],
        created_us=created_us,
        updated_us=updated_us,
        wake_us=wake_us,
        digest=digest,
    )


def deployment(row: Any) -> Deployment:
    """Return the deployment of a row of the queries `deployment` and `deployments`."""
    id_, label, kind, manifest, component, created_us = row
    return Deployment(
        id=DeploymentId(id_),
        label=label,
        kind=kind,
        manifest=manifest,
        component=component,
        created_us=created_us,
    )
