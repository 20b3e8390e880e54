"""Checks of arguments; each raises a ValueError with the argument's name, rule and value."""

import difflib
import reprlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

SHOWN_LENGTH = 100  # characters of a value in a message
_SHOWN_DIGITS = 40


class _Repr(reprlib.Repr):
    """`repr` that visits only the first elements of a value, however large it is."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        for kind in ("tuple", "list", "set", "frozenset", "dict", "array", "deque"):
            setattr(self, f"max{kind}", 16)
        self.maxstring = self.maxother = SHOWN_LENGTH

    def repr_int(self, x: int, level: int) -> str:  # noqa: ARG002 (the base class's signature)
        """Return the digits; Python itself refuses to write more than 4300."""
        if x.bit_length() <= 3 * _SHOWN_DIGITS:
            return repr(x)
        return f"a whole number of {x.bit_length()} bits"

    def repr_bytes(self, x: bytes, level: int) -> str:  # noqa: ARG002
        """Return the first bytes."""
        return repr(x) if len(x) <= SHOWN_LENGTH else f"{x[:SHOWN_LENGTH]!r}..."

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """Return the first items in their own order; the base class sorts them."""
        items = [f"{self.repr1(k, level - 1)}: {self.repr1(v, level - 1)}" for k, v in _first(x)]
        return "{" + ", ".join([*items, *(["..."] if len(x) > len(items) else [])]) + "}"


def _first(mapping: dict[Any, Any]) -> list[tuple[Any, Any]]:
    return [item for item, _ in zip(mapping.items(), range(16), strict=False)]


def shown(value: object) -> str:
    """Return `value` as messages show it: its `repr`, cut to `SHOWN_LENGTH` characters.

    A value that was read from a file may be of any size, and its whole `repr` may need more
    memory than there is.
    """
    text = _Repr().repr(value)
    return text if len(text) <= SHOWN_LENGTH else f"{text[: SHOWN_LENGTH - 3]}..."


def shortened(text: str, length: int = 300) -> str:
    """Return a message of a library in at most `length` characters, without line breaks."""
    line = " ".join(text[: 10 * length].split())
    return line if len(line) <= length else f"{line[: length - 3]}..."


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return "; did you mean NAME?" with the known name that is most similar, or an empty text.

    Upper and lower case, ``-`` and ``_`` count as equal. Similar means that `difflib` gives a
    ratio of at least 0.6, its default.
    """
    plain = {one.casefold().replace("-", "_"): one for one in known}
    wanted = str(name)[:SHOWN_LENGTH].casefold().replace("-", "_")
    close = difflib.get_close_matches(wanted, plain, n=1)
    return f"; did you mean {plain[close[0]]}?" if close else ""


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
        raise ValueError(f"{name} must be {rule}, got {shown(value)}")


def require_int(
    name: str, value: object, least: int | None = None, most: int | None = None
) -> int:
    """Return `value` if it is a whole number from `least` to `most`; a bool is no number.

    Raises:
        ValueError: If it is not.
    """
    too_small = isinstance(value, int) and least is not None and value < least
    if isinstance(value, bool) or not isinstance(value, int) or too_small:
        rule = "a whole number" if least is None else f"a whole number >= {least}"
        raise ValueError(f"{name} must be {rule}, got {shown(value)}")
    if most is not None:
        require(value <= most, name, f"at most {most}", value)
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
        raise ValueError(f"{owner} must be a mapping, got {shown(data)}")
    if unknown := sorted(str(key) for key in data if key not in known):
        nearest = did_you_mean(unknown[0], known)
        raise ValueError(
            f"{owner} has unknown keys {shown(unknown)}; known are {sorted(known)}{nearest}"
        )
    if missing := sorted(set(known) - set(optional) - set(data)):
        raise ValueError(f"{owner} lacks {missing}")
    return data
