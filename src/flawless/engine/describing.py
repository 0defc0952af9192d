"""A guest that only describes itself: no effects, a fixed moment, and an end to what it may ask."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from flawless.core.protocol import (
    VERSION,
    ClockRequest,
    LoadRequest,
    LogRequest,
    SourceRequest,
    decode_request,
)
from flawless.core.randomness import RandomStream
from flawless.errors import DeploymentInvalid, FlawlessError, UsageError
from flawless.wasm import (
    Component,
    Finished,
    Guest,
    GuestLimits,
    Preempted,
    Preparation,
)

_log = logging.getLogger("flawless.deploy")

QUESTIONS_MAX: Final = 200_000
"""What a guest may ask of its host altogether, WASI included: for hundreds of modules it is few."""
DESCRIBE_S_MAX: Final = 300.0
"""How long it may take altogether, whatever it asks and whoever else computes meanwhile."""
NOW_US: Final = 1_700_000_000_000_000  # any fixed moment: what a guest says must not depend on it


class TrialHost:
    """Answers a guest that only tells what it holds; the world is a fixed moment.

    `subject` is what it is called in errors, `advice` what to do about effects there.
    """

    def __init__(self, subject: str, advice: str) -> None:
        self._subject = subject
        self._advice = advice
        self._random = RandomStream(b"trial load")
        self._left = QUESTIONS_MAX

    def call(self, request: bytes) -> bytes | None:
        self._count()
        asked = decode_request(request)
        match asked:
            case LoadRequest(name):
                return self.load(name)
            case SourceRequest(name):
                return self.source(name)
            case LogRequest(level, logger, message):
                _log.log(level, "%s: %s", logger, message)
                return b"{}"
            case ClockRequest():
                return b'{"now":%d}' % NOW_US
            case _:
                raise DeploymentInvalid(f"{self._subject} performs an effect {self._advice}")

    def load(self, name: str) -> bytes:
        """Answer a question for a module: there is none."""
        return b'{"kind":"missing"}'

    def source(self, name: str) -> bytes:
        """Answer a question for the text of a module: there is none."""
        return b'{"source":""}'

    def clock_ns(self) -> int:
        self._count()
        return NOW_US * 1_000

    def random(self, size: int) -> bytes:
        self._count()
        return self._random.read(size)

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        self._count()
        _log.info("%s: %s", stream, data.decode("utf-8", "replace").rstrip())

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        raise DeploymentInvalid(f"{self._subject} sleeps {self._advice}")

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise DeploymentInvalid(
                f"{self._subject} asks its host more than {QUESTIONS_MAX:,} things {self._advice}"
            )


class _Output(msgspec.Struct):
    ok: msgspec.Raw = msgspec.Raw(b"null")
    error: dict[str, Any] | None = None


async def describe(
    component: Component,
    host: TrialHost,
    entry_modules: Sequence[str],
    limits: GuestLimits,
    *,
    named: str,
    output_bytes_max: int | None = None,
) -> msgspec.Raw:
    """Return what a guest says that it holds, as JSON. Others have their turn meanwhile.

    Raises `DeploymentInvalid`, which calls it `named`, with the guest's traceback, or with the
    reason why it did not come to an end.
    """
    guest = Guest(component, host, limits)
    request = msgspec.json.encode({"protocol": VERSION, "modules": list(entry_modules)})
    try:
        async with asyncio.timeout(DESCRIBE_S_MAX):
            state = guest.start("describe", request)
            while isinstance(state, Preempted):
                await asyncio.sleep(0)
                state = guest.proceed()
        assert isinstance(state, Finished), "the trial host answers everything at once"
        if output_bytes_max is not None and len(state.output) > output_bytes_max:
            raise DeploymentInvalid(
                f"it describes itself with {len(state.output):,} bytes, the limit is "
                f"{output_bytes_max:,}"
            )
        output = msgspec.json.decode(state.output, type=_Output)
    except UsageError:
        raise
    except TimeoutError:
        raise DeploymentInvalid(
            f"{named} cannot be loaded in a guest: it has not ended after {DESCRIBE_S_MAX:g} s"
        ) from None
    except (FlawlessError, msgspec.MsgspecError, RecursionError, ValueError) as error:
        raise DeploymentInvalid(
            f"{named} cannot be loaded in a guest: {error}",
            traceback=getattr(error, "backtrace", ""),
        ) from error
    finally:
        guest.close()
    if bytes(output.ok) == b"null":
        problem = output.error or {}
        raise DeploymentInvalid(
            f"{named} cannot be loaded in a guest: {problem.get('type')}: {problem.get('message')}",
            traceback=str(problem.get("traceback", "")),
        )
    return output.ok


class _PreparingHost(TrialHost):
    """The host of a guest that is prepared, with an end to what it may ask."""

    def __init__(self, preparation: Preparation) -> None:
        super().__init__("the guest", "while its modules are imported")
        self._host = preparation.host()

    def call(self, request: bytes) -> bytes | None:
        self._count()
        return self._host.call(request)

    def clock_ns(self) -> int:
        return self._host.clock_ns()

    def random(self, size: int) -> bytes:
        self._count()
        return self._host.random(size)

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        self._host.write(stream, data)

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        return self._host.sleep_until_ns(deadline_ns)


async def prepares(component: Component, preparation: Preparation, limits: GuestLimits) -> bool:
    """Tell whether guests can be prepared so: whether all executions would begin alike.

    Others have their turn meanwhile. Whatever goes wrong, the answer is no, which is always right.
    """
    guest = Guest(component, _PreparingHost(preparation), limits)
    try:
        async with asyncio.timeout(DESCRIBE_S_MAX):
            state = guest.start("run", preparation.input)
            while isinstance(state, Preempted):
                await asyncio.sleep(0)
                state = guest.proceed()
        assert isinstance(state, Finished), "the host answers everything at once"
        return msgspec.json.decode(state.output, type=_Told).ok.pure
    except TimeoutError:
        why = f"preparing them has not ended after {DESCRIBE_S_MAX:g} s"
    except (FlawlessError, msgspec.MsgspecError, RecursionError, ValueError) as error:
        why = str(error)
    finally:
        guest.close()
    _log.info("each execution imports its modules itself: %s", why)
    return False


class _Purity(msgspec.Struct):
    pure: bool = False


class _Told(msgspec.Struct):
    ok: _Purity = msgspec.field(default_factory=_Purity)
