"""HTTP requests, performed by the engine and journaled.

    from flawless import http
    order = http.get("https://shop.example/orders/7", timeout=10).raise_for_status().json()

A response is a response whatever its status; no response is an `HTTPError`. GET, HEAD, OPTIONS,
PUT and DELETE are sent again when the engine died meanwhile, with the same `Idempotency-Key`; POST
and PATCH are not (`Interrupted`), unless marked `idempotent=True`; with `on_interrupt="park"` a
person decides then. Each function has `.start(...)`, which returns a `Future` at once.

Outside of a workflow (in a unit test, say) the same functions simply send the request.
"""

from __future__ import annotations

import json as _json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from flawless._futures import Future, effect
from flawless.codec import write
from flawless.durations import Duration, seconds
from flawless.refusals import HTTPStatusError

__all__ = [
    "Headers",
    "Response",
    "delete",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "request",
]

Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]
OnInterrupt = Literal["raise", "park"]

_REDIRECTS = 10


class Headers(Mapping[str, str]):
    """Headers by name, whatever its case; values of a repeated header are joined by commas."""

    def __init__(self, pairs: Iterable[Iterable[str]]) -> None:
        self.pairs = [(str(name), str(value)) for name, value in pairs]
        """Every header as (name, value), in order."""
        self._values: dict[str, str] = {}
        for name, value in self.pairs:
            key = name.lower()
            before = self._values.get(key)
            self._values[key] = value if before is None else f"{before}, {value}"

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def get_all(self, name: str) -> list[str]:
        """Return each value of a header that may be repeated, such as `Set-Cookie`."""
        return [value for key, value in self.pairs if key.lower() == name.lower()]

    def __repr__(self) -> str:
        return f"Headers({self.pairs!r})"


