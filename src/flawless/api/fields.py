"""Types of fields, with the bounds that the document of the API tells. The engine checks them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta


def _told(**schema: Any) -> Meta:
    return Meta(extra_json_schema=schema)


_PRINTABLE = r"^(?:[^\p{C}\p{Z}]| )+$"

Seconds = Annotated[float, _told(minimum=0)]
"""A length of time; who asks for more than the bound gets the bound."""
Lifetime = Annotated[float, _told(minimum=0, maximum=36_525 * 86_400)]
"""A length of time of up to a hundred years."""
NewId = Annotated[
    str, _told(minLength=1, maxLength=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@+=\-]*$")
]
"""An id of an execution that the caller chooses."""
ForkPlace = Annotated[int, _told(minimum=1)]
"""How many entries of a journal a fork shares."""
DeploymentName = Annotated[str, _told(minLength=1, maxLength=200)]
"""The id of a deployment, or `latest`: what new executions of the workflow run on."""
MessageId = Annotated[str, _told(minLength=1, maxLength=200, pattern=rf"^(?!:){_PRINTABLE[1:]}")]
MessageName = Annotated[str, _told(minLength=1, maxLength=200, pattern=rf"^(?!:){_PRINTABLE[1:]}")]
By = Annotated[str, _told(maxLength=200, pattern="^(?!:)")]
"""Who asks, for those who read the journal later."""
Reason = Annotated[str, _told(maxLength=1_000)]
AttributeName = Annotated[
    str, _told(minLength=1, maxLength=64, pattern=r"^[A-Za-z][A-Za-z0-9_.\-]*$")
]
AttributeValue = Annotated[str, _told(minLength=1, maxLength=256, pattern=_PRINTABLE)]
Attributes = Annotated[dict[AttributeName, AttributeValue], _told(maxProperties=16)]
"""What an execution is found by."""
Moment = Annotated[str, _told(format="date-time")]
"""A time with its zone, as RFC 3339 has it."""
ModulePath = Annotated[
    str, _told(minLength=1, maxLength=200, pattern=r"^[^/.\\]+(/[^/.\\]+)*\.py$")
]
"""The path of a Python source: names of modules and packages, with / between them."""
Sources = Annotated[dict[ModulePath, str], _told(minProperties=1, maxProperties=1_000)]
"""Python sources by path, 8 MiB together."""
ModuleNames = Annotated[list[str], _told(minItems=1, maxItems=50)]
Label = Annotated[str, _told(maxLength=200)]
"""A line for people."""
Rights = Annotated[list[Literal["state", "send", "journal"]], _told(minItems=1)]
"""What a capability token opens."""
CapabilityLifetime = Annotated[float, _told(exclusiveMinimum=0, maximum=30 * 86_400)]
"""A length of time of up to thirty days."""
MessageNames = Annotated[list[MessageName], _told(maxItems=20)]
