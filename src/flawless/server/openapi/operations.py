"""Every method of every path, in words."""

from __future__ import annotations

from typing import Final

from flawless import api
from flawless.server.openapi.around import ENGINE, STREAMS
from flawless.server.openapi.operation import FLAG, TEXT, Operation, Parameter, whole
from flawless.server.openapi.parameters import (
    BEFORE,
    FILTERS,
    FROM,
    JOURNAL_LIMIT,
    LIMIT,
    STATUS,
    WAIT,
)
from flawless.server.wire.documents import ZIP_TYPE
from flawless.server.wire.requests import WASM
from flawless.stores.base import MESSAGE_END, SEQ_END

TAGS: Final = {
    "executions": "Start, find and read executions.",
    "path": "Replay executions, and look into them.",
    "conversation": "Talk to executions, and hear what they say.",
    "decisions": "End, repair and decide.",
    "streams": "Server-sent events: what changes, as it changes.",
    "deployments": "The code that executions run on.",
    "access": "Who asks, and tokens for a single execution.",
    "engine": "What answers here, and how it is.",
}

_ONE = "/executions/{id}"
_NO = {"const": False}
_YES = {"const": True}
_PLACE = {"type": "integer", "minimum": 0, "maximum": SEQ_END}

_EXECUTIONS = (
    Operation(
        "POST",
        "/executions",
        "Start an execution",
        {201: api.StartedExecution, 200: api.StartedExecution},
        "executions",
        "201 says that it is new, and durable; 200 that the id was known, with the same workflow "
        "and input. With an id the request may be sent twice.",
        body=api.StartRequest,
        rule={
            "anyOf": [
                {"properties": {"start_at": {"type": "null"}}},
                {"properties": {"delay_s": {"type": "null"}}},
            ]
        },
        problems=(404, 409),
        headers={201: ("Location",), 200: ("Location",)},
    ),
    Operation(
        "GET",
        "/executions",
        "List executions, newest first",
        {200: api.ExecutionPage},
        "executions",
        "A page may have fewer executions than `limit`, or none, and a `next` all the same: a "
        "request looks at a bounded number of them.",
        query=(
            Parameter("status", STATUS, "Only those that stand so."),
            *FILTERS,
            Parameter("runs", FLAG | {"default": False}, "Earlier runs (`ID~1`) too."),
            LIMIT,
            BEFORE,
        ),
    ),
    Operation("GET", _ONE, "How an execution stands", {200: api.ExecutionDetail}, "executions"),
    Operation(
        "GET",
        f"{_ONE}/result",
        "Its result or its error; can wait for it",
        {200: api.Outcome},
        "executions",
        query=(WAIT,),
    ),
    Operation(
        "GET",
        f"{_ONE}/children",
        "The executions it has started",
        {200: api.ChildrenPage},
        "executions",
        query=(FROM, LIMIT),
    ),
    Operation(
        "GET",
        f"{_ONE}/journal",
        "What it observed, entry by entry",
        {200: api.JournalPage},
        "executions",
        query=(FROM, JOURNAL_LIMIT),
    ),
    Operation(
        "GET",
        f"{_ONE}/export",
        "A file with its journal and its code, to replay it elsewhere",
        {200: ZIP_TYPE},
        "executions",
        "What is durable at this moment, with hashes by which changes are noticed. Without the "
        "component the file is small, and of use where that component is known.",
        query=(
            Parameter("component", FLAG | {"default": True}, "Whether it holds the component."),
        ),
        problems=(422,),
    ),
    Operation(
        "GET",
        f"{_ONE}/logs",
        "What it logged and printed",
        {200: api.LogPage},
        "executions",
        query=(FROM, JOURNAL_LIMIT),
    ),
)

