"""Does a search gain from knowing its candidates' costs before they are trained?

Searches the space `tiny` with invented accuracies: a function of multiply-adds and parameters
with diminishing returns, plus an effect of every option. The function is drawn for each of
several worlds and measured with noise. Costs are real: counted parameters, and step times of a
table.

    nas-time --space tiny --table step_times.json
    python experiments/samplers/known_costs.py --step-times step_times.json
"""

import argparse
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nas.candidate import Choices, Outcome, State
from nas.engine.study import ProposalStudy, quiet_optuna
from nas.metrics import Metrics
from nas.reward import PARAMS_EXPONENT, STEP_TIME_EXPONENT, weighted_product
from nas.samplers import sampler_factory
from search_space.cost import count_macs, count_params
from search_space.space import SearchSpace
from trainer.step_table.table import load_step_table

ACCURACY_NOISE, TIME_NOISE = 0.01, 0.05
SPACE = SearchSpace.load("tiny")
Costs = Callable[[Choices], tuple[float, float, float]]  # relative params, step time, MACs


def accuracy_of_world(world: int, costs: Costs) -> Callable[[Choices], float]:
    """Return the invented accuracy function of one world."""
    rng = np.random.default_rng(world)
    effects = {
        (decision.name, option): rng.normal(0, deviation)
        for decision in SPACE.decisions()
        for deviation in [rng.choice([0.002, 0.006, 0.015])]
        for option in decision.options
    }
    capacity = rng.choice([0.02, 0.05, 0.1])

    def accuracy(choices: Choices) -> float:
        params, _, macs = costs(choices)
        missing = capacity * (macs**-0.4 - 1 + 0.3 * (params**-0.4 - 1))
        options = sum(effects[one] for one in choices.items())
        return float(np.clip(0.75 - missing + options, 0.1, 0.95))

    return accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactCosts:
    """Predicts the exact effect of parameters, and of step times if wanted, on the reward."""

    costs: Costs
    with_step_time: bool

    def log_cost_factor(self, choices: Choices) -> float:
        params, step_time, _ = self.costs(choices)
        of_params = PARAMS_EXPONENT * math.log(params)
        return of_params + self.with_step_time * STEP_TIME_EXPONENT * math.log(step_time)


def search(costs: Costs, known: str, world: int, seed: int, evaluations: int) -> list[float]:
    """Return the noiseless reward of the best candidate so far after each evaluation."""
    accuracy, noise = accuracy_of_world(world, costs), np.random.default_rng([world, seed])

    predictor = ExactCosts(costs=costs, with_step_time="step time" in known)
    factory = sampler_factory(
        "evolution" if known == "evolution" else "auto",
        seed=seed,
        predictor=predictor if "params" in known else None,
    )
    study, best, worth, found = ProposalStudy(SPACE.decisions(), factory), -1.0, 0.0, []
    for _ in range(evaluations):
        proposal = study.propose()
        params, step_time, _ = costs(proposal.choices)
        exact = accuracy(proposal.choices)
        seen = float(np.clip(exact + noise.normal(0, ACCURACY_NOISE), 0.0, 1.0))
        measured = step_time * math.exp(noise.normal(0, TIME_NOISE))
        reward = weighted_product(seen, measured, params)
        metrics = Metrics(other={"accuracy": seen})
        study.tell(proposal.number, Outcome(state=State.COMPLETE, reward=reward, metrics=metrics))
        if reward > best:
            best, worth = reward, weighted_product(exact, step_time, params)
        found.append(worth)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--step-times", type=Path, required=True, help="table that nas-time --table made"
    )
    parser.add_argument("--worlds", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--evaluations", type=int, default=60)
    args = parser.parse_args()
    quiet_optuna()
    table = load_step_table(args.step_times)
    reference = SPACE.reference()
    params, macs = count_params(reference, 10), count_macs(reference, 24, 10)

    def costs(choices: Choices) -> tuple[float, float, float]:
        one = SPACE.architecture(choices)
        step_time = table.relative_step_time(one)
        return count_params(one, 10) / params, step_time, count_macs(one, 24, 10) / macs

    for known in ("evolution", "auto", "auto, params", "auto, params and step time"):
        every = np.array(
            [
                search(costs, known, world, seed, args.evaluations)
                for world in range(args.worlds)
                for seed in range(args.seeds)
            ]
        )
        means = {n: round(float(every[:, n - 1].mean()), 4) for n in (10, 25, 40, 60)}
        print(json.dumps({"sampler": known, "searches": len(every), "mean_reward": means}))


if __name__ == "__main__":
    main()
