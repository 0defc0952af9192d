"""Dates read, repeated and added with python-dateutil."""

from datetime import datetime

from dateutil import easter, parser, relativedelta, rrule, tz

import flawless
from libraries.gate import pause

RULE = "DTSTART:20240131T090000\nRRULE:FREQ=MONTHLY;BYDAY=1MO,-1FR;COUNT=6\nEXDATE:20240223T090000"


def read(texts: list[str]) -> list[str]:
    """Return dates in many forms as ISO 8601, or what is wrong with them."""
    found = []
    for text in texts:
        try:
            found.append(parser.parse(text, default=datetime(2024, 1, 1)).isoformat())
        except parser.ParserError:
            found.append(f"not a date: {text}")
    return found


def repeat(first: datetime) -> list[str]:
    """Return dates by rules and by calendars."""
    rules = [*rrule.rrulestr(RULE), *rrule.rrule(rrule.YEARLY, count=3, byeaster=-2, dtstart=first)]
    added = first + relativedelta.relativedelta(months=1, weekday=relativedelta.FR(-1))
    apart = relativedelta.relativedelta(datetime(2026, 3, 1), first)
    zone = tz.tzstr("CET-1CEST,M3.5.0/2,M10.5.0/3")
    summer = datetime(2024, 7, 1, 12, tzinfo=zone).astimezone(tz.UTC)
    return [str(date) for date in (*rules, added, apart, summer, easter.easter(2026))]


@flawless.workflow
def calendar(texts: list[str]) -> tuple[list[str], list[str]]:
    """Read dates, pause, and reckon with them."""
    dates = read(texts)
    pause()
    return dates, repeat(datetime(2024, 1, 31, 10))
