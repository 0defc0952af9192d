"""Secrets: the workflow handles a placeholder, the host fills in the value where it leaves."""

from __future__ import annotations

from flawless import _host
from flawless._failures import from_engine
from flawless.errors import UsageError


def secret(name: str) -> str:
    """Return a placeholder for the secret `name`, to be put into an HTTP request.

    The host replaces it in what is sent to hosts that may have the secret. The value itself is
    never here, nor in the journal, the logs or an error.
    """
    if not isinstance(name, str) or not name:
        raise UsageError(f'a secret has a name, such as "STRIPE_KEY", not {name!r}')
    answer = _host.tell("secret", f'"name":{_host.encode(name)}')
    if "error" in answer:
        raise from_engine(answer["error"])
    placeholder: str = answer["ok"]
    return placeholder
