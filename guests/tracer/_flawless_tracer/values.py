"""Values, shown without calling what the user wrote.

What is compared here is compared with `is`: `==` and `in` ask classes, whose own classes may have
an `__eq__` of the user's. Attributes are read by way of the built-in types' own descriptors.
"""

import decimal
import fractions
import uuid
from collections import deque
from contextlib import suppress
from datetime import date, datetime, timedelta, timezone
from datetime import time as time_of_day
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from zoneinfo import ZoneInfo

TEXT_CHARS_MAX = 200
LINE_CHARS_MAX = 2_000
NAME_CHARS_MAX = 200
ITEMS_MAX = 50
ITEMS_SHOWN = 5
FIELDS_MAX = 200
DIGITS_BITS_MAX = 4_000

text_of = str.__str__
_class_bases = type.__dict__["__mro__"].__get__
_class_dict = type.__dict__["__dict__"].__get__
_slot_type = type(type("_Slotted", (), {"__slots__": ("one",)}).one)
_dict_types = (type(BaseException.__dict__["__dict__"]), type(SimpleNamespace.__dict__["__dict__"]))
_qualname = type.__dict__["__qualname__"].__get__


def is_one_of(value, several):
    return any(value is one for one in several)


def cut(text, chars):
    return text if len(text) <= chars else f"{text[:chars]}..."


def class_name(kind):
    return cut(text_of(_qualname(kind)), NAME_CHARS_MAX)


def short(value, room=3):
    """Return one line that shows a value; `room` levels of what it holds are shown."""
    try:
        return cut(_short(value, room), LINE_CHARS_MAX)
    except Exception as error:  # of an object that is not finished, say
        return f"<{class_name(type(value))}, cannot be shown: {class_name(type(error))}>"


def _short(value, room):
    kind = type(value)
    if value is None or kind is bool or value is Ellipsis or value is NotImplemented:
        return repr(value)
    bases = _class_bases(kind)
    member = _enum_member(kind, value)
    if member is not None:
        return member
    base = _base_of(bases)
    if base is int:
        return _named(kind, int, _integer(value))
    if base is float or base is complex:
        return _named(kind, base, base.__repr__(value))
    if base is str or base is bytes or base is bytearray:
        return _named(kind, base, _text(base, value))
    if base is tuple and _field_names(kind) is not None:
        return _fielded(kind, value, room)
    if base is not None:
        alike = list if base is deque else base
        return _named(kind, alike, _several(base, value, _SIGNS[base], room))
    if is_one_of(kind, _PLAIN):
        return repr(value) if _is_plain(value) else f"<{class_name(kind)}>"
    if is_kind_of(kind, type):
        return f"<class {class_name(value)}>"
    if is_kind_of(kind, BaseException):
        args = ", ".join(short(one, room - 1) for one in BaseException.args.__get__(value)[:3])
        return f"{class_name(kind)}({args})"
    if is_one_of(kind, FUNCTIONS):
        # A built-in method's qualified name asks the class of what it is bound to.
        name = _own_name(value, "__qualname__" if kind is FunctionType else "__name__")
        return f"<{kind.__name__} {name}>"
    if kind is MethodType:
        function = value.__func__
        return f"<method of {short(function, 0)}>" if type(function) is FunctionType else "<method>"
    if kind is ModuleType:
        return f"<module {_own_name(value, '__name__')}>"
    return _fielded(kind, value, room)


_BASES = (int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, deque)
_SIGNS = {list: "[]", tuple: "()", dict: "{}", set: "{}", frozenset: "{}", deque: "[]"}


def _base_of(bases):
    """Return the built-in type that a class with these bases is a kind of, or None."""
    return next((one for one in bases if is_one_of(one, _BASES)), None)


def _field_names(kind):
    """Return the names of a named tuple's fields; None for any other tuple."""
    for one in _class_bases(kind):
        names = _class_dict(one).get("_fields")
        if type(names) is tuple:
            return names
    return None


def is_kind_of(kind, base):
    """Like `issubclass`, for real bases only: a metaclass is not asked."""
    return is_one_of(base, _class_bases(kind))


FUNCTIONS = (type(short), type(len), type([].append), type("".__add__), type(str.__add__))


def _own_name(value, attribute):
    try:
        name = object.__getattribute__(value, attribute)
    except AttributeError:
        return "?"
    return cut(text_of(name), NAME_CHARS_MAX) if is_kind_of(type(name), str) else "?"


_PLAIN = (
    decimal.Decimal, fractions.Fraction, uuid.UUID, range, datetime, date, time_of_day, timedelta,
    timezone,
)  # fmt: skip


def _is_plain(value):
    """Whether there is nothing of the user's in a value that is shown as it shows itself."""
    if type(value) is range:
        parts = (value.start, value.stop, value.step)
        return all(type(one) is int and _is_short(one) for one in parts)
    if type(value) is fractions.Fraction:
        parts = (value._numerator, value._denominator)
        return all(type(one) is int and _is_short(one) for one in parts)
    if type(value) is decimal.Decimal:
        return len(decimal.Decimal.as_tuple(value).digits) <= TEXT_CHARS_MAX
    if type(value) is datetime or type(value) is time_of_day:
        return value.tzinfo is None or is_one_of(type(value.tzinfo), (timezone, ZoneInfo))
    return True


