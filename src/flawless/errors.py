"""Every error Flawless raises, as one tree.

The four branches answer the first question of whoever reads the error:

- `UsageError`: the caller can mend it (wrong name, wrong argument, wrong file).
- `ExecutionError`: one execution ended badly; the engine is well.
- `EffectError`: an effect failed; workflow code may catch it and go on.
- `EngineError`: the engine or its surroundings (disk, cache, another engine) have a problem.

Each class has one sentence of meaning, fields where a program may want to decide, and a message
that says what to do next.
"""

from __future__ import annotations

from typing import Any


class FlawlessError(Exception):
    """Base of all errors of Flawless."""


# --- mistakes the caller can mend -------------------------------------------------------------


class UsageError(FlawlessError):
    """The request cannot be carried out as it was made."""


class InputInvalid(UsageError):
    """What was given does not fit: a workflow's arguments, a message, a name. Nothing was done."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class WorkflowNotFound(UsageError):
    """No deployment has a workflow of that name."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        self.known = known
        listed = ", ".join(sorted(known)) or "none: is the module's function decorated?"
        super().__init__(f"no workflow is named {name!r}; known workflows: {listed}")


class ExecutionNotFound(UsageError):
    """No execution has that id."""

    def __init__(self, execution: str) -> None:
        self.execution = execution
        super().__init__(f"no execution has the id {execution!r}; `flawless list` shows all")


class ExecutionConflict(UsageError):
    """The id is taken by an execution of another workflow or with another input."""

    def __init__(self, execution: str, workflow: str) -> None:
        self.execution = execution
        self.workflow = workflow
        super().__init__(
            f"execution {execution!r} exists already, as {workflow!r} with another input; "
            "use another id, or the same input to get the same execution"
        )


class ExecutionEnded(UsageError):
    """The execution has ended, so nothing reaches it any more."""

    def __init__(self, execution: str, status: str) -> None:
        self.execution = execution
        self.status = status
        super().__init__(
            f"execution {execution!r} has ended ({status}): nothing reaches it any more; "
            f"`flawless show {execution}` tells how it ended"
        )


class InboxFull(UsageError):
    """As many messages wait for the execution as its inbox may hold."""

    def __init__(self, execution: str, limit: int) -> None:
        self.execution = execution
        self.limit = limit
        super().__init__(
            f"the inbox of execution {execution!r} is full: {limit:,} messages (or the bytes an "
            "inbox may hold) wait to be received; send again when it has received some"
        )


class NotParked(UsageError):
    """No effect of the execution waits for a person's decision."""

    def __init__(self, execution: str, status: str = "", effect: int | None = None) -> None:
        self.execution = execution
        self.status = status
        self.effect = effect
        what = "no effect" if effect is None else f"effect {effect}"
        waits = "waits" if effect is None else "does not wait"
        shown = f" (it is {status})" if status else ""
        super().__init__(
            f"{what} of execution {execution!r} {waits} for a decision{shown}; "
            "`flawless list --parked` shows those that do"
        )


class RetryRefused(UsageError):
    """The execution cannot be retried as it is."""

    def __init__(self, execution: str, reason: str) -> None:
        self.execution = execution
        self.reason = reason
        super().__init__(f"execution {execution!r} cannot be retried: {reason}")


