"""What can be done to executions: talking, ending, repairing, deciding.

Which of these the client repeats when it does not hear whether they arrived: `send`, `cancel` and
`terminate`, because they carry an id by which the server knows them again. `retry` and `resolve`
carry none: asked twice, they might do an effect once more, or decide about another effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from flawless import api
from flawless.client.call import Call, path_of, post, present
from flawless.ids import new_message_id


def send(
    id: str,  # noqa: A002 (the word of the API)
    name: str,
    payload: Any = None,
    *,
    message_id: str | None = None,
) -> Call[bool]:
    """Send a message; False when one with this `message_id` was sent before.

    Raises `ExecutionNotFound`, `ExecutionEnded`, `InboxFull`, `ValueTooLarge`, and `InputInvalid`
    when the payload is not what the workflow declares for that name. Without a `message_id` the
    client makes one up, so that what it repeats itself counts once. When this returns, the message
    is durable, and the workflow receives it once.
    """
    known = message_id is not None
    body = {"name": name, "payload": payload, "id": message_id if known else new_message_id()}
    call = post(path_of(id, "/messages"), body, api.SentMessage, repeatable=True)
    return call.then(lambda sent: sent.new or not known)


def cancel(
    id: str,  # noqa: A002 (the word of the API)
    reason: str = "",
    *,
    grace_s: float | None = None,
    by: str = "",
    message_id: str | None = None,
) -> Call[api.Execution]:
    """Ask an execution to end; its workflow may clean up, for `grace_s` if that is given.

    A second call ends it for good, unless it has the same `message_id`. Raises `ExecutionEnded`.
    When this returns, the request is durable.
    """
    mark = new_message_id() if message_id is None else message_id
    body = present(reason=reason, grace_s=grace_s, by=by, id=mark)
    return post(path_of(id, "/cancel"), body, api.Execution, repeatable=True)


def terminate(
    id: str,  # noqa: A002 (the word of the API)
    reason: str = "",
    *,
    by: str = "",
    message_id: str | None = None,
) -> Call[api.Execution]:
    """End an execution at once, without cleaning up; else as `cancel`."""
    mark = new_message_id() if message_id is None else message_id
    body = present(reason=reason, by=by, id=mark)
    return post(path_of(id, "/terminate"), body, api.Execution, repeatable=True)


def retry(
    id: str,  # noqa: A002 (the word of the API)
    *,
    from_start: bool = False,
    effect: int | None = None,
    by: str = "",
) -> Call[api.Execution]:
    """Let a failed execution go on from the effect that failed, or begin again.

    Raises `RetryRefused`, which says why. When this returns, the retry is durable. It is not
    repeated when the connection breaks: look at the execution before you ask again.
    """
    body = present(from_start=from_start, effect=effect, by=by)
    return post(path_of(id, "/retry"), body, api.Execution)


def resolve(
    id: str,  # noqa: A002 (the word of the API)
    *,
    ok: Any = msgspec.UNSET,
    error: str | None = None,
    retry: bool = False,
    effect: int | None = None,
    by: str = "",
) -> Call[api.Resolution]:
    """Decide about a parked effect: the value it had (`ok`), an `error`, or `retry=True`.

    `effect` may be left out when only one is parked. Raises `NotParked`. When this returns, the
    decision is durable, with who (`by`) and when. It is not repeated when the connection breaks:
    look what is still parked before you decide again.
    """
    body = present(retry=retry, by=by, error=error, effect=effect)
    if ok is not msgspec.UNSET:
        body["ok"] = ok
    return post(path_of(id, "/resolve"), body, api.Resolution)


def capability(
    id: str,  # noqa: A002 (the word of the API)
    rights: Sequence[str] = ("state", "send"),
    *,
    ttl_s: float = api.CAPABILITY_S,
    messages: Sequence[str] | None = None,
) -> Call[api.Capability]:
    """Return a token that opens this execution and nothing else, for `ttl_s`.

    `rights` are `state` (see how it stands), `send` (send it messages, those named in `messages` if
    given) and `journal` (read journal and logs). It is for others, such as a page in a browser.
    """
    body = present(
        rights=list(rights), ttl_s=ttl_s, messages=None if messages is None else list(messages)
    )
    return post(path_of(id, "/capability"), body, api.Capability, repeatable=True)
