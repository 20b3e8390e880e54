"""Units of work for a worker: one rung of a candidate, or one further training of it."""

from dataclasses import dataclass, field
from typing import Any, Self

from nas.candidate import Candidate
from nas.engine.pruning import PruningThreshold
from nas.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Candidate):
    """A candidate and the rung through which it is to be trained.

    A full training is the only rung of its search.

    Attributes:
        rung: Counted from 0.
        num_rungs: Rungs of the search, >= 1.
        known: Metrics of the rungs before; empty at the first rung.
        threshold: What the candidate has to be able to reach; applied at the first rung.
    """

    rung: int = 0
    num_rungs: int = 1
    known: Metrics = field(default_factory=Metrics)
    threshold: PruningThreshold = field(default_factory=PruningThreshold)

    @property
    def file_stem(self) -> str:
        """Name of its result file; with several rungs, each has its own file."""
        return str(self.number) if self.num_rungs == 1 else f"{self.number}-r{self.rung}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(Candidate):
    """A full training of a candidate with another seed or of another length.

    Attributes:
        seed: Of weights, image order, augmentation, and of which images are held out.
        epochs: Passes over the training images.
    """

    seed: int
    epochs: int

    @classmethod
    def of(cls, candidate: Candidate, *, seed: int, epochs: int) -> Self:
        """Return the training of `candidate` with this seed and length."""
        return cls(**Candidate.to_dict(candidate), seed=seed, epochs=epochs)

    @property
    def file_stem(self) -> str:
        """Name of its result file, unique among the trainings of a run."""
        return f"{self.number}-seed{self.seed}-epochs{self.epochs}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` inverts it exactly."""
        return {**Candidate.to_dict(self), "seed": self.seed, "epochs": self.epochs}
