"""Flawless: regular functions, run to completion whatever fails."""

from asyncio import CancelledError as Cancelled
from typing import TYPE_CHECKING

from flawless import http
from flawless._children import Child, continue_as_new, start
from flawless._compensation import compensation
from flawless._conversation import messages, publish, receive, respond, send
from flawless._futures import Future
from flawless._gathering import as_completed, gather, select, wait
from flawless._messages import Message
from flawless._runs import ContinueAsNew
from flawless._secrets import secret
from flawless._timers import sleep
from flawless.codec import CodecError
from flawless.core.limits import Limits
from flawless.core.status import Status
from flawless.durations import Duration
from flawless.embedding import Engine
from flawless.engine.context import StepInfo, cancelled, idempotency_key, step_info
from flawless.engine.control import ParkedEffect
from flawless.engine.handle import Execution
from flawless.engine.secrets import Secrets
from flawless.engine.service import LogLine
from flawless.engine.settings import Settings
from flawless.engine.tracing import Tracing
from flawless.errors import (
    BodyTooLarge,
    ConnectError,
    DeploymentInvalid,
    EffectError,
    EgressDenied,
    EngineError,
    EngineLocked,
    EngineStopped,
    ExecutionCancelled,
    ExecutionConflict,
    ExecutionEnded,
    ExecutionError,
    ExecutionFailed,
    ExecutionNotFound,
    FlawlessError,
    HTTPError,
    InboxFull,
    InputInvalid,
    Interrupted,
    InvalidURL,
    NotParked,
    ProtocolError,
    RequestTimeout,
    ResultTimeout,
    RetryRefused,
    SecretUnavailable,
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

if TYPE_CHECKING:
    from flawless.client import AsyncClient, Client
else:
    from flawless._later import __getattr__  # noqa: F401 (the package asks it for further names)

__all__ = [
    "AsyncClient",
    "BodyTooLarge",
    "Cancelled",
    "Child",
    "Client",
    "CodecError",
    "ConnectError",
    "ContinueAsNew",
    "DeploymentInvalid",
    "Duration",
    "EffectError",
    "EgressDenied",
    "Engine",
    "EngineError",
    "EngineLocked",
    "EngineStopped",
    "Execution",
    "ExecutionCancelled",
    "ExecutionConflict",
    "ExecutionEnded",
    "ExecutionError",
    "ExecutionFailed",
    "ExecutionNotFound",
    "FlawlessError",
    "Future",
    "HTTPError",
    "HTTPStatusError",
    "InboxFull",
    "InputInvalid",
    "Interrupted",
    "InvalidURL",
    "Limits",
    "LogLine",
    "Message",
    "NativeOnly",
    "NotInWorkflow",
    "NotParked",
    "ParkedEffect",
    "ProtocolError",
    "RequestTimeout",
    "ResultTimeout",
    "RetryRefused",
    "SecretUnavailable",
    "Secrets",
    "Settings",
    "Status",
    "Step",
    "StepFailed",
    "StepInfo",
    "StepTimeout",
    "StoreError",
    "TooManyRedirects",
    "Tracing",
    "UsageError",
    "ValueTooLarge",
    "Workflow",
    "WorkflowNotFound",
    "as_completed",
    "cancelled",
    "compensation",
    "continue_as_new",
    "execution_id",
    "gather",
    "http",
    "idempotency_key",
    "messages",
    "publish",
    "receive",
    "respond",
    "secret",
    "select",
    "send",
    "sleep",
    "start",
    "step",
    "step_info",
    "wait",
    "workflow",
]
