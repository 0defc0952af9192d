"""Makes the OpenAPI 3.1 document: schemas from the structs of `flawless.api`, the rest from tables.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from flawless import api
from flawless.engine.version import version
from flawless.ids import CHILD_ID_CHARS_MAX
from flawless.server.access.roles import Need
from flawless.server.openapi.operation import TEXT, Operation, Parameter, Schema
from flawless.server.openapi.operations import OPERATIONS, TAGS
from flawless.server.wire.documents import JSON_TYPE, ZIP_TYPE
from flawless.server.wire.problems import MEDIA_TYPE

_ALWAYS = (401, 403, 429, 503)
_WITH_BODY = (400, 408, 413, 422)
_REF = "#/components/schemas/{name}"
_PATH_PARAMETERS: dict[str, tuple[Schema, str]] = {
    "id": (TEXT | {"minLength": 1, "maxLength": CHILD_ID_CHARS_MAX}, "The id."),
    "name": (TEXT | {"minLength": 1}, "The name."),
}
_HEADERS: dict[str, Schema] = {
    "Location": {"schema": TEXT, "description": "Where what was made can be read."},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait before."},
    "WWW-Authenticate": {"schema": TEXT, "description": "How to ask."},
}


def openapi(needs: Mapping[tuple[str, str], Need]) -> dict[str, Any]:
    """Return the document. `needs` tells for each method and path what a request needs."""
    schemas, named = _schemas(OPERATIONS)
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        path = operation.path if operation.root else api.PREFIX + operation.path
        need = needs.get((operation.method, path))
        methods = paths.setdefault(path, {})
        methods[operation.method.lower()] = _operation(operation, path, need, named)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Flawless",
            "version": version(),
            "summary": "Durable executions: start them, talk to them, watch them, repair them.",
            "description": "Fields and paths are only ever added to v1. Errors are problem "
            "documents (RFC 9457) with a `hint`. Requests with an id may be sent twice.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token with a role, or one that opens a single execution. "
                    "Needed unless the server listens for this machine only and has no token.",
                },
            },
        },
    }


def _schemas(operations: Iterable[Operation]) -> tuple[dict[str, Any], dict[type, Schema]]:
    types: dict[type, None] = {api.Problem: None}
    for operation in operations:
        for one in (operation.body, *operation.answers.values()):
            if isinstance(one, type):
                types[one] = None
    found, components = msgspec.json.schema_components(list(types), ref_template=_REF)
    for schema in components.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return components, dict(zip(types, found, strict=True))


_LINKS_FROM = ("POST", "/executions")
"""The request whose answer has the id that the paths of one execution are made of."""


def _links(operations: Iterable[Operation]) -> dict[str, Any]:
    return {
        _id(one): {"operationId": _id(one), "parameters": {"id": "$response.body#/id"}}
        for one in operations
        if one.path.startswith("/executions/{id}")
    }


def _operation(
    operation: Operation, path: str, need: Need | None, named: Mapping[type, Schema]
) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", path)
    statuses = set(_ALWAYS) | set(operation.problems)
    if names:
        statuses.add(404)
    if operation.query:
        statuses.add(422)
    if operation.body is not None:
        statuses.update(_WITH_BODY)
    responses = {
        str(status): _answer(status, one, operation, named)
        for status, one in operation.answers.items()
    }
    for status in sorted(statuses - set(operation.answers)):
        responses[str(status)] = _problem(status, named)
    if (operation.method, operation.path) == _LINKS_FROM:
        for status in operation.answers:
            responses[str(status)]["links"] = _links(OPERATIONS)
    parameters = [_path_parameter(name) for name in names]
    parameters += [_query_parameter(parameter) for parameter in operation.query]
    made: dict[str, Any] = {
        "operationId": _id(operation),
        "summary": operation.summary,
        "tags": [operation.tag],
        "responses": responses,
    }
    if operation.description:
        made["description"] = operation.description
    if parameters:
        made["parameters"] = parameters
    if operation.body is not None:
        schema = named[operation.body]
        if operation.rule is not None:
            schema = {"allOf": [schema, operation.rule]}
        content: dict[str, Any] = {JSON_TYPE: {"schema": schema}}
        content |= {media: {} for media in operation.media}
        made["requestBody"] = {"required": operation.needs_body, "content": content}
    if need is not None:
        made["security"] = [{}] if need.role is None else [{"token": [need.role.value]}, {}]
    return made


def _answer(
    status: int, one: type | str | None, operation: Operation, named: Mapping[type, Schema]
) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if one is None:
        pass
    elif isinstance(one, str):
        schema = {"type": "object"} if one == JSON_TYPE else TEXT
        binary = one == ZIP_TYPE  # no JSON Schema describes that
        answer["content"] = {one: {} if binary else {"schema": schema}}
    else:
        answer["content"] = {JSON_TYPE: {"schema": named[one]}}
    if names := operation.headers.get(status):
        answer["headers"] = {name: _HEADERS[name] for name in names}
    return answer


def _problem(status: int, named: Mapping[type, Schema]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": named[api.Problem]}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": _HEADERS["Retry-After"]}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": _HEADERS["WWW-Authenticate"]}
    return answer


def _path_parameter(name: str) -> dict[str, Any]:
    schema, text = _PATH_PARAMETERS[name]
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": text}


def _query_parameter(parameter: Parameter) -> dict[str, Any]:
    schema = parameter.schema
    if parameter.repeated:
        schema = {"type": "array", "items": schema, "maxItems": parameter.most}
    return {
        "name": parameter.name,
        "in": "query",
        "schema": schema,
        "description": parameter.description,
    }


def _id(operation: Operation) -> str:
    """Return a name: `get_executions` for many, `get_execution_result` for what is of one."""
    path = re.sub(r"(\w)s/{\w+(:path)?}", r"\1", operation.path)
    words = re.findall(r"[a-z]+", path) or ["about"]
    return "_".join([operation.method.lower(), *words])
