"""A command line, read with argparse, and a report with the standard library's text modules."""

import argparse
import csv
import io
import statistics
import textwrap

import flawless
from libraries.gate import pause


def read(words: list[str]) -> str:
    """Return the options in `words`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("names", nargs="*")
    return str(sorted(vars(parser.parse_args(words)).items()))


def report(numbers: list[float]) -> str:
    """Return a table and what the numbers are like."""
    table = io.StringIO()
    csv.writer(table).writerows(enumerate(numbers))
    like = f"mean {statistics.fmean(numbers):.3f}, deviation {statistics.stdev(numbers):.3f}"
    return table.getvalue() + textwrap.fill(like, 16)


@flawless.workflow
def command(words: list[str], numbers: list[float]) -> tuple[str, str]:
    """Read a command line, pause, and report."""
    options = read(words)
    pause()
    return options, report(numbers)
