"""A crawl by an engine in a process that is killed: `crawl_life.py STORE COMPONENT URL OPTIONS`.

Prints the report and the last progress, as JSON.
"""

from __future__ import annotations

import json
import sys

import flawless

RESULT_S_MAX = 60.0


def main(store: str, component: str, url: str, options: str) -> None:
    """Start the crawl, or go on with it, and wait for its end."""
    with flawless.Engine(store, modules=[component]) as engine:
        run = engine.start("crawler.crawl", url, json.loads(options), id="crawl")
        report = run.result(timeout=RESULT_S_MAX)
        print(json.dumps({"report": report, "progress": run.state()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
