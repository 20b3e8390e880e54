"""Limits on what a candidate costs, such as ``params < 24M`` or ``latency < 20ms``."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from search_space.checks import shown
from trainer.proxy.measurement import MeasuredCosts

# What may be limited, and the sizes of the units it may be written in.
_COUNTS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}
_TIMES = {"": 1.0, "us": 1e-6, "ms": 1e-3, "s": 1.0}
QUANTITIES: Mapping[str, Mapping[str, float]] = {
    "params": _COUNTS,
    "macs": _COUNTS,
    "step_time": _TIMES,
    "latency": _TIMES,
    "memory": {"": 1.0, "B": 1.0}
    | {f"{prefix}B": 1e3**power for power, prefix in enumerate("KMGT", start=1)}
    | {f"{prefix}iB": 2.0 ** (10 * power) for power, prefix in enumerate("KMGT", start=1)},
}
# Times without a unit are relative to the reference network's; with a unit they are these.
IN_SECONDS: Mapping[str, str] = {"step_time": "step_time_s", "latency": "latency_s"}

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
        quantity: "params", learnable parameters; "macs", multiply-adds at the search's image
            size; "step_time", the training step's time relative to the space's reference
            network; "step_time_s", the same in seconds; "latency" and "latency_s", the same of
            the inference of one image; or "memory", of a training step, bytes.
        comparison: "<", "<=", ">" or ">=".
        limit: The number, without a multiple such as M or ms.
        text: The text that it was parsed from.
    """

    quantity: str
    comparison: str
    limit: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``QUANTITY COMPARISON NUMBER[UNIT]``.

        A step time or a latency without a unit is relative to the reference network's.

        Raises:
            ValueError: If `text` is not of that form; the message shows what is.
        """
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise ValueError(
                'constraint must read like "params < 24M", "macs <= 9G", "step_time < 1.2", '
                f'"latency < 20ms" or "memory < 20GB", got {shown(text)}'
            )
        quantity = match["quantity"].lower()
        if quantity not in QUANTITIES:
            known = ", ".join(QUANTITIES)
            raise ValueError(
                f"constraint must limit one of {known}, got {shown(quantity)} in {shown(text)}"
            )
        units = {unit.upper(): size for unit, size in QUANTITIES[quantity].items()}
        size = units.get(match["unit"].upper())
        if size is None:
            *most, last = filter(None, QUANTITIES[quantity])
            raise ValueError(
                f"constraint's unit must be {', '.join(most)} or {last}, "
                f"got {shown(match['unit'])} in {shown(text)}"
            )
        if match["unit"]:
            quantity = IN_SECONDS.get(quantity, quantity)
        return cls(
            quantity=quantity,
            comparison=match["comparison"],
            limit=float(match["number"]) * size,
            text=text.strip(),
        )

    def __str__(self) -> str:
        return self.text

    @property
    def is_of_step_time(self) -> bool:
        """Whether it limits the step time, relative or in seconds."""
        return self.quantity in ("step_time", IN_SECONDS["step_time"])

    @property
    def is_of_latency(self) -> bool:
        """Whether it limits the latency of inference, relative or in seconds."""
        return self.quantity in ("latency", IN_SECONDS["latency"])

    def violation(self, costs: Mapping[str, float], *, margin: float = 0.0) -> str:
        """Return what is wrong with `costs`, or an empty text where they are within the limit.

        A cost that is not among `costs` is within it.

        Args:
            costs: What is known of the candidate, by quantity.
            margin: How far off a predicted step time may be, as a share of it: only one that
                violates the limit even so is a violation.
        """
        if self.quantity not in costs:
            return ""
        value, leeway = costs[self.quantity], margin if self.is_of_step_time else 0.0
        allowed = value * (1 - leeway if self.comparison.startswith("<") else 1 + leeway)
        if _COMPARE[self.comparison](allowed, self.limit):
            return ""
        return f"{shown_cost(self.quantity, value)} violates {self.text!r}"


def measured_violation(measured: MeasuredCosts, constraints: Sequence[Constraint]) -> str:
    """Return the constraints that the measured costs violate, or an empty string.

    Memory is checked on a GPU only: on a CPU the measured peak is that of the whole process,
    libraries included.
    """
    costs = {"step_time": measured.relative_step_time, "step_time_s": measured.step_time_s}
    if measured.timing.clock != "process_cpu":
        costs["memory"] = measured.timing.peak_memory_bytes
    if measured.latency is not None:
        costs["latency"] = measured.latency.relative_latency
        costs["latency_s"] = measured.latency.latency_s
    return "; ".join(f"measured {why}" for one in constraints if (why := one.violation(costs)))


def shown_cost(quantity: str, value: float) -> str:
    """Return quantity and value as people read them."""
    match quantity:
        case "step_time" | "latency":
            return f"{quantity} {value:.3f} of the reference"
        case "step_time_s" | "latency_s":
            return f"{quantity.removesuffix('_s')} {value * 1e3:.2f} ms"
        case "memory":
            return f"memory {value / 1e9:.3f} GB"
        case _:
            return f"{quantity} {value:,.0f}"
