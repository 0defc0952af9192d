"""Writing documents: structs of `flawless.api` as JSON responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

JSON_TYPE = "application/json"
ZIP_TYPE = "application/zip"


def encoded(content: Any) -> bytes:
    """Return a struct or JSON-able object as JSON on one line.

    Values come from workflows and may hold what strict encoders refuse: integers of any size, and
    halves of surrogate pairs, which become the escapes they are in JSON.
    """
    text = json.dumps(
        msgspec.to_builtins(content), ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
    return text.encode("utf-8", "backslashreplace")


def document(
    content: Any,
    status: int = 200,
    *,
    media_type: str = JSON_TYPE,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response that holds `content`, a struct or JSON-able object."""
    return Response(encoded(content), status, headers=headers, media_type=media_type)
