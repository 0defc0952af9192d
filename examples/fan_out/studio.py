"""A studio that makes small copies of photos, and cannot read some of them."""

from __future__ import annotations

from world import Body, Refused, Service

UNREADABLE = ("photo-0013", "photo-0500", "photo-0987")
PHOTOS = [f"photo-{number:04}" for number in range(1_000)]


def shrink(body: Body) -> Body:
    """Shrink a photo."""
    photo = body["photo"]
    if photo in UNREADABLE:
        raise Refused(f"{photo} is a cat video")
    return {"bytes": 1_000 + int(photo[-3:])}


SERVICES: dict[str, Service] = {"shrink": shrink}
