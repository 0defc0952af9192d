"""Where `up` sends traces: as the command line says, or OpenTelemetry's standard variables."""

from __future__ import annotations

import importlib.util
import os
from typing import Final
from urllib.parse import urlsplit

from flawless.cli import output
from flawless.engine.tracing import Tracing
from flawless.errors import UsageError

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def tracing(otlp: str | None) -> Tracing | None:
    """Return what the engine is to do about traces; None: nothing.

    Raises `UsageError` when the address is none. The variables may be set for other programs on the
    machine: then it is no error that OpenTelemetry is not installed here.
    """
    if otlp is not None:
        try:
            parts = urlsplit(otlp)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            raise UsageError(f"--otlp {otlp!r} is no address: write it as http://127.0.0.1:4318")
        return Tracing(endpoint=otlp)
    wanted = next((name for name in _ENDPOINTS if os.environ.get(name)), None)
    if wanted is None or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    if importlib.util.find_spec("opentelemetry") is None:
        output.note(f"{wanted} is set, but there are no traces: install flawless-engine[tracing]")
        return None
    return Tracing()
