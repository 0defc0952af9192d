"""One connection to a server: requests, typed answers, and problems as the errors they were."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec

from flawless import api, errors
from flawless.errors import FlawlessError, InputInvalid, ServerError, UsageError
from flawless.ids import execution_id

T = TypeVar("T")

URL_DEFAULT: Final = "http://127.0.0.1:27288"
ANSWER_S_MAX: Final = 15.0
"""How long an answer may take that does not wait for anything."""


class Connection:
    """Speaks to one server. `url` and `token` come from the environment unless given."""

    def __init__(self, url: str | None = None, token: str | None = None) -> None:
        self.url = (url or os.environ.get("FLAWLESS_URL") or URL_DEFAULT).rstrip("/")
        host = _host(self.url)
        token = token or os.environ.get("FLAWLESS_TOKEN") or None
        if token is not None and not (token.isascii() and token.isprintable()):
            raise UsageError("FLAWLESS_TOKEN has characters that no token has; copy it again")
        self._http = httpx.Client(
            base_url=self.url + api.PREFIX,
            headers={} if token is None else {"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(ANSWER_S_MAX),
            trust_env=not _is_local(host),  # a proxy is for other machines
        )

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def post(self, path: str, body: Mapping[str, Any], type_: type[T], *, wait_s: float = 0.0) -> T:
        """Send a body as JSON; `wait_s` is how long the server may wait before it answers."""
        try:
            # Not with msgspec alone, which writes a NaN as null.
            content = json.dumps(
                msgspec.to_builtins(body), ensure_ascii=False, allow_nan=False
            ).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise InputInvalid(f"what is to be sent is not JSON: {error}") from error
        return self.send("POST", path, type_, body=content, wait_s=wait_s)

    def get(
        self,
        path: str,
        type_: type[T],
        query: Mapping[str, str | int | float] | None = None,
        *,
        wait_s: float = 0.0,
    ) -> T:
        """Ask for a document."""
        return self.send("GET", path, type_, query=query, wait_s=wait_s)

    def send(
        self,
        method: str,
        path: str,
        type_: type[T],
        *,
        query: Mapping[str, str | int | float] | None = None,
        body: bytes | None = None,
        wait_s: float = 0.0,
        also: int | None = None,
    ) -> T:
        """Send a request; a status that is no success, but for `also`, is raised."""
        try:
            response = self._http.request(
                method,
                path,
                params=query,
                content=body,
                headers={} if body is None else {"Content-Type": "application/json"},
                timeout=httpx.Timeout(ANSWER_S_MAX, read=ANSWER_S_MAX + wait_s),
            )
        except UnicodeEncodeError as error:
            raise InputInvalid(f"what is to be sent is no text: {error}") from error
        except httpx.ConnectError as error:
            raise ServerUnreachable(
                f"no server answers at {self.url}: start it with `flawless up app.py`, or set "
                "FLAWLESS_URL to where it is"
            ) from error
        except httpx.TimeoutException as error:
            raise ServerUnreachable(
                f"the server at {self.url} did not answer in time; is it very busy, or stopped?"
            ) from error
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
            raise ServerUnreachable(
                f"the connection to {self.url} broke off ({reason}); what was started goes on when "
                "the server is back"
            ) from error
        if response.is_success or response.status_code == also:
            try:
                return msgspec.json.decode(response.content, type=type_)
            except msgspec.DecodeError as error:
                raise self._stranger(response) from error
        raise self._error(response)

    def _error(self, response: httpx.Response) -> FlawlessError:
        try:
            content = msgspec.json.decode(response.content, type=dict[str, Any])
            kind, detail = str(content.pop("type")), str(content.pop("detail"))
        except (msgspec.DecodeError, KeyError):
            return self._stranger(response)
        if response.status_code == 401:
            return UsageError(
                f"the server at {self.url} wants a token: set FLAWLESS_TOKEN to the server's"
            )
        known = _KNOWN.get(kind.removeprefix(api.PROBLEM_TYPE))
        if known is not None:
            # The message is complete; constructors, which would build it from parts, differ.
            error = known.__new__(known)
            Exception.__init__(error, detail)
            for name in ("status", "title"):
                content.pop(name, None)
            for name, written in api.PROBLEM_FIELDS.items():
                if written in content:
                    content[name] = content.pop(written)
            error.__dict__.update(content)
            return error
        hint = f" ({content['hint']})" if "hint" in content else ""
        if response.status_code < 500:
            return UsageError(f"{detail}{hint}")
        return ServerError(f"the server at {self.url} has a problem: {detail}{hint}")

    def _stranger(self, response: httpx.Response) -> ServerError:
        shown = " ".join(response.text[:100].split())
        return ServerError(
            f"what answers at {self.url} is no Flawless server, or one this client is too old for "
            f"(status {response.status_code}: {shown!r}); check FLAWLESS_URL"
        )


class ServerUnreachable(ServerError):
    """No server answers at the address, or it broke off."""


_KNOWN: dict[str, type[FlawlessError]] = {
    api.slug(name): found
    for name, found in vars(errors).items()
    if isinstance(found, type) and issubclass(found, FlawlessError)
}


def path_of(id: str, tail: str = "") -> str:  # noqa: A002 (the word of the API)
    """Return the path of an execution, or of an earlier run (`ID~1`); raises `InputInvalid`."""
    id_, separator, run = id.partition("~")
    if separator and not (run.isascii() and run.isdigit()):
        raise InputInvalid(f"{id!r} is no id: an earlier run is written ID~1", path="id")
    return f"/executions/{quote(execution_id(id_), safe='')}{separator}{run}{tail}"


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname
        usable = parts.scheme in ("http", "https") and host and parts.port != 0
    except ValueError:
        usable, host = False, None
    if not usable or host is None:
        raise UsageError(
            f"FLAWLESS_URL is no address of a server: {url!r}; it looks like {URL_DEFAULT}"
        )
    return host


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
