"""Tags of contents: by them browsers ask whether what they have is still right."""

from __future__ import annotations

import hashlib

from starlette.requests import Request


def tag(content: bytes) -> str:
    """Return the `ETag` of a content."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def knows(request: Request, tag_: str) -> bool:
    """Tell whether who asks has the content with this tag: the answer is 304."""
    known = request.headers.get("if-none-match", "")
    return any(one.strip().removeprefix("W/") in (tag_, "*") for one in known.split(","))
