"""Secrets: a workflow holds a placeholder, and only requests on their way out hold the value.

`flawless.secret("STRIPE_KEY")` gives a workflow a placeholder that depends on the execution's seed
and the name, and on nothing else: replays see the same one, and nobody can guess it who does not
have the journal. Just before a request is sent, placeholders in its headers, URL and body are
replaced by the values, if the secret's `hosts` has the host; and in whatever comes back, values are
replaced by placeholders. So guest, journal, logs and errors never hold a value.

Values are read when a request is sent: one that was exchanged is used from then on. They go out
encrypted (https), unless the host is this machine or is listed as `http://host`.

What is found in responses: the value as it is, percent-encoded, escaped as in JSON and HTML, in
base64 (also as a part of something longer), and in UTF-16. A server that answers with a value in
another form (reversed, say) cannot be stopped from telling it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import httpx

from flawless.engine.egress import HostPattern, host_of, shown
from flawless.errors import SecretUnavailable, UsageError

PREFIX = "flawless_secret_"
PLACEHOLDER_CHARS = len(PREFIX) + 32
"""The length of every placeholder."""
SECRETS_MAX = 1_000
NAME_CHARS_MAX = 100
VALUE_CHARS_MIN = 6
"""A shorter value would be found by chance in responses that do not hold it."""
VALUE_BYTES_MAX = 64 * 1024

_NAME = re.compile(rf"[A-Za-z_][A-Za-z0-9_.-]{{0,{NAME_CHARS_MAX - 1}}}")
_PLACEHOLDER = re.compile(PREFIX + "[0-9a-f]{32}")
_PLACEHOLDER_BYTES = re.compile(_PLACEHOLDER.pattern.encode())
_BASIC = re.compile(r"(?i)(basic\s+)([A-Za-z0-9+/]+=*)\s*")
_FIELDS = {"hosts", "env", "file"}


def placeholder(name: str, seed: bytes) -> str:
    """Return what an execution with this seed gets for the secret `name`: ASCII, of one length."""
    return PREFIX + hashlib.blake2b(name.encode(), key=seed, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a value comes from (`env` or `file`), and where it may go (`hosts`)."""

    name: str
    hosts: tuple[HostPattern, ...]
    env: str | None = None
    file: Path | None = None

    @classmethod
    def parse(cls, name: str, fields: object, folder: Path, where: str) -> Secret:
        """Check one secret of a configuration; raises `UsageError` that begins with `where`."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{where}: {name!r} cannot be a secret's name: use letters, digits and _ . -, "
                f"beginning with a letter or _, at most {NAME_CHARS_MAX}"
            )
        where = f"{where}: secret {name}"
        if not isinstance(fields, Mapping):
            raise UsageError(f'{where}: it is a table: hosts = ["api.example.com"], env = "{name}"')
        if unknown := sorted(str(key) for key in set(fields) - _FIELDS):
            raise UsageError(f"{where}: {unknown[0]!r} is unknown; there are hosts, env and file")
        hosts = fields.get("hosts")
        if not isinstance(hosts, list | tuple) or not hosts:
            raise UsageError(f'{where}: it lacks the hosts it may go to: hosts = ["example.com"]')
        env, file = fields.get("env"), fields.get("file")
        if (env is None) == (file is None):
            raise UsageError(f"{where}: it has one source, either env or file")
        if not (isinstance(env, str) and env) and not (isinstance(file, str | Path) and str(file)):
            raise UsageError(f"{where}: env and file are texts")
        try:
            patterns = tuple(HostPattern.parse(host) for host in hosts)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from error
        return cls(name, patterns, env, None if file is None else folder / file)

    def read(self) -> str:
        """Return the value as it is now; raises `SecretUnavailable`."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                raise SecretUnavailable(self.name, f"the variable {self.env} is not set")
            source = f"the variable {self.env}"
        else:
            assert self.file is not None
            source = f"the file {self.file}"
            try:
                with self.file.open("rb") as file:
                    value = file.read(VALUE_BYTES_MAX + 1).decode().removesuffix("\n")
            except OSError as error:
                reason = f"{source} cannot be read ({error.strerror})"
                raise SecretUnavailable(self.name, reason) from None
            except UnicodeDecodeError:
                raise SecretUnavailable(self.name, f"{source} is not UTF-8") from None
            value = value.removesuffix("\r")
        if len(value) < VALUE_CHARS_MIN:
            reason = f"{source} has fewer than {VALUE_CHARS_MIN} characters"
            raise SecretUnavailable(self.name, reason)
        try:
            too_long = len(value.encode()) > VALUE_BYTES_MAX
        except UnicodeEncodeError:  # an environment may hold any bytes
            raise SecretUnavailable(self.name, f"{source} is not UTF-8") from None
        if too_long:
            raise SecretUnavailable(self.name, f"{source} has more than {VALUE_BYTES_MAX:,} bytes")
        return value

    def expect_allowed(self, url: httpx.URL) -> None:
        """Raise `SecretUnavailable` if the value must not be sent to `url`."""
        fitting = [pattern for pattern in self.hosts if pattern.matches(url)]
        if not fitting:
            reason = f"it may not go to {shown(url)}; its hosts: {_listed(self.hosts)}"
            raise SecretUnavailable(self.name, reason)
        if url.scheme == "http" and not _here(url) and not any(p.scheme for p in fitting):
            raise SecretUnavailable(
                self.name,
                f"it would go to {shown(url)} without encryption: use https, or list the host as "
                f"'http://{shown(url)}'",
            )


