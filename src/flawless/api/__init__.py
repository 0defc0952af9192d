"""The documents of the HTTP API as types: what the server writes and the client reads.

Names and meanings are fixed for `/api/v1`: fields are only ever added, and readers ignore those
they do not know. Times are RFC 3339 in UTC with microseconds; lengths of time carry their unit in
the name. A value of a workflow (`input`, `result`, `response`, `payload`, `value`) is plain JSON,
as `flawless.codec.plain` gives it.
"""

from flawless.api.about import (
    About,
    Health,
)
from flawless.api.access import (
    CAPABILITY_S,
    Capability,
    CapabilityRequest,
    Whoami,
)
from flawless.api.common import (
    DEPLOYMENTS_LIMIT_MAX,
    JOURNAL_LIMIT,
    JOURNAL_LIMIT_MAX,
    LIST_LIMIT,
    LIST_LIMIT_MAX,
    PARKED_LIMIT_MAX,
    PREFIX,
    PROBLEM_FIELDS,
    PROBLEM_TYPE,
    VERSION_HEADER,
    WAIT_S_MAX,
    microseconds,
    slug,
    timestamp,
)
from flawless.api.deployments import (
    Deployed,
    Deployment,
    DeploymentDetail,
    DeploymentPage,
    DeployRequest,
    ModuleInfo,
    ModuleSource,
)
from flawless.api.events import (
    ChangesEvent,
    JournalEvent,
    LogsEvent,
)
from flawless.api.executions import (
    Attempt,
    ChildrenPage,
    Execution,
    ExecutionDetail,
    ExecutionPage,
    InFlight,
    Outcome,
    Parent,
    ParkedEffect,
    ParkedList,
    Reply,
    Resolution,
    SentMessage,
    StartedExecution,
    State,
)
from flawless.api.inbox import (
    InboxItem,
    InboxPage,
    Message,
    MessagePage,
)
from flawless.api.journals import (
    JournalPage,
    LogLine,
    LogPage,
)
from flawless.api.monitoring import (
    Replay,
    Restart,
    RestartList,
    Sample,
    Stats,
)
from flawless.api.problems import (
    Problem,
)
from flawless.api.requests import (
    CancelRequest,
    MessageRequest,
    ResolveRequest,
    RetryRequest,
    StartRequest,
    TerminateRequest,
)
from flawless.api.workflows import (
    Parameter,
    Returns,
    Workflow,
    WorkflowList,
)

__all__ = [
    "CAPABILITY_S",
    "DEPLOYMENTS_LIMIT_MAX",
    "JOURNAL_LIMIT",
    "JOURNAL_LIMIT_MAX",
    "LIST_LIMIT",
    "LIST_LIMIT_MAX",
    "PARKED_LIMIT_MAX",
    "PREFIX",
    "PROBLEM_FIELDS",
    "PROBLEM_TYPE",
    "VERSION_HEADER",
    "WAIT_S_MAX",
    "About",
    "Attempt",
    "CancelRequest",
    "Capability",
    "CapabilityRequest",
    "ChangesEvent",
    "ChildrenPage",
    "DeployRequest",
    "Deployed",
    "Deployment",
    "DeploymentDetail",
    "DeploymentPage",
    "Execution",
    "ExecutionDetail",
    "ExecutionPage",
    "Health",
    "InFlight",
    "InboxItem",
    "InboxPage",
    "JournalEvent",
    "JournalPage",
    "LogLine",
    "LogPage",
    "LogsEvent",
    "Message",
    "MessagePage",
    "MessageRequest",
    "ModuleInfo",
    "ModuleSource",
    "Outcome",
    "Parameter",
    "Parent",
    "ParkedEffect",
    "ParkedList",
    "Problem",
    "Replay",
    "Reply",
    "Resolution",
    "ResolveRequest",
    "Restart",
    "RestartList",
    "RetryRequest",
    "Returns",
    "Sample",
    "SentMessage",
    "StartRequest",
    "StartedExecution",
    "State",
    "Stats",
    "TerminateRequest",
    "Whoami",
    "Workflow",
    "WorkflowList",
    "microseconds",
    "slug",
    "timestamp",
]
