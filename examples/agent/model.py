"""A fake model that plans a lunch, and the services its tools lead to."""

from __future__ import annotations

from typing import Any

from world import Body, Refused, Service

PRICES = {"Olive": "14.50", "Basil": "12.80"}


def call(tool: str, **arguments: str) -> dict[str, Any]:
    """Return a call of a tool as the model writes it."""
    return {"tool": tool, "arguments": arguments}


def model(body: Body) -> Body:
    """Decide what to do next, by what has been said."""
    said = body["said"]
    last = said[-1]
    if "philosophy" in said[0]:
        thought, calls = "One more look.", [call("search", query="the meaning of it all")]
    elif len(said) == 1:
        thought = "Let me compare prices."
        calls = [call("search", query=name) for name in PRICES]
    elif last.startswith("search"):
        thought = "Twelve times 12.80 is a lot of money."
        calls = [call("ask_person", question="May I spend 153.60?")]
    elif last == "ask_person: yes":
        thought, calls = "Booking.", [call("book", what="lunch at Basil")]
    elif last.startswith("book: booking"):
        thought, calls = f"Lunch is at Basil: {last.removeprefix('book: ')}", []
    elif last.startswith("book: Interrupted"):
        thought, calls = "Something went wrong: please look whether lunch is booked.", []
    else:
        thought, calls = "Then everybody brings sandwiches.", []
    return {"text": thought, "calls": calls, "tokens": 100 + sum(map(len, said))}


def search(body: Body) -> Body:
    """Look something up."""
    query = body["query"]
    return {"found": f"{query} costs {PRICES.get(query, 'nothing')}"}


def book(body: Body) -> Body:
    """Take a booking."""
    if "Basil" not in body["what"]:
        raise Refused("only Basil takes bookings")
    return {"booking": "booking-1"}


SERVICES: dict[str, Service] = {"model": model, "search": search, "book": book}
