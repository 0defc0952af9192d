"""What an execution did, learnt afterwards from its recording: replays, paths, what-if, export."""

from .code import Code, present_code
from .recording import Recording, record

__all__ = ["Code", "Recording", "present_code", "record"]
