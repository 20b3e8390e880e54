"""One more training of a candidate, with another seed or of another length, and its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nas.candidate import Candidate, Outcome, State
from nas.engine.result_files import Results


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(Candidate):
    """A candidate that is to be trained with a seed and a length of its own.

    Attributes:
        seed: Of weights, image order, augmentation, and of which images are held out.
        epochs: Passes over the training images.
    """

    seed: int
    epochs: int

    @classmethod
    def of(cls, candidate: Candidate, *, seed: int, epochs: int) -> Self:
        """Return the training of `candidate` with this seed and length."""
        return cls(
            number=candidate.number,
            key=candidate.key,
            choices=candidate.choices,
            seed=seed,
            epochs=epochs,
        )

    @property
    def label(self) -> str:
        """A name that no other training of the run has; its file's too."""
        return f"{self.number}-seed{self.seed}-epochs{self.epochs}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` inverts it exactly."""
        return {
            "number": self.number,
            "key": self.key,
            "choices": dict(self.choices),
            "seed": self.seed,
            "epochs": self.epochs,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict` output."""
        fields = ("number", "key", "choices", "seed", "epochs")
        return cls(**{name: data[name] for name in fields})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResults(Results):
    """A folder with one file a training, as `Results` has one a candidate."""

    def path(self, candidate: Candidate) -> Path:
        """Return the file of a training: number, seed and epochs tell it from all others."""
        return self.folder / f"{as_training(candidate).label}.json"


def as_training(candidate: Candidate) -> Training:
    """Return `candidate`, which has to be a training.

    Raises:
        TypeError: If it is not.
    """
    if not isinstance(candidate, Training):
        raise TypeError(f"expected a Training, got {candidate!r}")
    return candidate


def describe_training(training: Training, outcome: Outcome) -> str:
    """Return one line about a further training of a candidate that has ended."""
    what = outcome.reason
    if outcome.state is State.COMPLETE:
        what = (
            f"accuracy {100 * outcome.training.accuracy:.2f} %, "
            f"step {1e3 * outcome.costs.step_time_s:.1f} ms"
        )
    return (
        f"candidate {training.number}, seed {training.seed}, "
        f"{training.epochs} epochs: {what} in {outcome.seconds:.0f} s"
    )
