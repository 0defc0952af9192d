"""Who may ask: what a server asks of its callers, and who a caller turned out to be.

Without a token the server listens on loopback only. A page in a browser could still reach it in two
ways, and both are refused. It could send a form to `http://127.0.0.1:27288`; browsers then name the
page in `Origin`. Or its own name could be made to resolve to 127.0.0.1 (DNS rebinding); the browser
then names the page in `Host`. With a token neither helps: no browser adds it by itself.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

from starlette.requests import HTTPConnection
from starlette.types import Scope

from flawless.errors import FlawlessError, UsageError
from flawless.server.access.capabilities import CAPABILITY_SIGN
from flawless.server.access.limits import RequestLimits
from flawless.server.access.roles import Need, Right, Role
from flawless.server.access.tokens import TOKEN_SIGN, TOKENS_FILE
from flawless.server.wire.problems import NotPermitted, TokenRequired

TOKEN_CHARS_MIN: Final = 16
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](:[0-9]{1,5})?")
_CALLER: Final = "flawless.caller"
_STILL: Final = "flawless.still"

Via: TypeAlias = Literal["nobody", "local", "token", "session", "capability", "host"]


@dataclass(frozen=True, slots=True)
class Access:
    """On which host the server listens, and how it tells who may ask what.

    `token` is FLAWLESS_TOKEN: its bearer may do everything. `data` is the folder with the tokens
    that `flawless tokens` makes and the server's key; without it there are none, and capability
    tokens end with the server. Pages of `origins` may send requests with a token from elsewhere.

    Raises `UsageError` when others could reach the host and there is no token to keep them out, or
    a setting is not what it must be.
    """

    host: str = "127.0.0.1"
    token: str | None = field(default=None, repr=False)
    data: Path | None = None
    origins: tuple[str, ...] = ()
    limits: RequestLimits = field(default_factory=RequestLimits)

    def __post_init__(self) -> None:
        if self.token is not None and (
            len(self.token) < TOKEN_CHARS_MIN or not self.token.isascii() or " " in self.token
        ):
            raise UsageError(
                f"FLAWLESS_TOKEN must have at least {TOKEN_CHARS_MIN} ASCII characters and no "
                "spaces; `openssl rand -hex 20` makes a good one"
            )
        if self.token is not None and self.token.startswith((TOKEN_SIGN, CAPABILITY_SIGN)):
            # It would open everything, whatever role it was made with, and even when revoked.
            raise UsageError(
                "FLAWLESS_TOKEN has a token that Flawless made with a role of its own; the server "
                "knows those from its data folder: unset FLAWLESS_TOKEN where the server starts"
            )
        if self.token is None and not is_loopback(self.host) and not self.has_tokens:
            raise UsageError(
                f"{self.host} can be reached from other machines, and nothing would ask them for "
                "a token: make tokens with `flawless tokens add`, or set FLAWLESS_TOKEN (for the "
                "server and its clients), or listen on 127.0.0.1"
            )
        for origin in self.origins:
            if not _ORIGIN.fullmatch(origin):
                raise UsageError(
                    f"{origin!r} is no origin: write https://app.example.com or "
                    "http://localhost:3000, in lower case, without a path"
                )

    @property
    def has_tokens(self) -> bool:
        """Tell whether the data folder has a file of tokens."""
        return self.data is not None and (self.data / TOKENS_FILE).exists()


def is_loopback(host: str) -> bool:
    """Tell whether only programs on this machine can reach a server that listens on `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and what they may.

    `via` is how that is known; `host` is a program that has the engine mounted and knows its own
    users. A capability has `rights` on its one `execution` and no role;
    `messages` are the names of messages it may send, None if it may send all. `csrf` belongs to a
    session: pages of ours send it with what they ask for. `refused` is why nobody was recognised.
    """

    name: str
    via: Via
    role: Role | None = None
    rights: frozenset[Right] = frozenset()
    execution: str | None = None
    messages: frozenset[str] | None = None
    expires_us: int | None = None
    token_id: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    csrf: str | None = field(default=None, repr=False)
    refused: FlawlessError | None = field(default=None, repr=False)

    @property
    def account(self) -> str:
        """Return what stands for this caller where its requests are counted.

        Names are of different kinds: an execution may be called as a token is.
        """
        return f"execution {self.execution}" if self.execution else f"token {self.name}"

    @property
    def reads_journal(self) -> bool:
        """Tell whether it may see more of what it is shown than how that stands."""
        return self.via != "capability" or Right.JOURNAL in self.rights

    def require(self, need: Need, execution: str | None) -> None:
        """Raise unless this caller may do what has that need, where `execution` is what it is on.

        `TokenRequired` when nobody knows who asks, `NotPermitted` when it is known and too little.
        """
        if need.open:
            return
        if self.via == "nobody":
            raise self.refused or TokenRequired("this server wants a token, and there is none")
        if need.known:
            return
        if self.via == "capability":
            self._require_right(need, execution)
        elif need.role is None or self.role is None or not self.role.includes(need.role):
            role = self.role or "none"
            raise NotPermitted(
                f"the token {self.name!r} has the role {role}, and this needs {need.role}",
                f"use a token with the role {need.role}; `flawless tokens add NAME --role "
                f"{need.role}` makes one",
            )

    def require_message(self, name: str) -> None:
        """Raise `NotPermitted` unless this caller may send messages of this name."""
        if self.messages is not None and name not in self.messages:
            raise NotPermitted(
                f"this capability token may not send messages named {name[:100]!r}",
                f"it may send {', '.join(sorted(self.messages)) or 'none'}",
            )

    def signature(self, claimed: str) -> str:
        """Return who did something, for the record, when the request says it was `claimed`.

        With tokens the record has the token's name, and what the bearer says beside it: a token
        cannot act in another one's name. On this machine alone, anybody is whom they say.
        """
        if self.via == "local" or claimed == self.name:
            return claimed
        return f"{claimed} (via token {self.name})" if claimed else self.name

    def _require_right(self, need: Need, execution: str | None) -> None:
        if need.right is None:
            raise NotPermitted(
                "a capability token opens one execution, and this is more than that",
                "use a token with a role",
            )
        if execution is None or execution != self.execution:
            raise NotPermitted(
                "this capability token is for another execution",
                "children and earlier runs need capability tokens of their own",
            )
        if need.right not in self.rights:
            raise NotPermitted(
                f"this capability token has not the right {need.right}",
                "whoever gave it out can name more in `rights`",
            )


NOBODY: Final = Caller("nobody", "nobody")


def caller(connection: HTTPConnection) -> Caller:
    """Return who sent a request; `NOBODY` where that is not known."""
    return caller_in(connection.scope)


def caller_in(scope: Scope) -> Caller:
    """Return who sent the request with this scope."""
    return cast("Caller", scope.get(_CALLER, NOBODY))


def still_allowed(connection: HTTPConnection) -> bool:
    """Tell whether the caller of a long answer may go on reading it.

    False once its token was revoked, or token, session or capability has expired. It is cheap:
    streams ask at each heartbeat.
    """
    still = cast("Callable[[], bool] | None", connection.scope.get(_STILL))
    return still is not None and still()


def introduce(scope: Scope, who: Caller, still: Callable[[], bool]) -> None:
    """Write into a scope who sent the request, and how to see whether that still holds."""
    scope[_CALLER] = who
    scope[_STILL] = still
