"""`tokens`: who may ask the server of a data folder, and what."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.text import Text

from flawless import api
from flawless.cli import output
from flawless.cli.given import AsJson
from flawless.durations import LONGEST_S
from flawless.engine.clock import SystemClock
from flawless.errors import UsageError

if TYPE_CHECKING:
    from flawless.server.access.tokens import Token

Data: TypeAlias = Annotated[
    Path, typer.Option(metavar="DIR", help="The data folder of the server, as for `up`.")
]
Name: TypeAlias = Annotated[str, typer.Argument(help="Whose token it is.")]

_DATA = Path(".flawless")


def commands() -> typer.Typer:
    """Return the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Tokens with roles: who may ask the server of a data folder, and what.",
    )
    group.command()(add)
    group.command("list")(list_)
    group.command()(revoke)
    return group


def add(
    name: Name,
    role: Annotated[
        str,
        typer.Option(
            help="read: see everything; operate: also start, send, end and repair; deploy: also "
            "upload code."
        ),
    ],
    data: Data = _DATA,
    expires: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long it lasts: 90d, 12h. Without it: for good."),
    ] = None,
) -> None:
    """Make a token and print it, once: the server keeps only its hash.

    A server that runs on the folder takes it at once. From the first token on, it wants one from
    everybody.
    """
    from flawless.server.access import tokens
    from flawless.server.access.roles import Role

    if role not in list(Role):
        raise UsageError(f"--role {role!r}: there are {', '.join(Role)}")
    now_us = SystemClock().now_us()
    path = data / tokens.TOKENS_FILE
    first = not path.exists()
    lasts_s = output.parse_seconds(expires, "--expires")
    if lasts_s is not None and not 0 < lasts_s <= LONGEST_S:
        raise UsageError(f"--expires {expires!r}: a token lasts longer than that, up to 100 years")
    expires_us = None if lasts_s is None else now_us + math.ceil(lasts_s * 1_000_000)
    text = tokens.add(path, name, Role(role), now_us, expires_us)
    output.line(text)
    output.note("keep it safe: it is not shown again")
    if first:
        output.note(f"the server of {data} now wants a token from everybody")


def list_(data: Data = _DATA, as_json: AsJson = False) -> None:
    """List the tokens: names and roles, never the tokens themselves."""
    from flawless.server.access import tokens

    found = tokens.load(data / tokens.TOKENS_FILE)
    now_us = SystemClock().now_us()
    if as_json:
        output.print_json(
            [
                {
                    "name": token.name,
                    "role": token.role,
                    "id": token.id,
                    "created_at": token.created_at,
                    "expires_at": token.expires_at,
                }
                for token in found
            ]
        )
        return
    if not found:
        output.note(f"no tokens in {data}: flawless tokens add NAME --role ROLE")
        return
    output.table(
        ("name", "role", "begins with", "created", "expires"),
        [
            (
                token.name,
                token.role,
                f"{tokens.TOKEN_SIGN}{token.id}",
                f"{output.length(max(0, now_us - api.microseconds(token.created_at)))} ago",
                _expiry(token, now_us),
            )
            for token in found
        ],
    )


def revoke(name: Name, data: Data = _DATA) -> None:
    """Make a token void, with all logins and capability tokens that came from it, at once."""
    from flawless.server.access import tokens

    path = data / tokens.TOKENS_FILE
    left = tokens.revoke(path, name)
    output.note(f"revoked {name}")
    if not left:
        output.note(
            f"no tokens are left, and the server still wants one; to serve this machine without, "
            f"stop the server and delete {path}"
        )


def _expiry(token: Token, now_us: int) -> Text:
    if token.expires_at is None:
        return Text("never", style="dim")
    left_us = api.microseconds(token.expires_at) - now_us
    if left_us <= 0:
        return Text("expired", style="red")
    return Text(f"in {output.length(left_us)}")
