"""The trials of a study as arrays for the model: points as codes, rewards, failures."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.samplers.surrogate.decision_encoding import DecisionEncoding

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTrials:
    """The distinct points of a study by the status of their trials.

    The code of a point has one entry for each decision: the level of its value, or the number of
    levels if the decision is inactive.

    Attributes:
        encodings: Decision name -> its encoding, in the order in which decisions are made.
        codes: Points with a reward, [n, decisions].
        rewards: Their rewards, to be maximized, [n]; the mean of a repeated point.
        log_cost_factors: log(reward / accuracy), the effect of step time and parameters on the
            reward, [n]; None unless every trial has an accuracy.
        predicted_log_cost_factors: The part of `log_cost_factors` that is known before
            training, [n].
        failed: Points that failed or break a constraint, [m, decisions].
        pending: Points of running trials, [p, decisions].
    """

    encodings: Mapping[str, DecisionEncoding]
    codes: Codes
    rewards: Floats
    log_cost_factors: Floats | None
    predicted_log_cost_factors: Floats
    failed: Codes
    pending: Codes

    @property
    def sizes(self) -> Codes:
        """Number of levels of every decision, [decisions]."""
        return np.array([len(encoding) for encoding in self.encodings.values()], dtype=np.int64)

    @property
    def seen(self) -> Codes:
        """All points, [n + m + p, decisions]."""
        return np.concatenate([self.codes, self.failed, self.pending])
