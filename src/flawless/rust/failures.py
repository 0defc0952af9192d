"""What the compiler says when a crate is wrong."""

from __future__ import annotations

from flawless.errors import DeploymentInvalid


class CompilationFailed(DeploymentInvalid):
    """The user's crate does not compile; `traceback` is what cargo and rustc say, in colour.

    The colours are ANSI escape sequences, as terminals understand them.
    """
