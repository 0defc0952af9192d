"""An invoice, rendered with jinja2: loops, filters, inheritance, escaping."""

from dataclasses import dataclass
from decimal import Decimal

import jinja2

import flawless
from libraries.gate import pause

TEMPLATES = jinja2.DictLoader(
    {
        "base.html": "<h1>{% block title %}{% endblock %}</h1>{% block body %}{% endblock %}",
        "invoice.html": """{% extends "base.html" %}
{% block title %}Invoice for {{ customer|title }}{% endblock %}
{% block body -%}
{% for item in items|sort(attribute="name") if item.count -%}
{{ loop.index }}. {{ item.name|e }} {{ item.count }} x {{ item.price|money }}
{% else %}nothing
{% endfor -%}
total {{ items|map("cost")|sum|money }}
{%- endblock %}""",
    }
)


@dataclass
class Item:
    """One line of an invoice."""

    name: str
    count: int
    price: Decimal


def render(customer: str, items: list[Item]) -> str:
    """Return the invoice."""
    environment = jinja2.Environment(
        loader=TEMPLATES, autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["money"] = "{:.2f}".format
    environment.filters["cost"] = lambda item: item.count * item.price
    return environment.get_template("invoice.html").render(customer=customer, items=items)


def complain(source: str) -> str:
    """Return what jinja2 says about a wrong template."""
    try:
        jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(source).render()
    except jinja2.TemplateError as error:
        return f"{type(error).__name__}: {error}"
    return "nothing is wrong"


@flawless.workflow
def invoice(customer: str, items: list[Item]) -> tuple[str, str, str]:
    """Render, pause, render again, and fail to render."""
    page = render(customer, items)
    pause()
    return page, render(customer, []), complain("{% for %}") + complain("{{ missing }}")
