"""A scale that looks closely at the best values and hardly at the worst."""

import numpy as np

from nas.samplers.known_trials import Numbers


class Stretch:
    """-log(1 + distance to the best in units of the median's): steep near the best.

    The worst networks must not shape the model of the good ones.

    Attributes:
        unit: Distance from the best value to the median.
    """

    def __init__(self, values: Numbers) -> None:
        self._top = float(values.max())
        self.unit = max(self._top - float(np.median(values)), 1e-9)

    def __call__(self, values: Numbers) -> Numbers:
        """Return the stretched values; none may be above the best."""
        stretched: Numbers = -np.log1p((self._top - values) / self.unit)
        return stretched

    def log_slope(self, values: Numbers) -> Numbers:
        """Return the logarithm of the stretched value's derivative by the value."""
        slope: Numbers = -np.log(self.unit + self._top - values)
        return slope

    def inverse(self, stretched: Numbers) -> Numbers:
        """Return values; a point may lie one unit beyond the best, and not more."""
        values: Numbers = self._top - self.unit * np.expm1(-stretched)
        return values
