"""What an uploaded component says of itself, as `describe` returns it.

What must hold: it becomes a deployment whose manifest can be kept, read and shown, and whose
workflows can be called; or it is refused with a sentence. Patterns and schemas cannot hang anybody.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from readers import at_once, is_a_sentence

from flawless.engine import component as components
from flawless.engine.component import label_of, make_component
from flawless.engine.deployment import Deployment
from flawless.errors import DeploymentInvalid, InputInvalid
from flawless.server.wire.documents import encoded

CALLS: tuple[Any, ...] = (
    {"a": [], "k": {}},
    {"a": [1], "k": {}},
    {"a": ["a" * 40 + "!"], "k": {"x": [{"$": "float", "v": "nan"}]}},
    {"a": [{"x": {"x": [None, True, 1.5]}}], "k": {"order": {}, "n": -1}},
)
WORDS = (
    '{"workflows":[', '{"name":"m.f","module":"m","function":"f"', ',"parameters":[',
    '{"name":"x","kind":"var_positional"', ',"required":false', ',"schema":{', ',"returns":{',
    ',"messages":{"paid":', ',"deadline_s":1e9', ',"line":1',
    ',"modules":[{"name":"m","source":"x"', '"type":"object"', '"properties":{"x":',
    '"$ref":"#/$defs/a"', '"$defs":{"a":', '"pattern":"', "(a+)+$", '"patternProperties":{"^a":',
    '"items":', '"anyOf":[', '"not":', '"minLength":', '"multipleOf":0', '"enum":[', '"const":',
    '"$id":"http://a/', '"$schema":"', '"$dynamicRef":"#a"', '"$anchor":"a"', '"if":',
    '"unevaluatedProperties":false', '"uniqueItems":true', '"format":"date"', "1e999", "\\ud800",
    "\\u202e", "[[[[[[[[", "99999999999999999999",
)  # fmt: skip


class _Component:
    """Stands in for the component: only its hash is asked for."""

    sha256 = "0" * 64


class _Said:
    """Says what the input says, in place of a guest."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def __call__(self, *_: Any, **__: Any) -> msgspec.Raw:
        return msgspec.Raw(self.data)


def target(data: bytes) -> None:
    """Believe a component, as far as it can be believed."""
    before = components.describe
    components.describe = _Said(data.decode("utf-8", "replace").encode())  # type: ignore[assignment]  # a stand-in
    try:
        deployment = at_once(make_component(_Component()))  # type: ignore[arg-type]  # another one
    except DeploymentInvalid as error:
        is_a_sentence(error)
        return
    finally:
        components.describe = before
    again = Deployment.decode(deployment.encoded)
    assert again.manifest == deployment.manifest
    assert again.id == deployment.id
    label_of(deployment)
    for workflow in deployment.workflows.values():
        json.loads(encoded(workflow))
        _called(deployment, workflow.name)


def _called(deployment: Deployment, name: str) -> None:
    signature = deployment.signature(name)
    for call in CALLS:
        try:
            signature.check(call)
        except InputInvalid as error:
            is_a_sentence(error)
    for message in deployment.workflows[name].messages:
        try:
            signature.check_message(message, b'{"cents":[1,{"a":"b"}]}')
        except InputInvalid as error:
            is_a_sentence(error)