def _is_short(number):
    return int.bit_length(number) <= DIGITS_BITS_MAX


def _named(kind, base, text):
    if kind is base:
        return text
    return f"{class_name(kind)}({text})"


def _integer(value):
    if int.bit_length(value) > DIGITS_BITS_MAX:
        return f"<an integer of {int.bit_length(value):,} bits>"
    return int.__repr__(value)


def _text(base, value):
    size = base.__len__(value)
    part = base.__getitem__(value, slice(0, TEXT_CHARS_MAX))
    if size <= TEXT_CHARS_MAX:
        return base.__repr__(part)
    unit = "characters" if base is str else "bytes"
    return f"{base.__repr__(part)}... ({size:,} {unit})"


def _several(base, value, signs, room):
    size = base.__len__(value)
    if size == 0:
        return signs if signs != "{}" or base is dict else f"{base.__name__}()"
    if room <= 0:
        return f"{signs[0]}...{signs[1]}"
    shown = []
    for one in _items(base, value, ITEMS_SHOWN):
        if base is dict:
            shown.append(f"{short(one[0], room - 1)}: {short(one[1], room - 1)}")
        else:
            shown.append(short(one, room - 1))
    if size > ITEMS_SHOWN:
        shown.append(f"... {size:,} in all")
    comma = "," if base is tuple and size == 1 else ""
    return f"{signs[0]}{', '.join(shown)}{comma}{signs[1]}"


def _items(base, value, number):
    found = []
    source = dict.items(value) if base is dict else base.__iter__(value)
    for one in source:
        if len(found) >= number:
            break
        found.append(one)
    return found


def _fielded(kind, value, room):
    name = class_name(kind)
    if room <= 1:
        return f"<{name}>"
    fields = fields_of(value)
    if not fields:
        return f"<{name}>"
    shown = [f"{key}={short(one, room - 2)}" for key, one in fields[:ITEMS_SHOWN]]
    if len(fields) > ITEMS_SHOWN:
        shown.append("...")
    return f"{name}({', '.join(shown)})"


def _enum_member(kind, value):
    if type(_class_dict(kind).get("_member_map_")) is not dict:
        return None
    name = _own_dict(value).get("_name_")
    return f"{class_name(kind)}.{cut(name, NAME_CHARS_MAX)}" if type(name) is str else None


def _own_dict(value):
    """Return an object's own attributes, by way of no property that a class calls `__dict__`."""
    for base in _class_bases(type(value)):
        found = _class_dict(base).get("__dict__")
        if is_one_of(type(found), _dict_types):
            found = found.__get__(value)
            return found if type(found) is dict else {}
    return {}


def fields_of(value):
    """Return names and values of an object's own attributes: its dictionary and its slots."""
    found = list(_own_dict(value).items())[:FIELDS_MAX]
    for base in _class_bases(type(value)):
        for name, slot in list(_class_dict(base).items()):
            if type(slot) is _slot_type and len(found) < FIELDS_MAX:
                with suppress(AttributeError):
                    found.append((name, _slot_type.__get__(slot, value)))
    named = []
    for key, one in found:
        if type(key) is str and not (key.startswith("__") and key.endswith("__")):
            named.append((key, one))
    if is_kind_of(type(value), tuple):
        names = _field_names(type(value)) or ()
        fields = zip(names, tuple.__iter__(value), strict=False)
        named += [(key, one) for key, one in fields if type(key) is str]
    return named


def children_of(value):
    """Return (name, value) of what a value holds, and how many there are in all."""
    kind = type(value)
    base = _base_of(_class_bases(kind))
    if base in _SIGNS and not (base is tuple and _field_names(kind) is not None):
        size = base.__len__(value)
        items = _items(base, value, FIELDS_MAX)
        if base is dict:
            return [(short(key, 1), one) for key, one in items], size
        return [(f"[{n}]", one) for n, one in enumerate(items)], size
    if _enum_member(kind, value) is not None:
        return [], 0
    if is_one_of(kind, FUNCTIONS) or kind is ModuleType or is_kind_of(kind, type):
        return [], 0
    if is_kind_of(kind, BaseException):
        return [("args", BaseException.args.__get__(value)), *fields_of(value)], 1
    fields = fields_of(value)
    return fields, len(fields)


refs = []
"""Values that were shown since the guest stopped, by number."""


def shown(name, value, depth=0):
    """Return a variable for the host: name, type, text, a number to ask for more by."""
    try:
        name = cut(name, NAME_CHARS_MAX)
        described = {"name": name, "type": class_name(type(value)), "text": short(value)}
        children, size = children_of(value)
    except Exception as error:  # of an object that is not finished, say
        return {"name": name, "type": "?", "text": f"<cannot be shown: {type(error).__name__}>"}
    if children:
        refs.append(value)
        described["ref"] = len(refs) - 1
        described["size"] = size
        if depth > 0:
            described["children"] = [
                shown(key, one, depth - 1) for key, one in children[:ITEMS_MAX]
            ]
    return described
