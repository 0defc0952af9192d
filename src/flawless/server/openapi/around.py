"""What is not about one execution's documents: streams, and the engine itself."""

from __future__ import annotations

from typing import Final

from flawless import api
from flawless.server.openapi.operation import MOMENT, TEXT, Operation, Parameter
from flawless.server.openapi.parameters import FILTERS

EVENTS: Final = "text/event-stream"
PLAIN: Final = "text/plain"
LAST_EVENT_ID: Final = Parameter(
    "last_event_id", TEXT, "Go on behind this event; the header `Last-Event-ID` says the same."
)

STREAMS: Final = (
    Operation(
        "GET",
        "/executions/{id}/events",
        "What happens to an execution, as it happens",
        {200: EVENTS, 204: None},
        "streams",
        "Server-sent events: `execution` (an ExecutionDetail, now and when it changes), `state` (a "
        "State; the latest one), `journal` (a JournalEvent; each entry once, in order), `logs` (a "
        "LogsEvent), and at last `end` (an Outcome), after which there is nothing to "
        "come back for: 204. "
        "Journal and logs need more than the state does.",
        query=(
            Parameter(
                "include",
                TEXT | {"default": "execution,state"},
                "Which of `execution`, `state`, `journal` and `logs`, with commas.",
            ),
            LAST_EVENT_ID,
        ),
    ),
    Operation(
        "GET",
        "/events",
        "Executions that change, as they change",
        {200: EVENTS},
        "streams",
        "Server-sent events: `changes` (a ChangesEvent: the newest of each execution that changed, "
        "some times a second), and `reset` when the list has to be loaded again.",
        query=(*FILTERS, LAST_EVENT_ID),
    ),
)

ENGINE: Final = (
    Operation(
        "GET",
        "/openapi.json",
        "This document",
        {200: "application/json"},
        "engine",
    ),
    Operation("GET", "", "What answers here", {200: api.About}, "engine"),
    Operation(
        "GET",
        "/workflows",
        "What can be started, with signatures as JSON Schema",
        {200: api.WorkflowList},
        "engine",
    ),
    Operation(
        "GET",
        "/health",
        "How the engine is",
        {200: api.Health, 503: api.Health},
        "engine",
        "503 while it cannot keep what it does. Counts of many may be about a second old.",
    ),
    Operation(
        "GET",
        "/stats",
        "Samples of the last hour",
        {200: api.Stats},
        "engine",
        "Of this process, for charts. Metrics for a monitoring system are at `/metrics`.",
        query=(
            Parameter("after", MOMENT, "Only those behind the sample of this moment: its `at`."),
        ),
    ),
    Operation(
        "GET",
        "/restarts",
        "When engines opened the store",
        {200: api.RestartList},
        "engine",
        "The latest of them, kept in the store.",
    ),
    Operation(
        "GET",
        "/healthz",
        "Whether the process answers",
        {200: PLAIN},
        "engine",
        root=True,
    ),
    Operation(
        "GET",
        "/readyz",
        "Whether new executions can be taken",
        {200: PLAIN, 503: PLAIN},
        "engine",
        root=True,
    ),
    Operation(
        "GET",
        "/metrics",
        "All metrics, as Prometheus reads them",
        {200: PLAIN},
        "engine",
        root=True,
    ),
)
