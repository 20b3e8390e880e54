"""Candidates, their outcomes, and records of both: values that cross processes and files."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

from nas.metrics import Metrics, TrainingResult
from nas.reward import weighted_product
from search_space.checks import shown
from trainer.proxy.measurement import MeasuredCosts

Choice = int | str
Choices = Mapping[str, Choice]


class State(StrEnum):
    """State of a candidate that is no longer in flight.

    COMPLETE was trained and measured. FAIL failed by its own fault: loss not finite, out of
    memory, an exception, a timeout. INFEASIBLE violates a constraint, by its predicted costs (it
    was not tried) or by its measured costs (it has metrics). DROPPED was timed and not trained,
    because it could not enter the top. The reward of all but the first is zero, the lowest one.
    """

    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    INFEASIBLE = "INFEASIBLE"
    DROPPED = "DROPPED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One proposal of the search.

    Attributes:
        number: The proposal's number: the same in the ledger, in `results/` and in Optuna.
        choices: Decision name -> chosen option, canonical: only the decisions that matter.
        key: Name of the network that the choices stand for; equal keys are equal networks.
    """

    number: int
    choices: Choices
    key: str

    @property
    def rung(self) -> int:
        """The rung through which it is to be trained; 0 for a plain candidate."""
        return 0

    @property
    def file_stem(self) -> str:
        """Name of its files, without the extension."""
        return str(self.number)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` inverts it exactly."""
        return {"number": self.number, "key": self.key, "choices": dict(self.choices)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict` output; other keys are ignored."""
        return cls(**{one.name: data[one.name] for one in fields(cls) if one.name in data})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of trying a candidate.

    Attributes:
        state: State of the candidate.
        reward: Higher is better; zero unless COMPLETE.
        metrics: Its measurements: costs, training result, device-seconds.
        reason: Why it is not COMPLETE, in one line; empty if it is.
        worker: The process that tried it, such as "node/pid".
        seconds: Wall seconds in that process.
        traceback: Traceback of the exception that made it fail; not written to the ledger.

    Raises:
        ValueError: If a number is not finite, or a state other than COMPLETE has a reward.
    """

    state: State
    reward: float = 0.0
    metrics: Metrics = field(default_factory=Metrics)
    reason: str = ""
    worker: str = ""
    seconds: float = 0.0
    traceback: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))
        object.__setattr__(self, "reward", float(self.reward))  # 0 and 0.0 give the same JSON
        object.__setattr__(self, "seconds", float(self.seconds))
        for name, value in (("reward", self.reward), ("seconds", self.seconds)):
            if not math.isfinite(value):
                raise ValueError(f"Outcome.{name} must be finite, got {value!r}")
        for name, metric in self.metrics.to_dict().items():
            if isinstance(metric, float) and not math.isfinite(metric):
                raise ValueError(f"Outcome.metrics[{name!r}] must be finite, got {metric!r}")
        if self.state is not State.COMPLETE and self.reward != 0.0:
            raise ValueError(
                f"Outcome.reward must be 0 where state is {self.state}, got {self.reward!r}"
            )

    @property
    def is_charged(self) -> bool:
        """Whether it was tried, and so counts against the budget."""
        return self.state is not State.INFEASIBLE or self.metrics != Metrics()

    @property
    def costs(self) -> MeasuredCosts:
        """The measured costs; raises a ValueError if the candidate was not timed."""
        if self.metrics.costs is None:
            raise ValueError(f"a candidate that was not timed has no costs: {shown(self)}")
        return self.metrics.costs

    @property
    def training(self) -> TrainingResult:
        """The training result; raises a ValueError if the candidate was not trained."""
        if self.metrics.training is None:
            raise ValueError(
                f"a candidate that was not trained has no training result: {shown(self)}"
            )
        return self.metrics.training

    def with_reward(self, *, w: float, v: float) -> Self:
        """Return this outcome with the reward of its metrics.

        Args:
            w: Exponent of step time, <= 0.
            v: Exponent of parameters, <= 0.

        Raises:
            ValueError: If an exponent is out of range, or the candidate was not trained.
        """
        costs = self.costs
        reward = weighted_product(
            self.training.accuracy, costs.relative_step_time, costs.relative_params, w=w, v=v
        )
        return replace(self, reward=reward)

    @classmethod
    def failed(
        cls, reason: str, *, worker: str = "", seconds: float = 0.0, traceback: str = ""
    ) -> Self:
        """Return the outcome of a candidate that failed by its own fault."""
        return cls(
            state=State.FAIL, reason=reason, worker=worker, seconds=seconds, traceback=traceback
        )

    @classmethod
    def infeasible(cls, reason: str) -> Self:
        """Return the outcome of a candidate that violates a constraint and is not tried."""
        return cls(state=State.INFEASIBLE, reason=reason)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` inverts it exactly."""
        return {
            "state": str(self.state),
            "reward": self.reward,
            "metrics": self.metrics.to_dict(),
            "reason": self.reason,
            "worker": self.worker,
            "seconds": self.seconds,
            **({"traceback": self.traceback} if self.traceback else {}),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict` output.

        Raises:
            TypeError: If a value is missing or unknown.
            ValueError: If a state is unknown or a number not finite.
        """
        return cls(**{**data, "metrics": Metrics.from_dict(data["metrics"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A candidate with its outcome: one row of the table.

    Attributes:
        candidate: The candidate.
        outcome: Its outcome.
        deaths: Workers that died while they tried it.
        time: When the outcome was recorded, seconds since the epoch.
    """

    candidate: Candidate
    outcome: Outcome
    deaths: int = 0
    time: float = 0.0

    @property
    def rung(self) -> int:
        """The rung of the metrics; 0 for a full training."""
        training = self.outcome.metrics.training
        return training.rung.number if training and training.rung else 0

    @property
    def rank(self) -> tuple[int, float, int]:
        """Sort key of trained candidates: the rung, then the reward, of equals the earliest.

        Accuracies of different rungs are not comparable: image sizes and epochs differ.
        """
        return self.rung, self.outcome.reward, -self.candidate.number

    @property
    def can_win(self) -> bool:
        """Whether it was trained to more than chance accuracy."""
        training = self.outcome.metrics.training
        return self.outcome.state is State.COMPLETE and not (training and training.at_chance)
