"""Table of the step times of a space's parts, which predicts the step times of its networks.

All times are relative to the reference network, which is timed alternately with the parts, so
that a drifting clock cancels. A network's time is a linear function of the sum of its parts'
times, fitted to a few measured networks: each part is timed by itself with its data in the
cache, so that the sum differs from the network's time by about a factor and a constant.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from search_space.architecture import Architecture
from search_space.atomic_file import write_atomic
from search_space.checks import require, shown
from search_space.checksum import parse_sealed, sealed
from search_space.leftovers import remove_drafts
from search_space.parts import Part, network_parts
from search_space.text_files import read_text

SCHEMA = "nas.step-times/1"
_NUMBERS = ("reference_step_time_s", "relative_error", "seconds")
_KEYS = {"schema", "conditions", "line", "measured", "parts", *_NUMBERS}

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableConditions:
    """Conditions of a table's measurement; its times are valid for no others.

    Attributes:
        space: Name of the search space.
        space_content: Digest of the search space, see `SearchSpace.digest`.
        num_classes: Outputs of the classifier.
        image_size: Side of the square images, pixels.
        batch_size: Images per step.
        precision: "fp32" or "bf16".
        optimizer: Update rule.
        device: Name of the device.
        torch_version: Version of torch.
    """

    space: str
    space_content: str
    num_classes: int
    image_size: int
    batch_size: int
    precision: str
    optimizer: str
    device: str
    torch_version: str

    def difference(self, other: "TableConditions", *, ignored: Iterable[str] = ()) -> str:
        """Return a text that names the conditions that differ from `other`; empty for none.

        Args:
            other: The conditions to compare with.
            ignored: Fields that are not compared, in addition to the name of the space.
        """
        own, others = asdict(self), asdict(other)
        return ", ".join(
            f"{name} {own[name]!r} and not {others[name]!r}"
            for name in own
            if name not in {*ignored, "space"} and own[name] != others[name]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTable:
    """Relative step times of a space's parts, and the line that maps their sum to a network's.

    Attributes:
        conditions: Conditions of the measurement.
        reference_step_time_s: Median training step time of the reference network, seconds.
        parts: Step time of each part / the reference network's.
        measured: Relative step times of the networks that the line was fitted to.
        slope: Slope of the line, > 0.
        intercept: Intercept of the line, relative to the reference network's step time.
        relative_error: Mean of |predicted - measured| / measured over `measured`, where each
            prediction uses the line through the other networks.
        seconds: Wall time of the measurement, seconds.
    """

    conditions: TableConditions
    reference_step_time_s: float
    parts: Mapping[Part, float]
    measured: Mapping[Architecture, float]
    slope: float
    intercept: float
    relative_error: float
    seconds: float

    @classmethod
    def calibrated(
        cls,
        conditions: TableConditions,
        parts: Mapping[Part, float],
        measured: Mapping[Architecture, float],
        *,
        reference_step_time_s: float,
        seconds: float,
    ) -> Self:
        """Return the table with the line that fits `measured` best.

        Raises:
            ValueError: If fewer than three networks were measured, or one has an unknown part.
        """
        require(len(measured) >= 3, "number of measured networks", ">= 3", len(measured))
        sums = np.array([_sum(parts, network, conditions.image_size) for network in measured])
        times = np.array(list(measured.values()))
        slope, intercept = fit_line(sums, times)
        return cls(
            conditions=conditions,
            reference_step_time_s=reference_step_time_s,
            parts=parts,
            measured=measured,
            slope=slope,
            intercept=intercept,
            relative_error=leave_one_out_error(sums, times),
            seconds=seconds,
        )

    def relative_step_time(self, architecture: Architecture) -> float:
        """Return the predicted step time of a network / the reference network's.

        Raises:
            ValueError: If the network has a part that is not in the table.
        """
        total = _sum(self.parts, architecture, self.conditions.image_size)
        return self.slope * total + self.intercept

    def to_dict(self) -> dict[str, Any]:
        """Return the content of the table's file as a JSON-ready dict."""
        return {
            "schema": SCHEMA,
            "conditions": asdict(self.conditions),
            **{name: getattr(self, name) for name in _NUMBERS},
            "line": {"slope": self.slope, "intercept": self.intercept},
            "measured": [
                {"architecture": network.to_dict(), "relative_step_time": time}
                for network, time in self.measured.items()
            ],
            "parts": [one.to_dict() | {"relative_time": t} for one, t in self.parts.items()],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the table whose `to_dict` gave `data`.

        Raises:
            ValueError: If a field is missing, the schema is another one, or a number is not
                finite and positive.
        """
        if data.get("schema") != SCHEMA:
            raise ValueError(f"schema must be {SCHEMA!r}, got {shown(data.get('schema'))}")
        try:
            numbers = {name: data[name] for name in _NUMBERS} | data["line"]
            table = cls(
                conditions=TableConditions(**data["conditions"]),
                parts={Part.from_dict(p): float(p["relative_time"]) for p in data["parts"]},
                measured={
                    Architecture.from_dict(one["architecture"]): float(one["relative_step_time"])
                    for one in data["measured"]
                },
                **{name: float(number) for name, number in numbers.items()},
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"it lacks or misnames a field: {error}") from error
        positive = {"reference_step_time_s": table.reference_step_time_s, "slope": table.slope}
        positive |= {f"time of {part}": time for part, time in table.parts.items()}
        for name, value in positive.items():
            require(math.isfinite(value) and value > 0, name, "finite and > 0", value)
        return table


def _sum(parts: Mapping[Part, float], architecture: Architecture, image_size: int) -> float:
    """Return the sum of the times of a network's parts; a ValueError names a missing one."""
    wanted = network_parts(architecture, image_size)
    if missing := [part for part in wanted if part not in parts]:
        raise ValueError(f"the table of step times lacks {missing[0]} of {architecture.key}")
    return sum(parts[part] for part in wanted)


def fit_line(x: Values, y: Values) -> tuple[float, float]:
    """Return slope > 0 and intercept >= 0 that minimise the sum of |y' - y| / y.

    Absolute errors make the line robust to a single disturbed measurement. A line that minimises
    them passes through two of the points, or through one and the origin, so all these are tried.

    Args:
        x: (n,) float64, > 0, n >= 1.
        y: (n,) float64, > 0.
    """
    xs, ys = np.append(0.0, x), np.append(0.0, y)  # the origin first
    one, other = np.triu_indices(len(xs), k=1)
    with np.errstate(divide="ignore", invalid="ignore"):  # two points may have the same x
        slopes = (ys[other] - ys[one]) / (xs[other] - xs[one])
        intercepts = ys[one] - slopes * xs[one]
        errors = (np.abs(np.outer(slopes, x) + intercepts[:, None] - y) / y).sum(axis=1)
    best = np.where((slopes > 0) & (intercepts >= 0), errors, np.inf).argmin()
    return float(slopes[best]), float(intercepts[best])


def leave_one_out_error(x: Values, y: Values) -> float:
    """Return the mean of |y' - y| / y, where each y' uses the line fitted to the other points.

    Args:
        x: (n,) float64, > 0, n >= 3.
        y: (n,) float64, > 0.
    """
    lines = [fit_line(np.delete(x, one), np.delete(y, one)) for one in range(len(x))]
    slopes, intercepts = np.transpose(lines)
    return float(np.mean(np.abs(slopes * x + intercepts - y) / y))


def load_step_table(path: str | Path) -> StepTable:
    """Return the table in a file.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is not a valid table; the message names the file.
    """
    try:
        data = parse_sealed(read_text(path).encode())
        if not isinstance(data, dict):
            raise ValueError("the content must be a mapping")
        if unknown := sorted(data.keys() - _KEYS):
            raise ValueError(f"it has unknown keys {shown(unknown)}")
        return StepTable.from_dict(data)
    except ValueError as error:
        raise ValueError(f"{path}: no table of step times: {error}") from error


def save_step_table(path: str | Path, table: StepTable) -> None:
    """Write `table` to `path` atomically.

    Raises:
        OSError: If `path` cannot be written.
    """
    remove_drafts(Path(path).parent, Path(path).name)
    write_atomic(path, sealed(json.dumps(table.to_dict(), indent=1, allow_nan=False)) + "\n")