_PATHS = (
    Operation(
        "GET",
        f"{_ONE}/path",
        "The path it took: where it asked for what, and which lines it ran",
        {200: api.ExecutionPath},
        "path",
        "A replay of the journal until now shows it; nothing is done or recorded. The first "
        "request takes as long as the replay, others are answered from memory.",
        query=(
            Parameter("lines", FLAG | {"default": False}, "Whether executed lines are counted."),
            FROM,
            Parameter(
                "limit",
                whole(1, api.PATH_POINTS_MAX, api.PATH_POINTS),
                "How many points at most.",
            ),
        ),
        problems=(422,),
    ),
    Operation(
        "GET",
        f"{_ONE}/path/lines",
        "The lines it ran, in order",
        {200: api.PathLines},
        "path",
        query=(
            FROM,
            Parameter(
                "limit", whole(1, api.PATH_LINES_MAX, api.PATH_LINES), "How many lines at most."
            ),
        ),
        problems=(422,),
    ),
    Operation(
        "GET",
        f"{_ONE}/path/variables",
        "Stack and variables at one place of the path",
        {200: api.PathPlace},
        "path",
        "Of several, `raised` counts before `line`, and that before `point`. Without any it is "
        "where the workflow failed; else the last point, where one that is not over waits.",
        query=(
            Parameter("point", _PLACE, "At the point with this number, before its answer."),
            Parameter("line", _PLACE, "Before the executed line with this number, from 0."),
            Parameter("raised", FLAG | {"default": False}, "Where the error was raised."),
            Parameter(
                "depth", whole(0, api.PATH_DEPTH_MAX, 1), "How deep values are shown in parts."
            ),
            Parameter(
                "changes",
                FLAG | {"default": True},
                "Whether it is told what is different from the point, or line, before.",
            ),
        ),
        problems=(422,),
    ),
)

_CONVERSATION = (
    Operation(
        "GET",
        f"{_ONE}/messages",
        "The messages it has not received yet",
        {200: api.MessagePage},
        "conversation",
        "A page may have fewer messages than `limit`, or none, and a `next` all the same.",
        query=(Parameter("from", whole(0, MESSAGE_END, 1), "The number to begin with."), LIMIT),
    ),
    Operation(
        "POST",
        f"{_ONE}/messages",
        "Send it a message",
        {202: api.SentMessage, 200: api.SentMessage},
        "conversation",
        "202 says that it is durable, 200 that one with this id was sent before. With an id the "
        "request may be sent twice.",
        body=api.MessageRequest,
        problems=(409,),
    ),
    Operation(
        "GET",
        f"{_ONE}/response",
        "What it responded; can wait for it",
        {200: api.Reply},
        "conversation",
        query=(WAIT,),
    ),
    Operation("GET", f"{_ONE}/state", "What it published last", {200: api.State}, "conversation"),
)

