"""Limits on what is known before any training, such as ``params < 24M``."""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

QUANTITIES = ("params", "macs")
UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9}

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_PATTERN = re.compile(
    r"\s*(?P<quantity>\w+)\s*(?P<comparison><=|>=|<|>)\s*"
    r"(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)\s*(?P<unit>[a-zA-Z]*)\s*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """One comparison of a candidate's cost with a number.

    Attributes:
        quantity: "params", learnable parameters, or "macs", multiply-adds at the search's
            image size.
        comparison: "<", "<=", ">" or ">=".
        limit: The number, in units of one.
        text: As it was written.
    """

    quantity: str
    comparison: str
    limit: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``QUANTITY COMPARISON NUMBER[K|M|G|B]``.

        Raises:
            ValueError: If `text` is not of that form; the message shows what is.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(
                f'constraint must read like "params < 24M" or "macs <= 9G", got {text!r}'
            )
        quantity, unit = match["quantity"].lower(), match["unit"].upper()
        if quantity not in QUANTITIES:
            known = ", ".join(QUANTITIES)
            raise ValueError(f"constraint must limit one of {known}, got {quantity!r} in {text!r}")
        if unit not in UNITS:
            raise ValueError(f"constraint's unit must be K, M, G or B, got {unit!r} in {text!r}")
        limit = float(match["number"]) * UNITS[unit]
        return cls(
            quantity=quantity, comparison=match["comparison"], limit=limit, text=text.strip()
        )

    def violation(self, costs: Mapping[str, float]) -> str:
        """Return what is wrong with `costs`, or an empty text where they are within the limit."""
        value = costs[self.quantity]
        if _COMPARE[self.comparison](value, self.limit):
            return ""
        return f"{self.quantity} {value:,.0f} violates {self.text!r}"
