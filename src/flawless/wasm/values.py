"""Component-model values in wasmtime's memory: kinds, readers and writers.

Writers take the address of a result slot. Results that never change are built once, as a
template, and copied with one call.
"""

from __future__ import annotations

import ctypes
from typing import Final

from flawless.errors import GuestTrapped

from . import binding
from .binding import VALUE_BYTES, WORD0, WORD1, Value, bytes_new

BOOL: Final = 0
U8: Final = 2
U32: Final = 6
U64: Final = 8
STRING: Final = 12
LIST: Final = 13
RECORD: Final = 14
TUPLE: Final = 15
VARIANT: Final = 16
ENUM: Final = 17
OPTION: Final = 18
RESULT: Final = 19
RESOURCE: Final = 21

RECORD_ENTRY_BYTES: Final = ctypes.sizeof(binding.ByteVec) + VALUE_BYTES

_ZEROS: Final = bytes(VALUE_BYTES)


def put_u32(slot: int, number: int) -> None:
    """Write a u32."""
    value = Value.from_address(slot)
    value.word0 = number
    value.kind = U32


def put_u64(slot: int, number: int) -> None:
    """Write a u64."""
    value = Value.from_address(slot)
    value.word0 = number
    value.kind = U64


def put_bool(slot: int, truth: bool) -> None:
    """Write a bool."""
    value = Value.from_address(slot)
    value.word0 = truth
    value.kind = BOOL


def put_string(slot: int, text: bytes, kind: int = STRING) -> None:
    """Write a string (UTF-8), or with `kind` ENUM the name of an enum's case."""
    bytes_new(slot + WORD0, len(text), text)
    Value.from_address(slot).kind = kind


def put_bytes(slot: int, data: bytes) -> None:
    """Write a `list<u8>`.

    Each byte is a value of its own (32 bytes wide): they are laid out by two strided copies and
    moved at once, since converting them one by one would cost a microsecond a byte.
    """
    size = len(data)
    binding.list_new(slot + WORD0, size)
    Value.from_address(slot).kind = LIST
    if size:
        items = bytearray(_ZEROS * size)
        items[0::VALUE_BYTES] = bytes((U8,)) * size
        items[WORD0::VALUE_BYTES] = data
        source = (ctypes.c_char * len(items)).from_buffer(items)
        ctypes.memmove(Value.from_address(slot).word1, source, len(items))


def get_string(slot: int) -> bytes:
    """Read a string, as UTF-8."""
    value = Value.from_address(slot)
    return ctypes.string_at(value.word1, value.word0)


def get_bytes(slot: int) -> bytes:
    """Read a `list<u8>`."""
    value = Value.from_address(slot)
    return ctypes.string_at(value.word1, value.word0 * VALUE_BYTES)[WORD0::VALUE_BYTES]


def put_u32s(slot: int, numbers: list[int]) -> None:
    """Write a `list<u32>`."""
    binding.list_new(slot + WORD0, len(numbers))
    value = Value.from_address(slot)
    value.kind = LIST
    items = value.word1
    for index, number in enumerate(numbers):
        item = items + index * VALUE_BYTES
        ctypes.memmove(item, _ZEROS, VALUE_BYTES)
        put_u32(item, number)


def get_items(slot: int) -> range:
    """Return the addresses of a list's items."""
    value = Value.from_address(slot)
    return range(value.word1, value.word1 + value.word0 * VALUE_BYTES, VALUE_BYTES)


def put_resource(slot: int, context: int, rep: int, kind: int) -> None:
    """Write an owned handle to the host's resource number `rep` of the type `kind`."""
    host = binding.resource_host_new(True, rep, kind)
    value = Value.from_address(slot)
    error = binding.resource_host_to_any(context, host, slot + WORD0)
    binding.resource_host_delete(host)
    if error:
        raise GuestTrapped(f"the guest cannot have the resource: {binding.take_error(error)}")
    value.kind = RESOURCE


