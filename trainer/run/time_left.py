"""The time that a training still takes, from the steps and evaluations so far. Pure arithmetic.

Later phases have larger images. The time of a step in a phase that was not reached yet is
computed from the phases that were: between proportional to the area of the images, to which the
multiply-adds of a convolution are proportional, and constant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from search_space.running_mean import RunningMean
from trainer.fit.plan import TrainPlan
from trainer.fit.step import StepReport

# Time of a forward pass / of a training step on the same images: the backward pass computes two
# products of each layer, the gradients of its input and of its weights.
FORWARD_SHARE = 1 / 3


def seconds_by_size(measured: Mapping[int, float], sizes: Sequence[int]) -> list[float]:
    """Return the seconds of a step at each of `sizes`.

    A measured size has its own time. With one measured size, another has the time that the area
    of its images gives. With more, it is on the line through the smallest and the largest
    measured size, which also knows the part of a step that does not depend on the images (the
    optimizer); it is at most proportional to the area, and at least constant.

    Args:
        measured: Image size in pixels -> seconds of a step, > 0; at least one.
        sizes: Image sizes in pixels.
    """
    low, high = min(measured), max(measured)
    slope = 0.0
    if high > low:
        slope = (measured[high] - measured[low]) / (high**2 - low**2)

    def seconds(size: int) -> float:
        if size in measured:
            return measured[size]
        nearest = min(measured, key=lambda known: (abs(known - size), known))
        constant = measured[nearest]
        proportional = constant * size**2 / nearest**2
        line = measured[low] + slope * (size**2 - low**2)
        if high == low:
            line = proportional
        return min(max(line, min(constant, proportional)), max(constant, proportional))

    return [seconds(size) for size in sizes]


def steps_left(plan: TrainPlan, done: int) -> list[int]:
    """Return how many steps of each phase come after the first `done` steps."""
    starts = [start for start, _ in plan.segments]
    ends = [*starts[1:], plan.total_steps]
    counts = [0] * len(plan.phases)
    for (start, index), end in zip(plan.segments, ends, strict=True):
        counts[index] += max(0, end - max(start, done))
    return counts


def evaluations_left(plan: TrainPlan, done: int) -> int:
    """Return how many evaluations come after the first `done` steps; the last step has one."""
    if done >= plan.total_steps:
        return 0
    interval = max(1.0, plan.steps(plan.recipe.evaluate_every))
    before_last = plan.total_steps - 1
    return int(before_last // interval) - int(done // interval) + 1


@dataclass(slots=True)
class TrainingClock:
    """Collects the times of steps and evaluations, and estimates what is left.

    Attributes:
        plan: The training.
        evaluated_images: Forward passes of an evaluation: images x networks.
    """

    plan: TrainPlan
    evaluated_images: int
    _steps: dict[int, RunningMean] = field(default_factory=dict)  # by image size
    _evaluations: RunningMean = field(default_factory=RunningMean)
    # From the end of a step to that of the next one.
    _passed: RunningMean = field(default_factory=RunningMean)
    _warm: set[int] = field(default_factory=set)  # image sizes whose first step is over

    def stepped(self, report: StepReport, passed_s: float) -> None:
        """Add a step. The first one of each image size is left out: it includes a warm-up.

        `passed_s` is the time since the step or evaluation before. It is longer than the step
        itself if the device was waited for, which other programs time on.
        """
        size = self.plan.phases[report.phase].image_size
        if size in self._warm:
            self._steps.setdefault(size, RunningMean()).add(report.seconds)
            self._passed.add(passed_s)
        self._warm.add(size)

    def evaluated(self, seconds: float) -> None:
        """Add an evaluation."""
        self._evaluations.add(seconds)

    def seconds_left(self, done: int) -> float | None:
        """Return the time after the first `done` steps, seconds; None before any is measured."""
        means = {size: mean.value for size, mean in self._steps.items()}
        measured = {size: mean for size, mean in means.items() if mean is not None}
        if not measured:
            return None
        plan = self.plan
        sizes = [phase.image_size for phase in plan.phases]
        *steps, evaluated = seconds_by_size(measured, [*sizes, plan.eval_size])
        counts = steps_left(plan, done)
        left = sum(one * count for one, count in zip(steps, counts, strict=True))
        computed = sum(mean.total for mean in self._steps.values())
        left *= max(1.0, self._passed.total / computed)
        evaluation = self._evaluations.value
        if evaluation is None:
            share = FORWARD_SHARE * self.evaluated_images / plan.recipe.batch_size
            evaluation = evaluated * share
        return left + evaluation * evaluations_left(plan, done)
