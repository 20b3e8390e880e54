"""What asking a sampler costs, in CPU time, after 100, 1000 and 3000 finished trials."""

import argparse
import json
import math
import platform
import random
import statistics
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from zlib import crc32

from nas.candidate import Choices, Outcome, State
from nas.engine.study import ProposalStudy, quiet_optuna
from nas.metrics import Metric, Metrics
from nas.samplers import sampler_factory, sampler_names
from search_space.atomic_file import write_atomic
from search_space.cost import count_params
from search_space.space import SearchSpace


def outcome_of(choices: Choices, rng: random.Random) -> Outcome:
    """A made-up measurement that prefers late options and has some noise."""
    score = (
        sum(crc32(f"{name}{value}".encode()) % 7 for name, value in choices.items())
        / 7
        / len(choices)
    )
    metrics: dict[str, Metric] = {
        "accuracy": min(1.0, 0.4 + 0.4 * score + 0.05 * rng.random()),
        "relative_step_time": 0.5 + rng.random(),
        "num_params": rng.randrange(10**5, 10**6),
    }
    reward = float(metrics["accuracy"]) * float(metrics["relative_step_time"]) ** -0.07
    return Outcome(state=State.COMPLETE, reward=reward, metrics=Metrics(other=metrics))


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamsPredictor:
    """Predicts the effect of the parameters on the reward, as a search without step times."""

    space: SearchSpace

    def log_cost_factor(self, choices: Choices) -> float:
        return -0.05 * math.log(count_params(self.space.architecture(choices), 10))


def measure(
    sampler: str, space: SearchSpace, sizes: list[int], asks: int
) -> list[dict[str, object]]:
    """Grow one study with random trials; at each size ask and tell `asks` times."""
    rng = random.Random(0)

    factory = sampler_factory(sampler, seed=0, predictor=ParamsPredictor(space=space))
    study = ProposalStudy(space.decisions(), factory)
    rows = []
    for size in sizes:
        while study.next_number < size:
            choices = space.sample(rng)
            study.tell(study.open_trial(choices).number, outcome_of(choices, rng))
        ask_ms, tell_ms = [], []
        for _ in range(asks + 1):
            start = time.process_time()
            proposal = study.propose()
            asked = time.process_time()
            study.tell(proposal.number, outcome_of(proposal.choices, rng))
            ask_ms.append((asked - start) * 1e3)
            tell_ms.append((time.process_time() - asked) * 1e3)
        catch_up, *ask_ms = ask_ms  # the first finds all that was placed, as after a resume
        row = {"sampler": sampler, "space": space.name, "decisions": len(space.decisions())}
        row |= {"finished": size, "asks": asks, "ask_median_ms": statistics.median(ask_ms)}
        row |= {"ask_max_ms": max(ask_ms), "first_ask_ms": catch_up}
        row |= {"tell_median_ms": statistics.median(tell_ms)}
        rows.append({k: round(v, 2) if isinstance(v, float) else v for k, v in row.items()})
        print(json.dumps(rows[-1]), flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samplers", nargs="+", default=sampler_names())
    parser.add_argument("--spaces", nargs="+", default=["tiny", "efficientnet-b4"])
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000, 3000])
    parser.add_argument("--asks", type=int, default=30)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    quiet_optuna()
    about = {
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: version(package) for package in ("optuna", "numpy", "scipy", "torch")},
    }
    rows: list[dict[str, object]] = []
    for name in args.spaces:
        for sampler in args.samplers:
            rows += measure(sampler, SearchSpace.load(name), args.sizes, args.asks)
            text = json.dumps({"about": about, "rows": rows}, indent=1)
            write_atomic(args.out, text + "\n")


if __name__ == "__main__":
    main()
