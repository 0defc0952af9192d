"""Between rows and the structs of the contract."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from flawless.core.status import Status
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.base import Deployment, Parent, Record

STATUS_NUMBER: Final = {
    Status.RUNNING: 0,
    Status.WAITING: 1,
    Status.PARKED: 2,
    Status.FAILED: 3,
    Status.CANCELLED: 4,
    Status.COMPLETED: 5,
}
"""Part of the file format. Completed is last: the status index holds all numbers below it."""

EARLIER_RUN: Final = 8
"""Added to the number of the status of an earlier run."""

STATUS: Final = {number: status for status, number in STATUS_NUMBER.items()} | {
    number + EARLIER_RUN: status for status, number in STATUS_NUMBER.items()
}

_ATTRIBUTES: Final = msgspec.json.Decoder(dict[str, str])


def record(row: Any) -> Record:
    """Return the record of a row of the query `records` and those that begin with it."""
    (
        id_, workflow, deployment, status, created_us, updated_us, wake_us, digest, run,
        parent_id, parent_run, effect, close, depth, start_us, attributes,
    ) = row  # fmt: skip
    parent = None
    if parent_id is not None:
        parent = Parent(ExecutionId(parent_id), parent_run, effect, close)
    return Record(
        id=ExecutionId(id_),
        workflow=workflow,
        deployment=DeploymentId(deployment),
        status=STATUS[status],
        created_us=created_us,
        updated_us=updated_us,
        wake_us=wake_us,
        digest=digest,
        run=run,
        parent=parent,
        depth=depth or 0,
        start_us=start_us,
        attributes={} if attributes is None else _ATTRIBUTES.decode(attributes),
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
