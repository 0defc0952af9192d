"""Performing HTTP requests for workflows, with httpx.

A request is kept as its workflow wrote it, with placeholders for secrets, over all redirects; each
hop is checked against the deployment's allow-list, filled with secrets, and sent. So what decides
about a redirect never holds a value, and no hop sends one to a host that may not have it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import os
import ssl
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx
import msgspec

from flawless.core.protocol import HttpRequest, public_url
from flawless.engine.egress import Egress
from flawless.engine.outcome import Outcome, host_error, succeeded
from flawless.engine.secrets import Disguise, Secrets
from flawless.errors import EgressDenied, SecretUnavailable
from flawless.ids import idempotency_key

_TRUST_SETTINGS = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
"""The environment variables that `httpx.create_ssl_context` reads."""

REPEATABLE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that RFC 9110 (section 9.2.2) defines as idempotent; TRACE is not offered."""

_TIMEOUT_S_MAX = 3600.0
_METHODS = REPEATABLE_METHODS | {"POST", "PATCH"}
_PORTS = {"http": 80, "https": 443}

_holds_secrets: ContextVar[bool] = ContextVar("flawless_holds_secrets", default=False)


def _is_loggable(_: logging.LogRecord) -> bool:
    return not _holds_secrets.get()


_HTTPCORE = ("connection", "http11", "http2", "proxy", "socks")
# These log URLs and headers as they are sent. (A logger's filter is not asked for its children.)
for _name in ("httpx", *(f"httpcore.{part}" for part in _HTTPCORE)):
    logging.getLogger(_name).addFilter(_is_loggable)


def may_repeat(request: HttpRequest) -> bool:
    """Whether a request may be sent again when nobody knows if the first one arrived."""
    return request.idempotent or request.method in REPEATABLE_METHODS


@dataclass(frozen=True, slots=True)
class _Hop:
    """One request, with placeholders."""

    method: str
    url: httpx.URL
    headers: list[tuple[str, str]]
    body: bytes | None

    def without(self, *names: str) -> _Hop:
        """Leave out headers, named in lower case."""
        return replace(
            self, headers=[pair for pair in self.headers if pair[0].lower() not in names]
        )


@cache
def _trusted(*_: str | None) -> ssl.SSLContext:
    """Read the certificates to trust, as the settings name them: once, for that takes a while."""
    return httpx.create_ssl_context()


