"""Whether an engine traces, and where spans go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Tracing:
    """Tracing with OpenTelemetry; needs `pip install flawless-engine[tracing]`.

    `exporter` is any `SpanExporter` of OpenTelemetry's SDK, which the engine closes when it stops.
    Without one, spans go to an OTLP/HTTP endpoint: `endpoint` (the address of the collector), or
    what the standard variables `OTEL_EXPORTER_OTLP_...` say, or a collector on this machine.

    `ratio` is the share of executions that are traced, from 0 to 1. With `propagate` (the default)
    HTTP requests of workflows carry the header `traceparent`. `namespace` tells engines apart whose
    executions may have the same ids and that report to the same place. `resource` are further
    attributes of whatever sends the spans, such as `service.name`.

    Spans hold names, times, ids and types of errors. Values, messages of errors, queries of
    addresses and secrets are never in them.
    """

    exporter: Any = None
    endpoint: str | None = None
    ratio: float = 1.0
    propagate: bool = True
    namespace: str = ""
    resource: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= 1:
            raise ValueError(f"a ratio lies between 0 and 1, {self.ratio} does not")