class Secrets:
    """The secrets an engine knows, by name. Its representation shows names only.

    `secrets` is a mapping of names to mappings with `hosts` (a list) and `env` or `file`::

        Secrets({"STRIPE_KEY": {"hosts": ["api.stripe.com"], "env": "STRIPE_KEY"}})

    Raises `UsageError` that names what is wrong.
    """

    def __init__(
        self,
        secrets: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        folder: Path | None = None,
        where: str = "secrets",
    ) -> None:
        given = {} if secrets is None else secrets
        if not isinstance(given, Mapping):
            raise UsageError(f"{where}: they are a mapping of names, not {type(given).__name__}")
        if len(given) > SECRETS_MAX:
            raise UsageError(f"{where}: {len(given)} are too many, {SECRETS_MAX} are allowed")
        base = folder or Path()
        self._by_name = {
            str(name): Secret.parse(str(name), fields, base, where)
            for name, fields in given.items()
        }
        self._forms: dict[str, tuple[str, list[str]]] = {}

    @classmethod
    def load(cls, path: str | Path) -> Secrets:
        """Read a TOML file with a table for each secret; paths in it begin at its folder.

        Example::

            [STRIPE_KEY]
            hosts = ["api.stripe.com"]
            env = "STRIPE_KEY"

            [CRM_TOKEN]
            hosts = ["*.crm.example"]
            file = "/run/secrets/crm"

        Raises `UsageError` that names what is wrong.
        """
        path = Path(path)
        try:
            tables = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise UsageError(f"secrets cannot be read from {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is not UTF-8, as TOML is") from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path} is not TOML: {error}") from error
        return cls(tables, folder=path.parent, where=str(path))

    @property
    def names(self) -> list[str]:
        """The names of all secrets, in order."""
        return sorted(self._by_name)

    def disguise(self, seed: bytes | None) -> Disguise:
        """Read all values for one request of the execution with that seed."""
        values: dict[str, str] = {}
        problems: dict[str, SecretUnavailable] = {}
        for name, secret in self._by_name.items() if seed is not None else ():
            try:
                values[name] = secret.read()
            except SecretUnavailable as error:
                problems[name] = error
        forms = {name: self._forms_of(name, value) for name, value in values.items()}
        return Disguise(self._by_name, values, problems, forms, seed)

    def _forms_of(self, name: str, value: str) -> list[str]:
        known = self._forms.get(name)
        if known is None or known[0] != value:
            known = self._forms[name] = (value, sorted(_forms(value)))
        return known[1]

    def __repr__(self) -> str:
        return f"Secrets({self.names!r})"


