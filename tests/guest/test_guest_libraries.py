"""Unmodified libraries in pure Python, loaded from where they are installed."""

from __future__ import annotations

from guest_scripts import Guests, main


def test_jinja2(guests: Guests) -> None:
    """Templates render, and their errors are the library's own."""
    body = "import jinja2\n" + main(
        "page = jinja2.Environment(autoescape=True).from_string("
        "'Hi {{ name|upper }}:{% for n in range(3) %} {{ n }}{% endfor %}')",
        "try: jinja2.Environment().from_string('{% for %}')",
        "except jinja2.TemplateSyntaxError as error: wrong = error.message",
        "return page.render(name='<b>'), wrong",
    )
    text, wrong = guests.ok(body)
    assert text == "Hi &lt;B&gt;: 0 1 2"
    assert wrong.startswith("Expected an expression")


def test_networkx(guests: Guests) -> None:
    """A graph algorithm runs."""
    body = "import networkx\n" + main(
        "graph = networkx.Graph()",
        "graph.add_weighted_edges_from([('a', 'b', 3), ('b', 'c', 1), ('a', 'c', 9)])",
        "return networkx.shortest_path(graph, 'a', 'c', weight='weight')",
    )
    assert guests.ok(body) == ["a", "b", "c"]


def test_attrs(guests: Guests) -> None:
    """Classes of attrs validate and compare."""
    body = "import attrs\n@attrs.define\nclass Point:\n"
    body += "    x: int = attrs.field(validator=attrs.validators.ge(0))\n"
    body += main("try: Point(-1)", "except ValueError: return repr(Point(3)), Point(3) == Point(3)")
    assert guests.ok(body) == ("Point(x=3)", True)


def test_dateutil(guests: Guests) -> None:
    """Dates are parsed, added to and repeated."""
    body = (
        "from dateutil.parser import parse\nfrom dateutil.relativedelta import relativedelta\n"
        "from dateutil.rrule import MONTHLY, rrule\n"
    ) + main(
        "start = parse('31 Jan 2024 10:00')",
        "days = rrule(MONTHLY, count=3, dtstart=start)",
        "return start + relativedelta(months=1), [day.month for day in days]",
    )
    when, months = guests.ok(body)
    assert when.isoformat() == "2024-02-29T10:00:00"
    assert months == [1, 3, 5]


def test_transitions(guests: Guests) -> None:
    """A state machine goes its way."""
    body = "from transitions import Machine, MachineError\n" + main(
        "class Lamp: pass",
        "lamp = Lamp()",
        "Machine(lamp, states=['off', 'on'], initial='off', transitions=[['press', 'off', 'on']])",
        "lamp.press()",
        "try: lamp.press()",
        "except MachineError as error: return lamp.state, str(error)",
    )
    state, wrong = guests.ok(body)
    assert state == "on"
    assert "Can't trigger event press" in wrong
