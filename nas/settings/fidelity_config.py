"""Settings of a search that trains only what deserves it, checked at the door."""

from typing import Literal

from pydantic import Field

from trainer.config import LadderConfig


class ProgressiveConfig(LadderConfig):
    """The rungs, who climbs them, and who is not trained at all."""

    eta: int = Field(default=3, ge=2, description="One in so many of a rung goes on to the next.")
    prune: Literal["reward", "front", "off"] = Field(
        default="reward",
        description="Drop before training what cannot enter the top by reward, or what something "
        "at least as accurate, fast and small beats already; or drop nothing.",
    )
    top: int = Field(default=5, ge=1, description="Candidates that the top has room for.")
    accuracy_bound: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="What no candidate's accuracy can exceed; 1 is exact, less is a bet.",
    )
    headroom: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="A bolder bet: no candidate exceeds the best accuracy so far by more.",
    )