class Disguise:
    """Fills placeholders into one request, on all its hops, and takes values out of the response.

    Values are those of the moment it was made.
    """

    def __init__(
        self,
        secrets: Mapping[str, Secret],
        values: Mapping[str, str],
        problems: Mapping[str, SecretUnavailable],
        forms: Mapping[str, Iterable[str]],
        seed: bytes | None,
    ) -> None:
        self.used = False
        """Whether a value was filled in, on any hop."""
        self._values = values
        self._problems = problems
        self._secrets = (
            {placeholder(name, seed): secret for name, secret in secrets.items()}
            if seed is not None
            else {}
        )
        self._seed = seed
        self._shown: dict[str, str] = {}
        if seed is not None:
            for name, all_forms in forms.items():
                self._shown.update(dict.fromkeys(all_forms, placeholder(name, seed)))
        self._order: list[str] | None = None

    # --- on the way out -----------------------------------------------------------------------

    def fill_url(self, text: str) -> str:
        """Return a URL with values in it, percent-encoded; its fragment is never sent."""
        bare, separator, fragment = text.partition("#")
        url = httpx.URL(text)
        if _PLACEHOLDER.search(bare):
            if PREFIX in host_of(url):
                raise SecretUnavailable("?", "a secret cannot be a part of a host's name")
            bare = self._fill(bare, url, lambda value: quote(value, safe=""))
        return bare + separator + fragment

    def fill_header(self, name: str, text: str, url: httpx.URL) -> str:
        """Return a header's value with values in it, inside of basic authorization too."""
        if name.lower() in ("authorization", "proxy-authorization"):
            basic = _BASIC.fullmatch(text)
            inside = None if basic is None else _unbased(basic[2])
            if basic is not None and inside is not None and _PLACEHOLDER.search(inside):
                pair = self._fill(inside, url, str)
                token = base64.b64encode(pair.encode()).decode()
                self._shown[token] = basic[2]
                self._order = None
                return basic[1] + token
        return self._fill(text, url, _in_header)

    def fill_body(self, body: bytes, content_type: str, url: httpx.URL) -> bytes:
        """Return a body with values in it, escaped as its content type wants it."""
        kind = content_type.partition(";")[0].strip().lower()
        escape: Callable[[str], str] = str
        if kind == "application/x-www-form-urlencoded":
            escape = quote_plus
        elif kind == "application/json" or kind.endswith("+json"):
            escape = _in_json
        return _PLACEHOLDER_BYTES.sub(
            lambda found: self._value(found[0].decode(), url, escape).encode(), body
        )

    def _fill(self, text: str, url: httpx.URL, escape: Callable[[str], str]) -> str:
        return _PLACEHOLDER.sub(lambda found: self._value(found[0], url, escape), text)

    def _value(self, found: str, url: httpx.URL, escape: Callable[[str], str]) -> str:
        secret = self._secrets.get(found)
        if secret is None:
            raise SecretUnavailable(
                "?",
                "the request holds a placeholder of a secret that this engine does not have, or of "
                "another execution or run (call secret() where the request is made); there are: "
                + (", ".join(sorted(known.name for known in self._secrets.values())) or "none"),
            )
        secret.expect_allowed(url)
        if secret.name in self._problems:
            raise self._problems[secret.name]
        self.used = True
        try:
            return escape(self._values[secret.name])
        except ValueError as error:
            raise SecretUnavailable(secret.name, str(error)) from None

    # --- on the way back ----------------------------------------------------------------------

    def scrub(self, text: str) -> str:
        """Return a text without any secret's value."""
        for form in self._longest_first():
            if form in text:
                text = text.replace(form, self._shown[form])
        return text

    def scrub_bytes(self, data: bytes) -> bytes:
        """Return data without any secret's value."""
        for form in self._longest_first():
            if (encoded := form.encode()) in data:
                data = data.replace(encoded, self._shown[form].encode())
        for value in self._values.values():
            for encoding in ("utf-16-le", "utf-16-be"):
                if (encoded := value.encode(encoding)) in data:
                    data = data.replace(encoded, self._shown[value].encode(encoding))
        return data

    def _longest_first(self) -> list[str]:
        """So that a value that is a part of another one does not leave the rest of it."""
        if self._order is None:
            self._order = sorted(self._shown, key=len, reverse=True)
        return self._order

    def __repr__(self) -> str:
        return f"Disguise({sorted(secret.name for secret in self._secrets.values())!r})"


def _forms(value: str) -> set[str]:
    """Return how a value may look in a response."""
    raw = value.encode()
    forms = {value, quote_plus(value), html.escape(value), html.escape(value, quote=False)}
    forms |= {quote(value, safe=safe) for safe in ("", "/", "!$&'()*+,;=:@/?")}
    forms |= {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in forms}
    for ascii_only in (True, False):
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        forms |= {escaped, escaped.replace("/", "\\/")}
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        forms.add(encode(raw).decode())
        for before in range(3):  # where in a group of three bytes a longer text may have it
            whole = encode(b"\0" * before + raw).decode()
            forms.add(whole[-(-before * 8 // 6) : (before + len(raw)) * 8 // 6])
    return forms


def _in_header(value: str) -> str:
    if not value.isprintable():
        raise ValueError("it has line breaks or the like, which a header cannot have")
    return value


def _in_json(value: str) -> str:
    return json.dumps(value)[1:-1]


def _unbased(text: str) -> str | None:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _here(url: httpx.URL) -> bool:
    host = host_of(url)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listed(hosts: Iterable[HostPattern]) -> str:
    return ", ".join(pattern.text for pattern in hosts)
