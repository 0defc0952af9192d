"""Secrets, outside of a workflow: the environment variable of that name."""

from __future__ import annotations

import os

from flawless.errors import UsageError


def secret(name: str) -> str:
    """Return a placeholder for the secret `name`, to be put into an HTTP request.

    The host replaces it in what is sent to hosts that may have the secret. The value itself never
    gets into the workflow, its journal, the logs or an error. Outside of a workflow the value of
    the environment variable is returned; if there is none, that is a `UsageError`.

    A request that needs a secret which is not there, or may not go to its host, raises
    `SecretUnavailable`.

    Example::

        http.post(url, json=order, headers={"Authorization": f"Bearer {secret('STRIPE_KEY')}"})
    """
    if not name:
        raise UsageError('a secret has a name, such as "STRIPE_KEY"')
    value = os.environ.get(name)
    if value is None:
        raise UsageError(
            f"no workflow runs here, and there is no environment variable {name}: set it to stand "
            "for the secret"
        )
    return value
