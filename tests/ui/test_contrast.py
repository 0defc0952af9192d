"""The colours of both themes: what is written can be read on what it is written on."""

from __future__ import annotations

import re
from itertools import product

import pytest

from flawless.server.site.pages import STATIC

TOKENS = (STATIC / "ui" / "css" / "tokens.css").read_text()
COLOUR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
CONTRAST_MIN = 4.5
"""WCAG 2.2, level AA, for text of any size."""
WRITTEN = [
    *product(("text", "muted", "accent"), ("bg", "surface", "surface-2", "hover")),
    *product(("good", "bad", "warn", "wait"), ("bg", "surface", "hover")),
    *product(("text", "muted", "accent"), ("accent-soft",)),
    *((f"{tone}", f"{tone}-soft") for tone in ("good", "bad", "warn", "wait")),
    *product(("text", "muted"), ("good-soft", "bad-soft", "warn-soft", "wait-soft")),
    *product(
        ("code-string", "code-number", "code-word", "code-name", "code-comment"),
        ("surface", "surface-2"),
    ),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
    ("surface", "bad"),
]


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_can_be_read(theme: int) -> None:
    """Every colour of text has enough contrast with every colour it stands on."""
    colours = {name: shades[theme] for name, *shades in COLOUR.findall(TOKENS)}
    weak = {
        f"{text} on {ground}": round(contrast(colours[text], colours[ground]), 2)
        for text, ground in WRITTEN
        if contrast(colours[text], colours[ground]) < CONTRAST_MIN
    }
    assert weak == {}