class DeploymentInvalid(UsageError):
    """The user's code cannot be deployed: it does not load, or has no workflow."""

    def __init__(self, message: str, *, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class DeploymentNotFound(UsageError):
    """No deployment has that id, or it has no module of that name."""

    def __init__(self, deployment: str, module: str | None = None) -> None:
        self.deployment = deployment
        self.module = module
        what = f"deployment {deployment!r}"
        super().__init__(
            f"there is no {what}; `flawless deployments` lists all"
            if module is None
            else f"{what} has no module {module!r}: only what its workflows load is kept there"
        )


class ValueTooLarge(UsageError):
    """A value exceeds the size limit for arguments, results and messages."""

    def __init__(self, what: str, size_bytes: int, limit_bytes: int) -> None:
        self.what = what
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes
        super().__init__(
            f"{what} is {size_bytes:,} bytes long, the limit is {limit_bytes:,}: "
            "store it elsewhere and pass a reference"
        )


# --- an execution ended badly -----------------------------------------------------------------


class ExecutionError(FlawlessError):
    """An execution did not end with a result."""

    def __init__(self, message: str, *, execution: str = "") -> None:
        super().__init__(message)
        self.execution = execution


class ExecutionFailed(ExecutionError):
    """The workflow raised, or was stopped by a limit.

    `type` is the exception's class as `module.Name`, `traceback` shows the user's lines, and
    `error` is the whole error object of the protocol.
    """

    def __init__(
        self, execution: str, type_: str, message: str, traceback: str, error: dict[str, Any]
    ) -> None:
        super().__init__(f"{execution}: {type_}: {message}", execution=execution)
        self.type = type_
        self.message = message
        self.traceback = traceback
        self.error = error


class ExecutionCancelled(ExecutionError):
    """The execution was cancelled or terminated; `reason` is what was said about it."""

    def __init__(self, execution: str, reason: str = "") -> None:
        because = f": {reason}" if reason else ""
        super().__init__(f"execution {execution!r} was cancelled{because}", execution=execution)
        self.reason = reason


class ResultTimeout(ExecutionError, TimeoutError):
    """The execution has not ended within the time the caller was ready to wait; it goes on."""


class Divergence(ExecutionError):
    """On replay the guest asked for something else than its journal holds."""

    def __init__(
        self, execution: str, position: int, recorded: str, requested: str, where: str = ""
    ) -> None:
        self.position = position
        self.recorded = recorded
        self.requested = requested
        self.where = where
        at = f" at {where}" if where else ""
        super().__init__(
            f"execution {execution!r} diverged at journal entry {position}: the journal holds "
            f"{recorded}, the code asked for {requested}{at}. Nothing was done beyond the journal; "
            "the code or the runtime is not the one the execution began with",
            execution=execution,
        )


class JournalDamaged(ExecutionError):
    """A journal entry fails its check (checksum, order or kind); the execution is stopped."""

    def __init__(self, execution: str, position: int, reason: str) -> None:
        self.position = position
        self.reason = reason
        super().__init__(
            f"the journal of execution {execution!r} is damaged at entry {position}: {reason}. "
            "Nothing was changed; restore the data folder from a backup, or start again under "
            "another id",
            execution=execution,
        )


# --- an effect failed: workflow code may catch these ------------------------------------------


class EffectError(FlawlessError):
    """An effect did not succeed."""


class Interrupted(EffectError):
    """The process died while this effect was under way, and it must not be repeated."""


class StepFailed(EffectError):
    """A step raised an exception whose class the workflow cannot import, or its worker died."""

    def __init__(self, type: str, message: str, traceback: str = "") -> None:  # noqa: A002 (field)
        super().__init__(f"{type}: {message}")
        self.type = type
        self.message = message
        self.traceback = traceback


class StepTimeout(EffectError, TimeoutError):
    """A step did not end within its `timeout`."""


class SecretUnavailable(EffectError):
    """No provider knows the secret, or it may not go where it was to be sent."""

    def __init__(self, name: str, reason: str = "") -> None:
        self.name = name
        self.reason = reason
        because = reason or "no provider of this engine knows it"
        super().__init__(
            f"the secret {name!r} is not available: {because}. Set it where the engine runs "
            "(environment or file), and allow it for the host it goes to"
        )


class HTTPError(EffectError):
    """An HTTP request got no response. (Statuses of 400 and above are responses.)"""


class EgressDenied(HTTPError):
    """The deployment's allow-list does not have the host; nothing was sent."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"requests to {host!r} are not allowed for this deployment: add the host to its "
            "allow-list"
        )


class ConnectError(HTTPError):
    """The server cannot be reached."""


class RequestTimeout(HTTPError, TimeoutError):
    """The response was not complete within the timeout."""


class BodyTooLarge(HTTPError):
    """The response body exceeds the size limit."""


class TooManyRedirects(HTTPError):
    """The server redirected more often than the request allows."""


class InvalidURL(HTTPError):
    """The URL cannot be requested."""


class ProtocolError(HTTPError):
    """The server broke off or did not speak HTTP."""


# --- the engine or its surroundings -----------------------------------------------------------


class EngineError(FlawlessError):
    """The engine cannot do its work."""


class EngineStopped(EngineError):
    """The engine is stopping or closed; executions go on when it is started again."""


class EngineLocked(EngineError):
    """Another engine has this data open."""


class ToolchainError(EngineError):
    """The Python runtime component cannot be built, compiled or cached."""


class GuestTrapped(EngineError):
    """The guest's code stopped with a WebAssembly trap."""

    def __init__(self, message: str, backtrace: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.backtrace = backtrace


class GuestCpuExceeded(EngineError):
    """The guest computed longer in one turn than its limit allows."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        super().__init__(
            f"the workflow computed for more than {limit_s:g} s without asking for an effect: "
            "an endless loop? Heavy computation belongs in a @step; the limit is `cpu_s_per_turn`"
        )


class StoreError(EngineError):
    """The store cannot read or write. `retriable` tells whether trying again may help."""

    def __init__(self, operation: str, cause: str, hint: str, *, retriable: bool) -> None:
        self.operation = operation
        self.cause = cause
        self.hint = hint
        self.retriable = retriable
        super().__init__(f"the store cannot {operation}: {cause}. {hint}")


class StoreConflict(EngineError):
    """An entry was appended at a position the journal has already passed: two writers."""


class ServerError(EngineError):
    """The server answered in a way the client does not understand, or cannot be reached."""
