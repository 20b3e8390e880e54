"""A monotonic transformation of rewards that is steep near the best one."""

import numpy as np

from nas.samplers.surrogate.encoded_trials import Floats


class RewardWarp:
    """The map -log(1 + (best - value) / (best - median)).

    It keeps the worst networks from shaping the model of the good ones.

    Attributes:
        unit: Distance from the best value to the median.
    """

    def __init__(self, values: Floats) -> None:
        self._best = float(values.max())
        self.unit = max(self._best - float(np.median(values)), 1e-9)

    def __call__(self, values: Floats) -> Floats:
        """Return the warped values, of any shape; none of `values` may exceed the best."""
        warped: Floats = -np.log1p((self._best - values) / self.unit)
        return warped

    def log_slope(self, values: Floats) -> Floats:
        """Return the logarithm of the derivative of the map at `values`, of any shape."""
        slope: Floats = -np.log(self.unit + self._best - values)
        return slope

    def inverse(self, warped: Floats) -> Floats:
        """Return the values of warped ones, of any shape, at most one unit above the best."""
        values: Floats = self._best - self.unit * np.expm1(-warped)
        return values
