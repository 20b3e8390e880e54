"""Toy outcomes of rungs, computed from the reward of the toy space."""

from nas.candidate import Candidate, Metric, Outcome, State
from nas.fidelity.job import RungJob
from nas.settings.fidelity_config import ProgressiveConfig
from tests.toys.space import toy_reward

CONFIG = ProgressiveConfig(rungs=3, eta=3, prune="off")


def rung_outcome(job: Candidate) -> Outcome:
    """Return a reward that grows with the rung; some candidates fail."""
    assert isinstance(job, RungJob)
    if (job.number + job.rung) % 11 == 7:
        return Outcome.failed("NaN")
    reward = toy_reward(job.choices) * (0.5 + 0.25 * job.rung)
    metrics: dict[str, Metric] = {"accuracy": reward, "rung": job.rung}
    metrics[f"device_seconds_rung{job.rung}"] = 1.5
    return Outcome(state=State.COMPLETE, reward=reward, metrics=metrics)
