"""What the trials of a study tell a model: points as codes, their rewards, failures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.samplers.surrogate.levels import Levels

Codes = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTrials:
    """The distinct points of a study, sorted by what came of them.

    A code is the level of a decision, and the number of its levels where it is inactive.

    Attributes:
        levels: Decision name -> its levels, in the order in which they are decided.
        codes: Of the points with a reward, [n, decisions].
        rewards: Their rewards, [n], the higher the better; the mean where a point was repeated.
        penalties: Logarithm of reward / accuracy, what step time and parameters did to the
            reward, [n]; None unless every trial tells its accuracy.
        forecasts: What of the penalties was known before training, [n].
        failed: Codes of points that failed or break a constraint, [m, decisions].
        pending: Codes of points that are being tried, [p, decisions].
    """

    levels: Mapping[str, Levels]
    codes: Codes
    rewards: Numbers
    penalties: Numbers | None
    forecasts: Numbers
    failed: Codes
    pending: Codes

    @property
    def sizes(self) -> Codes:
        """Number of levels of every decision, [decisions]."""
        return np.array([len(levels) for levels in self.levels.values()], dtype=np.int64)

    @property
    def seen(self) -> Codes:
        """Codes of every point that has been asked for, [n + m + p, decisions]."""
        return np.concatenate([self.codes, self.failed, self.pending])
