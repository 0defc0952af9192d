"""Where `up` listens and keeps its data, unless told otherwise."""

from pathlib import Path
from typing import Final

CODE: Final = "code"
"""The folder within the data folder in which uploaded code lies."""
DATA: Final = Path(".flawless")
DATABASE: Final = "flawless.db"
HOST: Final = "127.0.0.1"
PORT: Final = 27288
