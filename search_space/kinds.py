"""Whether a value from a file is of the kind that an annotation names."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from search_space.checks import shown


def is_of_kind(value: object, kind: Any) -> bool:
    """Return whether `value` is of the kind `kind`.

    A whole number is a float too, a float is finite, a bool is no number, and a list is a tuple
    too, as JSON has no tuples.

    Args:
        value: Any value.
        kind: `Any`, a class, a dataclass, None, or a Literal, union, tuple, sequence or mapping of
            such.
    """
    origin, args = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin in (Union, UnionType):
        return any(is_of_kind(value, one) for one in args)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in args)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            is_of_kind(name, args[0]) and is_of_kind(one, args[1]) for name, one in value.items()
        )
    if origin is not None and issubclass(origin, Sequence):
        return isinstance(value, list | tuple) and _are_of_kinds(value, args)
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]
    if kind is int or kind in (None, NoneType):
        return type(value) is (int if kind is int else NoneType)
    if is_dataclass(kind):
        return isinstance(value, kind) and wrong_field(value) is None  # type: ignore[arg-type]
    return isinstance(value, kind)


def wrong_field(record: Any) -> str | None:
    """Return the first field of a dataclass that is not of its kind, with its value, or None."""
    hints = get_type_hints(type(record))
    for field in fields(record):
        value = getattr(record, field.name)
        if not is_of_kind(value, hints[field.name]):
            return f"{field.name} is {shown(value)}"
    return None


def wrong_entry(values: Mapping[str, Any], kinds: Mapping[str, Any]) -> str | None:
    """Return the first entry that is not of its kind, with its value, or None.

    Entries that are missing, and those without a kind, are right.
    """
    for name, kind in kinds.items():
        if name in values and not is_of_kind(values[name], kind):
            return f"{name} is {shown(values[name])}"
    return None


def _are_of_kinds(values: Sequence[object], args: tuple[Any, ...]) -> bool:
    """Return whether the elements are of the kinds of a tuple's or a sequence's annotation."""
    if len(args) == 2 and args[1] is Ellipsis:
        args = args[:1]
    elif len(args) > 1:
        pairs = zip(values, args, strict=False)
        return len(values) == len(args) and all(is_of_kind(one, kind) for one, kind in pairs)
    if args == (int,):  # quick, for large matrices
        return all(type(one) is int for one in values)
    return all(is_of_kind(one, args[0]) for one in values)
