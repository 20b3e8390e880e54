"""Settings of fidelity progressive: successive halving and pruning."""

from typing import Literal

from pydantic import Field

from nas.engine.pruning import PruningRule
from trainer.config import RungsConfig


class ProgressiveConfig(RungsConfig):
    """Successive halving: the rungs, the promotion from rung to rung, and pruning."""

    eta: int = Field(default=3, ge=2)
    """One of this many candidates of a rung reaches the next one."""
    prune: Literal["reward", "front", "off"] = "reward"
    """Candidates that are not trained: those that cannot be among the best by reward (reward),
    those that cannot reach the Pareto front of accuracy, step time and parameters (front), or none
    (off).
    """
    top: int = Field(default=5, ge=1)
    """Number of best candidates for prune reward."""
    accuracy_bound: float = Field(default=1.0, gt=0, le=1)
    """Highest accuracy that pruning considers possible; 1 loses no candidate."""
    headroom: float | None = Field(default=None, gt=0, le=1)
    """Highest gain over the best accuracy so far that pruning considers possible."""

    @property
    def pruning_rule(self) -> PruningRule:
        """Rule for candidates that are not trained."""
        return PruningRule(
            by=self.prune,
            top=self.top,
            accuracy_bound=self.accuracy_bound,
            max_accuracy_gain=self.headroom,
        )
