"""What the tests of the browser client stand on."""

from __future__ import annotations

import sys
from pathlib import Path

from browsing import browser

__all__ = ["browser"]

sys.path.append(str(Path(__file__).parent))
