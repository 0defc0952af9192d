"""`workflows`: what can be started."""

from __future__ import annotations

from flawless import api
from flawless.cli import output
from flawless.cli.given import AsJson
from flawless.cli.server import connect


def workflows(as_json: AsJson = False) -> None:
    """List the workflows of the running server, with their parameters."""
    with connect() as client:
        found = client.workflows()
    if as_json:
        output.print_json(api.WorkflowList(found))
        return
    output.table(
        ("workflow", "parameters", "about"),
        [(each.name, signature(each), each.doc.strip().partition("\n")[0]) for each in found],
    )


def signature(workflow: api.Workflow) -> str:
    """Return a workflow's parameters and result as Python writes them."""
    shown: list[str] = []
    named_only = False
    for parameter in workflow.parameters:
        if parameter.kind == "keyword_only" and not named_only:
            named_only = True
            if not any(p.startswith("*") for p in shown):
                shown.append("*")
        stars = {"var_positional": "*", "var_keyword": "**"}.get(parameter.kind, "")
        text = stars + parameter.name
        if parameter.annotation:
            text += f": {parameter.annotation}"
        if not parameter.required and not stars:
            text += " = …" if parameter.annotation else "=…"
        shown.append(text)
    returns = f" -> {workflow.returns.annotation}" if workflow.returns.annotation else ""
    return f"({', '.join(shown)}){returns}"
