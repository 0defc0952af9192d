"""The description of the HTTP API as an OpenAPI document, which tests hold against the server."""

from flawless.server.openapi.document import openapi
from flawless.server.openapi.operations import OPERATIONS
from flawless.server.openapi.route import OpenAPI, needs

__all__ = ["OPERATIONS", "OpenAPI", "needs", "openapi"]
