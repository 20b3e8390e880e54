"""Durations and memory sizes, parsed from text with units."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from search_space.checks import shown

# Regular expression of a unit -> its size, larger units first.
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_BYTES = {
    rf"{prefix}{binary}B?": (1024.0 if binary else 1000.0) ** power
    for prefix, power in (("T", 4), ("G", 3), ("M", 2), ("K", 1))
    for binary in ("i", "")
}


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time.

    Attributes:
        seconds: The length, > 0.
        text: The text that it was parsed from.
    """

    seconds: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``2h``, ``90m``, ``45s``, ``1h30m`` or a plain number of seconds.

        Raises:
            ValueError: If `text` has another form, or the duration is zero.
        """
        stripped = text.strip()
        seconds = _sum_of_parts(f"{stripped}s" if stripped[-1:].isdigit() else stripped, _SECONDS)
        if seconds <= 0:
            raise ValueError(f"must be a time such as 2h, 90m, 45s or 1h30m, got {shown(text)}")
        return cls(seconds, text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class MemorySize:
    """An amount of memory.

    Attributes:
        num_bytes: The amount in bytes, > 0.
        text: The text that it was parsed from.
    """

    num_bytes: int
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``4GB``, ``512 MiB`` or ``1.5T``; units without an i are powers of 1000.

        Raises:
            ValueError: If `text` has another form, or the size is zero.
        """
        num_bytes = int(_sum_of_parts(text.strip(), _BYTES))
        if num_bytes <= 0:
            raise ValueError(f"must be a size such as 512MiB or 4GB, got {shown(text)}")
        return cls(num_bytes, text)


def _sum_of_parts(text: str, units: Mapping[str, float]) -> float:
    """Return the sum of parts such as ``1h30m``; 0 if `text` does not consist of such parts."""
    pattern = "".join(rf"(?:(\d+(?:\.\d+)?)\s*{unit})?" for unit in units)
    match = re.fullmatch(pattern, text, re.IGNORECASE)
    numbers = match.groups(default="0") if match else ()
    return sum(float(number) * size for number, size in zip(numbers, units.values(), strict=False))