_DECISIONS = (
    Operation(
        "POST",
        f"{_ONE}/cancel",
        "Ask it to end; it may clean up",
        {202: api.Execution},
        "decisions",
        "A second request ends it for good, unless it has the same `id`.",
        body=api.CancelRequest,
        needs_body=False,
        problems=(409,),
    ),
    Operation(
        "POST",
        f"{_ONE}/terminate",
        "End it at once",
        {202: api.Execution},
        "decisions",
        body=api.TerminateRequest,
        needs_body=False,
        problems=(409,),
    ),
    Operation(
        "POST",
        f"{_ONE}/retry",
        "Let it go on after a failure",
        {202: api.Execution},
        "decisions",
        body=api.RetryRequest,
        needs_body=False,
        rule={
            "anyOf": [
                {"properties": {"from_start": _NO}},
                {"properties": {"effect": {"type": "null"}}},
            ]
        },
        problems=(409,),
    ),
    Operation(
        "POST",
        f"{_ONE}/fork",
        "Start an execution that shares its first entries",
        {201: api.ForkedExecution, 200: api.ForkedExecution},
        "decisions",
        "201 says that it is new, and durable; 200 that this very fork was there. With an id the "
        "request may be sent twice. Code that does not go along the shared entries is refused, and "
        "nothing is created.",
        body=api.ForkRequest,
        problems=(404, 409),
        headers={201: ("Location",), 200: ("Location",)},
    ),
    Operation(
        "POST",
        f"{_ONE}/resolve",
        "Decide about an effect that nobody knows the outcome of",
        {202: api.Resolution},
        "decisions",
        "One of `ok`, `error` and `retry`.",
        body=api.ResolveRequest,
        rule={
            "oneOf": [
                {"required": ["ok"], "properties": {"error": False, "retry": _NO}},
                {"required": ["error"], "properties": {"ok": False, "retry": _NO}},
                {"required": ["retry"], "properties": {"ok": False, "error": False, "retry": _YES}},
            ]
        },
        problems=(409,),
    ),
    Operation(
        "GET",
        f"{_ONE}/parked",
        "Its effects that wait for a decision",
        {200: api.ParkedList},
        "decisions",
    ),
    Operation(
        "GET",
        "/inbox",
        "All that waits for a person's decision",
        {200: api.InboxPage},
        "decisions",
        "A page may have no items, and a `next` all the same.",
        query=(
            *FILTERS,
            Parameter(
                "limit",
                whole(1, api.PARKED_LIMIT_MAX, api.LIST_LIMIT),
                "Of how many executions at most.",
            ),
            BEFORE,
        ),
    ),
)

_DEPLOYMENTS = (
    Operation(
        "POST",
        "/deployments",
        "Upload code",
        {201: api.Deployed, 200: api.Deployed},
        "deployments",
        "New executions of its workflows run on it, and its steps serve all executions, when this "
        "is answered. 201 says that the code is new, 200 that it was deployed before. Code that "
        "does not load in a guest, or does not import natively, is refused with its traceback, and "
        "nothing has changed. Without `serve` the code is only kept, for forks that name it. The "
        "body holds Python sources, or is a WebAssembly component, whose label and `serve` are "
        "parameters of the query.",
        body=api.DeployRequest,
        media=(WASM,),
        query=(
            Parameter("label", TEXT | {"maxLength": 200}, "Of a component: a line for people."),
            Parameter("serve", FLAG | {"default": True}, "Of a component: whether it is to serve."),
        ),
        headers={201: ("Location",), 200: ("Location",)},
    ),
    Operation(
        "GET",
        "/deployments",
        "List deployments, newest first",
        {200: api.DeploymentPage},
        "deployments",
        query=(
            Parameter(
                "limit",
                whole(1, api.DEPLOYMENTS_LIMIT_MAX, api.DEPLOYMENTS_LIMIT_MAX),
                "How many on a page at most.",
            ),
            BEFORE,
        ),
        problems=(404,),
    ),
    Operation(
        "GET",
        "/deployments/{id}",
        "All that a deployment consists of, but for the code",
        {200: api.DeploymentDetail},
        "deployments",
    ),
    Operation(
        "GET",
        "/deployments/{id}/modules/{name}",
        "The source of one of its modules",
        {200: api.ModuleSource},
        "deployments",
    ),
)

_ACCESS = (
    Operation("GET", "/whoami", "Who asks, and what they may", {200: api.Whoami}, "access"),
    Operation(
        "POST",
        f"{_ONE}/capability",
        "A token that opens this execution and nothing else",
        {201: api.Capability},
        "access",
        "Give it to a browser. It lasts for `ttl_s` seconds, and ends with the token of whoever "
        "asked for it.",
        body=api.CapabilityRequest,
        rule={
            "anyOf": [
                {"properties": {"messages": {"type": "null"}}},
                {"properties": {"rights": {"contains": {"const": "send"}}}},
            ]
        },
    ),
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    *_EXECUTIONS,
    *_PATHS,
    *_CONVERSATION,
    *_DECISIONS,
    *_DEPLOYMENTS,
    *_ACCESS,
    *STREAMS,
    *ENGINE,
)
