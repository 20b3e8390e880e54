"""Linear regression on few points by relative absolute errors."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def fit_line(x: Values, y: Values) -> tuple[float, float]:
    """Return slope > 0 and intercept >= 0 that minimise the sum of |y' - y| / y.

    Absolute errors make the line robust to a single disturbed measurement. A line that minimises
    them passes through two of the points, or through one and the origin, so all these are tried.

    Args:
        x: (n,) float64, > 0, n >= 1.
        y: (n,) float64, > 0.
    """

    def error(line: tuple[float, float]) -> float:
        slope, intercept = line
        return float(np.sum(np.abs(slope * x + intercept - y) / y))

    return min(_lines(x, y), key=error)


def _lines(x: Values, y: Values) -> Iterator[tuple[float, float]]:
    """Yield the lines of slope > 0 and intercept >= 0 through two points or one and the origin."""
    for one in range(len(x)):
        yield float(y[one] / x[one]), 0.0
    for one, other in combinations(range(len(x)), 2):
        if x[one] == x[other]:
            continue
        slope = float((y[other] - y[one]) / (x[other] - x[one]))
        intercept = float(y[one] - slope * x[one])
        if slope > 0 and intercept >= 0:
            yield slope, intercept


def leave_one_out_error(x: Values, y: Values) -> float:
    """Return the mean of |y' - y| / y, where each y' uses the line fitted to the other points.

    Args:
        x: (n,) float64, > 0, n >= 3.
        y: (n,) float64, > 0.
    """
    errors = []
    for left_out in range(len(x)):
        others = np.arange(len(x)) != left_out
        slope, intercept = fit_line(x[others], y[others])
        errors.append(abs(slope * x[left_out] + intercept - y[left_out]) / y[left_out])
    return float(np.mean(errors))