class Response:
    """What the server answered."""

    def __init__(self, data: dict[str, Any], method: str = "") -> None:
        self.status_code: int = data["status"]
        self.url: str = data["url"]
        """The address of the answer, after redirects."""
        self.headers = Headers(data["headers"])
        self.method = method
        self._body: dict[str, str] = data.get("body") or {"text": ""}

    @property
    def status(self) -> int:
        """The status, as `status_code`."""
        return self.status_code

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def content(self) -> bytes:
        """The body as bytes."""
        if "text" in self._body:
            return self._body["text"].encode()
        return b64decode(self._body["base64"])

    @property
    def text(self) -> str:
        """The body as text, by the charset of the content type (UTF-8 when it names none)."""
        if "text" in self._body:
            return self._body["text"]
        charset = "utf-8"
        for part in self.headers.get("content-type", "").split(";")[1:]:
            name, _, value = part.strip().partition("=")
            if name.lower() == "charset":
                charset = value.strip("\"'")
        try:
            return self.content.decode(charset, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body read as JSON; raises `ValueError` when it is none."""
        text = self._body.get("text")
        return _json.loads(self.content if text is None else text)

    def raise_for_status(self) -> Response:
        """Return the response itself, or raise `HTTPStatusError` for a status of 400 or above."""
        if self.ok:
            return self
        raise HTTPStatusError(f"{self.method} {self.url} answered {self.status_code}", self)

    def __repr__(self) -> str:
        return f"<Response {self.status_code} {self.url}>"


class Request:
    """The type of `flawless.http.request`."""

    def __call__(self, method: str, url: str, **options: Any) -> Response:
        """Send a request of any method; see `Method.__call__` for the options."""
        method = method.upper()
        body = _body(method, url, **options)
        return effect("http", body, lambda data: Response(data, method))

    def start(self, method: str, url: str, **options: Any) -> Future[Response]:
        """Start a request and return at once with a future of the response."""
        method = method.upper()
        body = _body(method, url, **options)
        return Future("http", body, lambda data: Response(data, method), f"{method} {url}")

    def __repr__(self) -> str:
        return "<function flawless.http.request>"


class Method:
    """The type of `flawless.http.get` and its siblings."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.__name__ = method.lower()

    def __call__(
        self,
        url: str,
        *,
        params: Pairs | None = None,
        headers: Pairs | None = None,
        json: Any = None,
        data: Pairs | None = None,
        form: Pairs | None = None,
        content: str | bytes | None = None,
        timeout: Duration = 30.0,
        max_bytes: int | None = None,
        redirects: int | bool = _REDIRECTS,
        idempotent: bool = False,
        on_interrupt: OnInterrupt = "raise",
    ) -> Response:
        """Send the request and return the response.

        - `params` are added to the URL's query.
        - the body is one of `json`, `form` (also called `data`: urlencoded) or `content`.
        - `timeout` covers the whole request; then `RequestTimeout`.
        - a response body longer than `max_bytes` (default: the engine's limit) is `BodyTooLarge`.
        - `redirects`: how many to follow; more are `TooManyRedirects`. False: none is followed.
        - `idempotent`: sending twice does no harm, so it may be sent again after a crash.
        - `on_interrupt="park"`: if the engine dies while the request is under way, it is never sent
          again by itself; the execution waits for a person's decision.

        Raises a subclass of `HTTPError` when there is no response.
        """
        return request(
            self.method,
            url,
            params=params,
            headers=headers,
            json=json,
            data=data,
            form=form,
            content=content,
            timeout=timeout,
            max_bytes=max_bytes,
            redirects=redirects,
            idempotent=idempotent,
            on_interrupt=on_interrupt,
        )

    def start(self, url: str, **options: Any) -> Future[Response]:
        """Start the request and return at once with a future of the response."""
        return request.start(self.method, url, **options)

    def __repr__(self) -> str:
        return f"<function flawless.http.{self.__name__}>"


def _body(
    method: str,
    url: str,
    *,
    params: Pairs | None = None,
    headers: Pairs | None = None,
    json: Any = None,
    data: Pairs | None = None,
    form: Pairs | None = None,
    content: str | bytes | None = None,
    timeout: Duration = 30.0,
    max_bytes: int | None = None,
    redirects: int | bool = _REDIRECTS,
    idempotent: bool = False,
    on_interrupt: OnInterrupt = "raise",
) -> str:
    if on_interrupt not in ("raise", "park"):
        raise ValueError(f'on_interrupt is "raise" or "park", not {on_interrupt!r}')
    if sum(part is not None for part in (json, data, form, content)) > 1:
        raise ValueError("a request has one body: json, form (or data), or content")
    lines = [[str(name), str(value)] for name, value in _pairs(headers)]
    payload, kind = _payload(json, form if data is None else data, content)
    if kind is not None and all(name.lower() != "content-type" for name, _ in lines):
        lines.append(["Content-Type", kind])
    fields: dict[str, Any] = {
        "method": method,
        "url": _with_query(url, params),
        "headers": lines,
        "body": payload,
        "timeout_s": seconds(timeout),
        "max_redirects": _REDIRECTS if redirects is True else int(redirects),
        "idempotent": idempotent,
    }
    if max_bytes is not None:
        fields["max_bytes"] = max_bytes
    if on_interrupt != "raise":
        fields["on_interrupt"] = on_interrupt
    return write(fields)[1:-1]


def _payload(
    json: Any, form: Pairs | None, content: str | bytes | None
) -> tuple[dict[str, str] | None, str | None]:
    if json is not None:
        text = _json.dumps(json, separators=(",", ":"), allow_nan=False)
        return {"text": text}, "application/json"
    if isinstance(form, str | bytes):
        content = form  # `data=` of a text means the body itself, as people know it
    elif form is not None:
        return {"text": urlencode(_pairs(form), doseq=True)}, "application/x-www-form-urlencoded"
    if isinstance(content, str):
        return {"text": content}, "text/plain; charset=utf-8"
    if content is not None:
        return {"base64": b64encode(content).decode()}, "application/octet-stream"
    return None, None


def _with_query(url: str, params: Pairs | None) -> str:
    query = urlencode(_pairs(params), doseq=True)
    if not query:
        return url
    bare, hash_, fragment = url.partition("#")
    return f"{bare}{'&' if '?' in bare else '?'}{query}{hash_}{fragment}"


def _pairs(pairs: Pairs | None) -> list[tuple[str, Any]]:
    if pairs is None:
        return []
    return list(pairs.items() if isinstance(pairs, Mapping) else pairs)


request = Request()
get = Method("GET")
head = Method("HEAD")
options = Method("OPTIONS")
post = Method("POST")
put = Method("PUT")
patch = Method("PATCH")
delete = Method("DELETE")
