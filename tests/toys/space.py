"""A space of 1,296 points with a removable stage, and a reward without training."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from nas.candidate import Candidate, Choice, Choices, Outcome, State
from nas.metrics import Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyDecision:
    name: str
    options: tuple[Choice, ...]
    requires: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToySpace:
    """A space of `stages` stages with depth, block and kernel; only the last may have depth 0."""

    stages: int = 3

    def decisions(self) -> tuple[ToyDecision, ...]:
        found = []
        for stage in range(1, self.stages + 1):
            last = stage == self.stages
            depth = f"stage{stage}.depth"
            requires = depth if last else None
            found += [
                ToyDecision(name=depth, options=(0, 1, 2) if last else (1, 2, 3)),
                ToyDecision(
                    name=f"stage{stage}.block", options=("fused", "mbconv"), requires=requires
                ),
                ToyDecision(name=f"stage{stage}.kernel", options=(3, 5), requires=requires),
            ]
        return tuple(found)

    def canonical(self, choices: Choices) -> dict[str, Choice]:
        chosen: dict[str, Choice] = {}
        for decision in self.decisions():
            if decision.requires is None or chosen[decision.requires] != 0:
                chosen[decision.name] = choices[decision.name]
        return chosen

    def key(self, choices: Choices) -> str:
        return "/".join(str(value) for value in self.canonical(choices).values())

    def size(self) -> int:
        return int(12 ** (self.stages - 1) * 9)

    def sample(self, rng: random.Random) -> dict[str, Choice]:
        while True:  # depth 0 is one point, depths 1 and 2 are four points each
            choices = {d.name: rng.choice(d.options) for d in self.decisions()}
            if choices[f"stage{self.stages}.depth"] != 0 or rng.random() < 0.25:
                return self.canonical(choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyConstraints:
    """Constraints before training that are a function of the choices."""

    violation: Callable[[Choices], str]


def toy_reward(choices: Choices) -> float:
    """Return a reward in [0, 1].

    The best has depth 2 in all stages but the last, which is removed, a fused block in stage 1
    and kernel 5 in stage 2.
    """
    depths = [value for name, value in choices.items() if name.endswith("depth")]
    reward = 1.0 - 0.1 * sum(abs(int(depth) - 2) for depth in depths[:-1])
    reward -= 0.05 * int(depths[-1])
    reward -= 0.15 * (choices.get("stage1.block") != "fused")
    reward -= 0.1 * (choices.get("stage2.kernel") != 5)
    clash = choices.get("stage2.block") == "fused" and choices.get("stage1.kernel") == 3
    return reward - 0.12 * clash


def toy_outcome(candidate: Candidate) -> Outcome:
    reward = toy_reward(candidate.choices)
    return Outcome(
        state=State.COMPLETE, reward=reward, metrics=Metrics(other={"accuracy": reward})
    )