def take_borrow(slot: int, context: int) -> int:
    """Return the rep behind a borrowed handle.

    The conversion also gives the borrow back, which wasmtime demands of a host function before it
    returns. (`resource_any_drop` would do so too, but refuses asynchronous stores.)
    """
    handle = Value.from_address(slot).word0
    host = ctypes.c_void_p()
    error = binding.resource_any_to_host(context, handle, ctypes.addressof(host))
    if error:
        raise GuestTrapped(f"the guest cannot have the resource: {binding.take_error(error)}")
    rep: int = binding.resource_host_rep(host)
    binding.resource_host_delete(host)
    return rep


class Template:
    """A constant value, copied into a slot by one call."""

    def __init__(self) -> None:
        self._value = Value()
        self.slot = ctypes.addressof(self._value)

    def copy(self, slot: int) -> None:
        """Write the value into `slot`."""
        binding.val_clone(self.slot, slot)


def _boxed(inner: Template | None) -> int:
    """Move a template's value into wasmtime's memory; None is the null pointer."""
    if inner is None:
        return 0
    pointer: int = binding.val_new(inner.slot)
    inner._value.kind = BOOL
    return pointer


def ok(inner: Template | None = None) -> Template:
    """`result<_, _>`: success."""
    template = Template()
    template._value.word0 = 1
    template._value.word1 = _boxed(inner)
    template._value.kind = RESULT
    return template


def err(inner: Template | None = None) -> Template:
    """`result<_, _>`: failure."""
    template = Template()
    template._value.word0 = 0
    template._value.word1 = _boxed(inner)
    template._value.kind = RESULT
    return template


def none() -> Template:
    """`option<_>`: nothing."""
    template = Template()
    template._value.kind = OPTION
    return template


def enum(case: str) -> Template:
    """One case of an enum."""
    template = Template()
    put_string(template.slot, case.encode(), ENUM)
    return template


def variant(case: str) -> Template:
    """A case of a variant, without payload."""
    template = Template()
    bytes_new(template.slot + WORD0, len(case), case.encode())
    template._value.kind = VARIANT
    return template


def unsigned64(number: int) -> Template:
    """A u64."""
    template = Template()
    put_u64(template.slot, number)
    return template


def empty_list() -> Template:
    """A list without items."""
    template = Template()
    binding.list_new(template.slot + WORD0, 0)
    template._value.kind = LIST
    return template


def string_pairs(pairs: list[tuple[str, str]]) -> Template:
    """A `list<tuple<string, string>>`."""
    template = Template()
    binding.list_new(template.slot + WORD0, len(pairs))
    template._value.kind = LIST
    for slot, pair in zip(get_items(template.slot), pairs, strict=True):
        binding.tuple_new(slot + WORD0, 2)
        Value.from_address(slot).kind = TUPLE
        for item, text in zip(get_items(slot), pair, strict=True):
            put_string(item, text.encode())
    return template


def record(fields: list[tuple[str, int, int]]) -> Template:
    """A record of integers: `(name, kind, value)`; `fields_of` finds them again."""
    template = Template()
    binding.record_new(template.slot + WORD0, len(fields))
    template._value.kind = RECORD
    entry = template._value.word1
    for name, kind, number in fields:
        bytes_new(entry, len(name), name.encode())
        value = Value.from_address(entry + ctypes.sizeof(binding.ByteVec))
        value.kind = kind
        value.word0 = number
        entry += RECORD_ENTRY_BYTES
    return template


def set_field(slot: int, index: int, number: int) -> None:
    """Set the integer field number `index` of the record in `slot`."""
    entry = Value.from_address(slot).word1 + index * RECORD_ENTRY_BYTES
    Value.from_address(entry + ctypes.sizeof(binding.ByteVec)).word0 = number


__all__ = [name for name in globals() if not name.startswith("_")]
assert WORD1 == WORD0 + 8, "size and pointer of strings and lists are neighbours"
