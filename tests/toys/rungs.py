"""Toy outcomes of rungs, computed from the reward of the toy space."""

from nas.candidate import Candidate, Outcome, State
from nas.engine.job import Job
from nas.metrics import DeviceSeconds, Metrics, ReachedRung, TrainingResult
from nas.settings.config import ProgressiveConfig
from tests.toys.space import toy_reward

CONFIG = ProgressiveConfig(rungs=3, eta=3, prune="off")


def rung_outcome(job: Candidate) -> Outcome:
    """Return a reward that grows with the rung; some candidates fail."""
    assert isinstance(job, Job)
    if (job.number + job.rung) % 11 == 7:
        return Outcome.failed("NaN")
    reward = toy_reward(job.choices) * (0.5 + 0.25 * job.rung)
    training = TrainingResult(
        accuracy=reward,
        train_loss=1.0,
        train_seconds=1.0,
        held_out_images=100,
        chance_accuracy=0.1,
        at_chance=False,
        rung=ReachedRung(number=job.rung, image_size=8, trained_again=0),
    )
    seconds = DeviceSeconds(total=1.5, by_rung={job.rung: 1.5})
    metrics = Metrics(training=training, device_seconds=seconds)
    return Outcome(state=State.COMPLETE, reward=reward, metrics=metrics)
