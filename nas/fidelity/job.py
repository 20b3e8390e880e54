"""One rung of one candidate: what a worker gets, and what its files are called."""

from dataclasses import dataclass, field

from nas.candidate import Candidate
from nas.fidelity.pruning import Bar
from nas.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class RungJob(Candidate):
    """A candidate together with the rung that it is to be trained through.

    Attributes:
        rung: Counted from 0.
        known: Its metrics from the rung before; empty at the first.
        bar: What it must be able to reach to be trained at all; asked at the first rung only.
    """

    rung: int = 0
    known: Metrics = field(default_factory=Metrics)
    bar: Bar = field(default_factory=Bar)

    @property
    def file_stem(self) -> str:
        """Each rung has a result of its own."""
        return f"{self.number}-r{self.rung}"
