"""What schemathesis is told about this API beyond its document; loaded by its command line.

Ids and workflows that exist, so that requests reach more than a 404; short waits; and the one rule
that no pattern can say: what Python calls printable.
"""

from __future__ import annotations

from typing import Any

import schemathesis

WORKFLOWS = {"shop.echo": [{"any": 1}], "desk.listen": ["word"], "shop.stumble": {"reason": "why"}}
EXECUTIONS = ["done", "listening", "failed"]
WAIT_S_MAX = 0.01
MODULE = "from flawless import workflow\n\n\n@workflow\ndef hello() -> str:\n    return 'hello'\n"


@schemathesis.hook
def map_query(context: Any, query: Any) -> Any:
    """Wait for a moment only, and export without the component, which has megabytes."""
    if context.operation.path.endswith("/export"):
        query = query or {}
        if query.get("component", True) is True:
            query["component"] = "false"
    return short(query, "wait")


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Start workflows that there are, mostly, with what they take."""
    body = short(short(body, "wait"), "wait_s")
    if context.operation.path.endswith("/executions") and isinstance(body, dict):
        asked = body.get("workflow")
        if isinstance(asked, str) and (len(asked) % 4 or asked.startswith(("shop.", "desk."))):
            body["workflow"] = [*WORKFLOWS][len(asked) % len(WORKFLOWS)]
            body["input"] = WORKFLOWS[body["workflow"]]
    if context.operation.path.endswith("/fork") and isinstance(body, dict):
        body["at"] = 1  # the last place there is depends on the execution
    if context.operation.path.endswith("/deployments") and isinstance(body, dict):
        files, modules = body.get("files"), body.get("modules")
        if isinstance(files, dict) and isinstance(modules, list):
            body |= {"files": {"uploaded.py": MODULE}, "modules": ["uploaded"]}
    return body


@schemathesis.hook
def map_path_parameters(_: Any, parameters: Any) -> Any:
    """Name executions that there are, mostly."""
    asked = (parameters or {}).get("id")
    if isinstance(asked, str) and len(asked) % 4:
        parameters["id"] = EXECUTIONS[len(asked) % len(EXECUTIONS)]
    return parameters


@schemathesis.hook
def filter_body(_: Any, body: Any) -> bool:
    """Leave out names and ids that no terminal shows."""
    if not isinstance(body, dict):
        return True
    attributes = body.get("attributes")
    values = [*attributes.values()] if isinstance(attributes, dict) else []
    return shown([body.get("id"), body.get("name"), *values])


@schemathesis.hook
def filter_query(_: Any, query: Any) -> bool:
    """Leave out attributes that no terminal shows, or that have two values at once."""
    given = (query or {}).get("attribute")
    texts = given if isinstance(given, list) else [given]
    names = [text.partition("=")[0] for text in texts if isinstance(text, str)]
    return shown(texts) and len(names) == len(set(names))


def shown(texts: list[Any]) -> bool:
    """Tell whether all texts consist of what a terminal shows."""
    return all(not isinstance(text, str) or text.isprintable() for text in texts)


def short(fields: Any, name: str) -> Any:
    """Return the fields with a shorter time to wait."""
    if isinstance(fields, dict) and isinstance(fields.get(name), int | float | str):
        try:
            if float(fields[name]) > WAIT_S_MAX:
                fields[name] = WAIT_S_MAX
        except ValueError:
            pass
    return fields
