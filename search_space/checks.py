"""Checks of arguments; each raises a ValueError with the argument's name, rule and value."""

from collections.abc import Collection, Mapping
from typing import Any


def require(holds: bool, name: str, rule: str, value: object) -> None:
    """Raise "`name` must be `rule`, got `value`" unless the rule holds.

    Args:
        holds: Whether `value` obeys the rule.
        name: The argument, such as ``Stage.depth``.
        rule: What the value must be, such as ``>= 1``.
        value: The value that was given.

    Raises:
        ValueError: If `holds` is false.
    """
    if not holds:
        raise ValueError(f"{name} must be {rule}, got {value!r}")


def require_int(name: str, value: object, least: int | None = None) -> int:
    """Return `value` if it is a whole number, at least `least`; True and False are not numbers.

    Raises:
        ValueError: If it is not.
    """
    too_small = isinstance(value, int) and least is not None and value < least
    if isinstance(value, bool) or not isinstance(value, int) or too_small:
        rule = "a whole number" if least is None else f"a whole number >= {least}"
        raise ValueError(f"{name} must be {rule}, got {value!r}")
    return value


def require_keys(
    owner: str, data: object, known: Collection[str], *, optional: Collection[str] = ()
) -> Mapping[str, Any]:
    """Return `data` if it is a mapping with the `known` keys and no others.

    Args:
        owner: What `data` is, for the error message.
        data: The value to check.
        known: All keys that are allowed.
        optional: Those of `known` that may be missing.

    Raises:
        ValueError: If `data` is not a mapping, or a key is unknown or missing.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{owner} must be a mapping, got {data!r}")
    if unknown := sorted(str(key) for key in data if key not in known):
        raise ValueError(f"{owner} has unknown keys {unknown}; known are {sorted(known)}")
    if missing := sorted(set(known) - set(optional) - set(data)):
        raise ValueError(f"{owner} lacks {missing}")
    return data
