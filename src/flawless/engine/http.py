"""Performing HTTP requests for workflows, with httpx."""

from __future__ import annotations

import asyncio
import base64
import binascii
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx

from flawless.core.protocol import HttpRequest, public_url
from flawless.engine.outcome import Outcome, host_error, succeeded
from flawless.ids import idempotency_key

REPEATABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that RFC 9110 (section 9.2.2) defines as idempotent; TRACE is not offered."""

_TIMEOUT_S_MAX = 3600.0
_METHODS = REPEATABLE_METHODS | {"POST", "PATCH"}


def may_repeat(request: HttpRequest) -> bool:
    """Whether a request may be sent again when nobody knows if the first one arrived."""
    return request.idempotent or request.method in REPEATABLE_METHODS


class HttpPerformer:
    """Sends requests for all executions of an engine over one pool of connections."""

    def __init__(self, *, body_bytes_max: int, connections_max: int = 200) -> None:
        self._body_bytes_max = body_bytes_max
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=connections_max, max_keepalive_connections=20),
            follow_redirects=False,
            # Executions share the client; cookies of one must never reach another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=None,  # noqa: S113 (one timeout spans the whole exchange, in `perform`)
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def perform(self, execution: str, request: HttpRequest) -> Outcome:
        """Send one request and read the whole response.

        Any status is a success; a request without a response is a typed error. Each request has an
        `Idempotency-Key` that is the same whenever it is sent again.
        """
        if request.method not in _METHODS:
            return host_error("InvalidURL", f"{request.method!r} is not a method of HTTP requests")
        if not 0 < request.timeout_s <= _TIMEOUT_S_MAX:
            text = f"a timeout must lie between 0 and {_TIMEOUT_S_MAX:g} s"
            return host_error("RequestTimeout", text)
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._exchange(execution, request)
        except TimeoutError:
            text = f"no complete response from {_host(request.url)} within {request.timeout_s:g} s"
            return host_error("RequestTimeout", text)
        except httpx.TimeoutException as error:
            return host_error("RequestTimeout", f"{_host(request.url)}: {_cause(error)}")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            return host_error("InvalidURL", f"{_host(request.url)!r}: {_cause(error)}")
        except (httpx.ConnectError, httpx.ProxyError) as error:
            text = f"cannot connect to {_host(request.url)}: {_cause(error)}"
            return host_error("ConnectError", text)
        except (httpx.HTTPError, httpx.StreamError, ValueError, OSError) as error:
            return host_error("ProtocolError", f"{_host(request.url)}: {_cause(error)}")

    async def _exchange(self, execution: str, request: HttpRequest) -> Outcome:
        if not _usable(request.url):
            text = f"{_host(request.url)!r} is no address: write it as http://host/path"
            return host_error("InvalidURL", text)
        body = _decode_body(request.body)
        headers = list(request.headers)
        if all(name.lower() != "idempotency-key" for name, _ in headers):
            headers.append(("Idempotency-Key", idempotency_key(execution, request.id)))
        message = self._client.build_request(
            request.method, request.url, headers=headers, content=body
        )
        wanted = self._body_bytes_max if request.max_bytes is None else request.max_bytes
        limit = min(wanted, self._body_bytes_max)
        redirects = 0
        while True:
            response = await self._client.send(message, stream=True)
            try:
                following = response.next_request
                if following is None or request.max_redirects == 0:
                    return await _read(response, limit, self._body_bytes_max)
            finally:
                await response.aclose()
            redirects += 1
            if redirects > request.max_redirects:
                text = f"{_host(request.url)} redirected more than {request.max_redirects} times"
                return host_error("TooManyRedirects", text)
            message = following


async def _read(response: httpx.Response, limit: int, encoded_max: int) -> Outcome:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > limit:
            text = f"the response of {response.url.host} is longer than {limit:,} bytes"
            return host_error("BodyTooLarge", text, limit_bytes=limit)
        chunks.append(chunk)
    value = {
        "status": response.status_code,
        "url": str(response.url),
        "headers": [[name, text] for name, text in response.headers.multi_items()],
        "body": _encode_body(b"".join(chunks)),
    }
    outcome = succeeded(value, "response")
    if len(outcome.payload) > encoded_max:
        text = f"the response of {response.url.host} is longer than {encoded_max:,} bytes encoded"
        return host_error("BodyTooLarge", text, limit_bytes=encoded_max)
    return outcome


def _encode_body(body: bytes) -> dict[str, str]:
    try:
        return {"text": body.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode("ascii")}


def _decode_body(body: dict[str, str] | None) -> bytes | None:
    if body is None:
        return None
    if "base64" in body:
        try:
            return base64.b64decode(body["base64"], validate=True)
        except binascii.Error as error:
            raise ValueError(f"the body is not valid base64: {error}") from error
    return body.get("text", "").encode("utf-8")


def _usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _host(url: str) -> str:
    """The part of a URL that is no secret, without its path."""
    public = public_url(url)
    scheme, separator, rest = public.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if separator else public


def _cause(error: Exception) -> str:
    return str(error) or type(error).__name__
