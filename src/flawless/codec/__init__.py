"""How values travel: between guest and host, into the journal, and in from JSON.

One codec, pure standard library, the same files on both sides. `encode` describes the format.
"""

from ._classes import public_module
from ._errors import CodecError, SizeExceeded
from ._quick import DEPTH_MAX
from ._text import read, write
from .bind import bind
from .decode import decode, decode_call, decode_exception, loads
from .encode import dumps, encode, encode_call, encode_exception
from .pinned import pinned
from .plain import plain
from .schema import describe_call, schema

__all__ = [
    "DEPTH_MAX",
    "CodecError",
    "SizeExceeded",
    "bind",
    "decode",
    "decode_call",
    "decode_exception",
    "describe_call",
    "dumps",
    "encode",
    "encode_call",
    "encode_exception",
    "loads",
    "pinned",
    "plain",
    "public_module",
    "read",
    "schema",
    "write",
]