class HttpPerformer:
    """Sends requests for all executions of an engine over one pool of connections."""

    def __init__(
        self,
        *,
        body_bytes_max: int,
        connections_max: int = 200,
        secrets: Secrets | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._body_bytes_max = body_bytes_max
        self._secrets = secrets or Secrets()
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(max_connections=connections_max, max_keepalive_connections=20),
            follow_redirects=False,
            # Executions share the client; cookies of one must never reach another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            verify=_trusted(*(os.environ.get(name) for name in _TRUST_SETTINGS)),
            timeout=None,  # noqa: S113 (one timeout spans the whole exchange, in `perform`)
            transport=transport,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def perform(
        self,
        execution: str,
        request: HttpRequest,
        *,
        seed: bytes | None = None,
        egress: Egress | None = None,
        traceparent: str | None = None,
    ) -> Outcome:
        """Send one request and read the whole response.

        Any status is a success; a request without a response is a typed error. Each request has an
        `Idempotency-Key` that is the same whenever it is sent again. `seed` is the execution's, for
        its secrets; `egress` its deployment's allow-list, if it has one. `traceparent` is sent as a
        header, unless the workflow has set one: here, so that it is no part of what was asked for.
        """
        if traceparent is not None and not _has(request.headers, "traceparent"):
            headers = [*request.headers, ("traceparent", traceparent)]
            request = msgspec.structs.replace(request, headers=headers)
        disguise = self._secrets.disguise(seed)
        outcome = await self._outcome(execution, request, disguise, egress)
        return _without_secrets(outcome, disguise) if outcome.failed else outcome

    async def _outcome(
        self, execution: str, request: HttpRequest, disguise: Disguise, egress: Egress | None
    ) -> Outcome:
        if request.method not in _METHODS:
            return host_error("InvalidURL", f"{request.method!r} is not a method of HTTP requests")
        if not 0 < request.timeout_s <= _TIMEOUT_S_MAX:
            text = f"a timeout must lie between 0 and {_TIMEOUT_S_MAX:g} s"
            return host_error("RequestTimeout", text)
        try:
            async with asyncio.timeout(request.timeout_s):
                return await self._exchange(execution, request, disguise, egress)
        except EgressDenied as error:
            return host_error("EgressDenied", str(error), host=error.host)
        except SecretUnavailable as error:
            fields = {"name": error.name, "reason": error.reason}
            return host_error("SecretUnavailable", str(error), **fields)
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

    async def _exchange(
        self, execution: str, request: HttpRequest, disguise: Disguise, egress: Egress | None
    ) -> Outcome:
        if not _usable(request.url):
            text = f"{_host(request.url)!r} is no address: write it as http://host/path"
            return host_error("InvalidURL", text)
        headers = list(request.headers)
        if not _has(headers, "idempotency-key"):
            headers.append(("Idempotency-Key", idempotency_key(execution, request.id)))
        url = httpx.URL(request.url)
        hop = _Hop(request.method, url, headers, _decode_body(request.body))
        if url.userinfo:
            # As a header it is treated as one when a redirect leads to another host.
            pair = f"{url.username}:{url.password}".encode()
            basic = f"Basic {base64.b64encode(pair).decode()}"
            hop = hop.without("authorization")
            hop.headers.append(("Authorization", basic))
        wanted = self._body_bytes_max if request.max_bytes is None else request.max_bytes
        limit = min(wanted, self._body_bytes_max)
        redirects = 0
        while True:
            if egress is not None:
                egress.expect_allowed(hop.url)
            message = self._filled(hop, disguise)
            quiet = _holds_secrets.set(disguise.used)
            try:
                response = await self._client.send(message, stream=True)
                try:
                    if not response.has_redirect_location or request.max_redirects == 0:
                        return await _read(hop, response, disguise, limit, self._body_bytes_max)
                    location = disguise.scrub(response.headers["Location"])
                finally:
                    await response.aclose()
            finally:
                _holds_secrets.reset(quiet)
            redirects += 1
            if redirects > request.max_redirects:
                text = f"{_host(request.url)} redirected more than {request.max_redirects} times"
                return host_error("TooManyRedirects", text)
            hop = _following(hop, response.status_code, location)

    def _filled(self, hop: _Hop, disguise: Disguise) -> httpx.Request:
        """Make the message that is sent: with secrets, if its host may have them."""
        url = httpx.URL(disguise.fill_url(str(hop.url)))
        assert (url.scheme, url.raw_host, url.port) == (
            hop.url.scheme,
            hop.url.raw_host,
            hop.url.port,
        ), "what is filled in is percent-encoded"
        body = hop.body
        if body is not None:
            kinds = [text for name, text in hop.headers if name.lower() == "content-type"]
            body = disguise.fill_body(body, kinds[0] if kinds else "", url)
        if body != hop.body:
            hop = hop.without("content-length")
        headers = [
            (name.encode("ascii"), _header_bytes(text, disguise.fill_header(name, text, url)))
            for name, text in hop.headers
        ]
        return self._client.build_request(hop.method, url, headers=headers, content=body)


def _has(headers: list[tuple[str, str]], wanted: str) -> bool:
    return any(name.lower() == wanted for name, _ in headers)


def _header_bytes(text: str, filled: str) -> bytes:
    return filled.encode("ascii" if filled == text else "utf-8")


def _following(hop: _Hop, status: int, location: str) -> _Hop:
    """Return the request a redirect asks for, made as browsers (and httpx) do."""
    try:
        target = httpx.URL(location)
    except httpx.InvalidURL as error:
        raise httpx.RemoteProtocolError(f"invalid URL in the location header: {error}") from None
    if target.scheme and not target.host:
        target = target.copy_with(host=hop.url.host)
    url = hop.url.join(target) if target.is_relative_url else target
    if url.scheme not in _PORTS:
        raise httpx.UnsupportedProtocol(f"it redirected to an address of type {url.scheme!r}")
    if hop.url.fragment and not url.fragment:
        url = url.copy_with(fragment=hop.url.fragment)
    method = hop.method
    if method != "HEAD" and (status in (302, 303) or (status == 301 and method == "POST")):
        method = "GET"
    following = replace(hop.without("cookie"), method=method, url=url)
    if _origin(url) != _origin(hop.url):
        following = following.without("host")
        upgrade = (_origin(hop.url), _origin(url)) == (
            ("http", url.raw_host, 80),
            ("https", url.raw_host, 443),
        )
        if not upgrade:
            following = following.without("authorization")
    if method != hop.method:
        following = replace(following.without("content-length", "transfer-encoding"), body=None)
    return following


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port or _PORTS.get(url.scheme)


async def _read(
    hop: _Hop, response: httpx.Response, disguise: Disguise, limit: int, encoded_max: int
) -> Outcome:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > limit:
            text = f"the response of {hop.url.host} is longer than {limit:,} bytes"
            return host_error("BodyTooLarge", text, limit_bytes=limit)
        chunks.append(chunk)
    value = {
        "status": response.status_code,
        "url": disguise.scrub(str(hop.url)),
        "headers": [
            [disguise.scrub(name), disguise.scrub(text)]
            for name, text in response.headers.multi_items()
        ],
        "body": _encode_body(disguise.scrub_bytes(b"".join(chunks))),
    }
    outcome = succeeded(value, "response")
    if len(outcome.payload) > encoded_max:
        text = f"the response of {hop.url.host} is longer than {encoded_max:,} bytes encoded"
        return host_error("BodyTooLarge", text, limit_bytes=encoded_max)
    return outcome


def _without_secrets(outcome: Outcome, disguise: Disguise) -> Outcome:
    """Take values out of an error's texts: libraries cite what they could not send or read."""
    error = msgspec.json.decode(outcome.payload)
    message = disguise.scrub(error["message"])
    if message == error["message"]:
        return outcome
    return Outcome(True, msgspec.json.encode({**error, "message": message}))


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
