"""What the search proposes and what comes back: plain values that cross processes and files."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from nas.metrics import Metrics, TrainingResult
from nas.reward import weighted_product
from trainer.proxy.measurement import MeasuredCosts

Choice = int | str
Choices = Mapping[str, Choice]


class State(StrEnum):
    """How a candidate ended.

    COMPLETE was trained and measured. FAIL was tried and failed by its own fault (not a
    number, out of memory, an exception, no end in time). INFEASIBLE breaks a constraint: by what
    is known before training, and then it was never trained, or by what was measured, and then
    it has metrics. DROPPED was timed and not trained, because it could not have won. All but the
    first have a reward of zero, the least there is.
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
        key: Name of what the choices stand for; equal keys are the same network.
    """

    number: int
    choices: Choices
    key: str

    @property
    def rung(self) -> int:
        """The rung that it is to be trained through; 0 where there are no rungs."""
        return 0

    @property
    def file_stem(self) -> str:
        """Name of its files, without the ending."""
        return str(self.number)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` inverts it exactly."""
        return {"number": self.number, "key": self.key, "choices": dict(self.choices)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict` output."""
        return cls(number=data["number"], key=data["key"], choices=dict(data["choices"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a candidate.

    Attributes:
        state: How it ended.
        reward: Higher is better; zero unless COMPLETE.
        metrics: What was measured: costs, training, device-seconds.
        reason: Why it is not COMPLETE, in one line; empty if it is.
        worker: Who did it, such as "node/pid".
        seconds: Wall seconds that it took the worker.
        traceback: Of the exception that made it fail; the ledger does without.

    Raises:
        ValueError: If a number is not finite, or a failed candidate has a reward.
    """

    state: State
    reward: float
    metrics: Metrics = field(default_factory=Metrics)
    reason: str = ""
    worker: str = ""
    seconds: float = 0.0
    traceback: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", State(self.state))
        object.__setattr__(self, "reward", float(self.reward))  # 0 and 0.0: one JSON
        object.__setattr__(self, "seconds", float(self.seconds))
        numbers = {"reward": self.reward, "seconds": self.seconds}
        numbers |= {
            f"metrics[{name!r}]": value
            for name, value in self.metrics.to_dict().items()
            if isinstance(value, float)
        }
        for name, value in numbers.items():
            if not math.isfinite(value):
                raise ValueError(f"Outcome.{name} must be finite, got {value!r}")
        if self.state is not State.COMPLETE and self.reward != 0.0:
            raise ValueError(
                f"Outcome.reward must be 0 where state is {self.state}, got {self.reward!r}"
            )

    @property
    def is_charged(self) -> bool:
        """Whether it was tried and so counts against the budget."""
        return self.state is not State.INFEASIBLE or self.metrics != Metrics()

    @property
    def costs(self) -> MeasuredCosts:
        """The measured costs of a candidate that was timed.

        Raises:
            ValueError: If it was not timed.
        """
        if self.metrics.costs is None:
            raise ValueError(f"a candidate that was not timed has no costs: {self}")
        return self.metrics.costs

    @property
    def training(self) -> TrainingResult:
        """The training result of a candidate that was trained.

        Raises:
            ValueError: If it was not trained.
        """
        if self.metrics.training is None:
            raise ValueError(f"a candidate that was not trained has no training result: {self}")
        return self.metrics.training

    def with_reward(self, *, w: float, v: float) -> Self:
        """Return this outcome with the reward of its metrics for other exponents.

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
            state=State.FAIL,
            reward=0.0,
            reason=reason,
            worker=worker,
            seconds=seconds,
            traceback=traceback,
        )

    @classmethod
    def infeasible(cls, reason: str) -> Self:
        """Return the outcome of a candidate that breaks a constraint and is not trained."""
        return cls(state=State.INFEASIBLE, reward=0.0, reason=reason)

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
            ValueError: If a state is unknown or a number not finite.
        """
        return cls(
            state=State(data["state"]),
            reward=data["reward"],
            metrics=Metrics.from_dict(data["metrics"]),
            reason=data["reason"],
            worker=data["worker"],
            seconds=data["seconds"],
            traceback=data.get("traceback", ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A candidate together with what became of it: one row of the table.

    Attributes:
        candidate: What was proposed.
        outcome: How it ended.
        deaths: Workers that died under it before.
        time: When it was written down, seconds since the epoch.
    """

    candidate: Candidate
    outcome: Outcome
    deaths: int = 0
    time: float = 0.0

    @property
    def rung(self) -> int:
        """The rung that the metrics come from; 0 where there are no rungs."""
        training = self.outcome.metrics.training
        return training.rung.number if training and training.rung else 0

    @property
    def rank(self) -> tuple[int, float, int]:
        """What orders trained candidates: the higher rung, then reward, of equals the earliest.

        Accuracies of different rungs are not comparable: other image sizes, fewer epochs.
        """
        return self.rung, self.outcome.reward, -self.candidate.number

    @property
    def can_win(self) -> bool:
        """Whether it was trained, and to more than chance: only then its reward says anything."""
        training = self.outcome.metrics.training
        return self.outcome.state is State.COMPLETE and not (training and training.at_chance)
