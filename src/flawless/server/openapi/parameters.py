"""Parameters that several paths take."""

from __future__ import annotations

from flawless import api
from flawless.core.attributes import ATTRIBUTES_MAX
from flawless.core.status import Status
from flawless.server.openapi.operation import MOMENT, TEXT, Parameter, whole
from flawless.stores.base import SEQ_END

STATUS = TEXT | {"enum": [str(status) for status in Status]}
WAIT = Parameter(
    "wait",
    {"type": "number", "minimum": 0, "default": 0},
    f"How many seconds to wait for it; more than {api.WAIT_S_MAX:g} count as that.",
)
FROM = Parameter("from", whole(0, SEQ_END, 0), "The position to begin with.")
JOURNAL_LIMIT = Parameter(
    "limit", whole(1, api.JOURNAL_LIMIT_MAX, api.JOURNAL_LIMIT), "How many entries at most."
)
LIMIT = Parameter(
    "limit", whole(1, api.LIST_LIMIT_MAX, api.LIST_LIMIT), "How many on a page at most."
)
FILTERS = (
    Parameter("workflow", TEXT, "Only those of this workflow."),
    Parameter("prefix", TEXT, "Only those whose id begins so."),
    Parameter("created_after", MOMENT, "Only those created then or later."),
    Parameter("created_before", MOMENT, "Only those created earlier."),
    Parameter(
        "attribute",
        TEXT | {"pattern": r"^[A-Za-z][A-Za-z0-9_.\-]{0,63}=(?:[^\p{C}\p{Z}]| ){1,256}$"},
        "Only those with this attribute, as `name=value`; of several, all must hold.",
        repeated=True,
        most=ATTRIBUTES_MAX,
    ),
)
BEFORE = Parameter("before", TEXT, "The `next` of the page before.")
