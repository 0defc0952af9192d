"""Flawless: regular functions, run to completion whatever fails."""

from flawless import http
from flawless._futures import Future
from flawless._timers import sleep
from flawless.codec import CodecError
from flawless.core.limits import Limits
from flawless.core.status import Status
from flawless.durations import Duration
from flawless.engine.context import StepInfo, idempotency_key, step_info
from flawless.engine.facade import Engine, Execution
from flawless.engine.service import LogLine
from flawless.engine.settings import Settings
from flawless.errors import (
    BodyTooLarge,
    ConnectError,
    DeploymentInvalid,
    EffectError,
    EngineError,
    EngineLocked,
    EngineStopped,
    ExecutionConflict,
    ExecutionError,
    ExecutionFailed,
    ExecutionNotFound,
    FlawlessError,
    HTTPError,
    InputInvalid,
    Interrupted,
    InvalidURL,
    ProtocolError,
    RequestTimeout,
    ResultTimeout,
    StepFailed,
    StepTimeout,
    StoreError,
    TooManyRedirects,
    UsageError,
    ValueTooLarge,
    WorkflowNotFound,
)
from flawless.functions import Step, Workflow, execution_id, step, workflow
from flawless.refusals import HTTPStatusError, NativeOnly, NotInWorkflow

__all__ = [
    "BodyTooLarge",
    "CodecError",
    "ConnectError",
    "DeploymentInvalid",
    "Duration",
    "EffectError",
    "Engine",
    "EngineError",
    "EngineLocked",
    "EngineStopped",
    "Execution",
    "ExecutionConflict",
    "ExecutionError",
    "ExecutionFailed",
    "ExecutionNotFound",
    "FlawlessError",
    "Future",
    "HTTPError",
    "HTTPStatusError",
    "InputInvalid",
    "Interrupted",
    "InvalidURL",
    "Limits",
    "LogLine",
    "NativeOnly",
    "NotInWorkflow",
    "ProtocolError",
    "RequestTimeout",
    "ResultTimeout",
    "Settings",
    "Status",
    "Step",
    "StepFailed",
    "StepInfo",
    "StepTimeout",
    "StoreError",
    "TooManyRedirects",
    "UsageError",
    "ValueTooLarge",
    "Workflow",
    "WorkflowNotFound",
    "execution_id",
    "http",
    "idempotency_key",
    "sleep",
    "step",
    "step_info",
    "workflow",
]
