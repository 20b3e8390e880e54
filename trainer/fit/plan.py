"""Training plan: the phase and the learning rate of every step, computed from a recipe.

Both are functions of the step, so that a resumed training needs no other state.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from trainer.recipes.config import Duration, ImageSize, PhaseSettings, Recipe
from trainer.schedule import (
    Phase,
    cosine,
    exponential,
    google_phases,
    progressive_phases,
    scaled_learning_rate,
    warmed_up,
)

# An image size given as a share is rounded down to a multiple of this, pixels.
SHARE_MULTIPLE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """Phases and learning rates of a training by step.

    Attributes:
        recipe: Recipe that the plan was computed from.
        phases: The distinct phases.
        segments: (first step, index in `phases`) of each range of steps with one phase, in order.
        total_steps: Number of optimizer updates.
        num_images: Number of training images; step k uses the images [k, k + 1) x batch size of
            the concatenated epochs.
        eval_size: Side of the square images in evaluations, pixels.
    """

    recipe: Recipe
    phases: tuple[Phase, ...]
    segments: tuple[tuple[int, int], ...]
    total_steps: int
    num_images: int
    eval_size: int

    @property
    def steps_per_epoch(self) -> float:
        """Updates in one pass over the images, mostly not an integer."""
        return self.num_images / self.recipe.batch_size

    def phase_index(self, step: int) -> int:
        """Index in `phases` of the phase of `step`, which is counted from 0."""
        starts = [start for start, _ in self.segments]
        return self.segments[bisect_right(starts, step) - 1][1]

    def steps_in_phases(self) -> tuple[int, ...]:
        """Total number of steps of each of `phases`."""
        ends = [start for start, _ in self.segments[1:]] + [self.total_steps]
        counts = [0] * len(self.phases)
        for (start, index), end in zip(self.segments, ends, strict=True):
            counts[index] += end - start
        return tuple(counts)

    def learning_rate(self, step: int) -> float:
        """Learning rate of `step`, which is counted from 0."""
        rate = self.recipe.learning_rate
        peak = scaled_learning_rate(rate.base, self.recipe.batch_size)
        # The released code rounds the warm-up down to whole steps, but not the decay interval.
        warmup = math.floor(self.steps(rate.warmup))
        if rate.schedule == "cosine":
            return cosine(step, peak=peak, total_steps=self.total_steps, warmup_steps=warmup)
        if rate.schedule == "exponential":
            every = self.steps(rate.decay_every)
            return exponential(
                step,
                peak=peak,
                steps_per_epoch=every,
                decay=rate.decay,
                decay_epochs=1.0,
                warmup_steps=warmup,
            )
        return warmed_up(step, peak, peak=peak, warmup_steps=warmup)

    def steps(self, duration: Duration) -> float:
        """Return `duration` in steps."""
        return _steps(duration, self.steps_per_epoch, self.total_steps)

    def is_due(self, every: Duration, done: int) -> bool:
        """Whether an event with the interval `every` is due after `done` steps.

        After the last step every event is due.
        """
        interval = max(1.0, self.steps(every))
        return done == self.total_steps or done // interval > (done - 1) // interval


def make_plan(
    recipe: Recipe, *, num_images: int, train_size: int, eval_size: int, seed: int
) -> TrainPlan:
    """Compute the plan of a recipe for a number of images and an architecture's image sizes.

    Args:
        recipe: The recipe.
        num_images: Number of training images, without held-out ones.
        train_size: Training image size of the architecture, pixels.
        eval_size: Evaluation image size for recipes without one, pixels.
        seed: Seed of the phases that `random-resize` draws.

    Raises:
        ValueError: If there are fewer steps than phases, or the phases are invalid.
    """
    per_epoch = num_images / recipe.batch_size
    total = math.floor(_steps(recipe.duration, per_epoch, 0))
    phases = recipe_phases(recipe, train_size)
    if total < len(phases):
        raise ValueError(
            f"the training must have at least {len(phases)} steps, one of each phase, got {total} "
            f"with {num_images} images in batches of {recipe.batch_size}; give more --epochs or "
            "a smaller --batch-size"
        )
    return TrainPlan(
        recipe=recipe,
        phases=phases,
        segments=_segments(recipe, len(phases), total, per_epoch, seed),
        total_steps=total,
        num_images=num_images,
        eval_size=recipe.eval_size or eval_size,
    )


def _steps(duration: Duration, per_epoch: float, total: int) -> float:
    if duration.steps is not None:
        return duration.steps
    if duration.epochs is not None:
        return duration.epochs * per_epoch
    return (duration.fraction or 0.0) * total


def cache_size(recipe: Recipe, *, train_size: int, eval_size: int) -> int:
    """Return the side of the decoded images, pixels.

    It is the largest side in training or evaluation, so that no image is enlarged later.
    """
    largest = max(phase.image_size for phase in recipe_phases(recipe, train_size))
    return recipe.cache_size or max(largest, recipe.eval_size or eval_size)


def recipe_phases(recipe: Recipe, train_size: int) -> tuple[Phase, ...]:
    """Return the phases of a recipe; shares refer to the architecture's `train_size`, pixels.

    Raises:
        ValueError: If the images become smaller from the first phase to the last.
    """
    settings = recipe.phases
    last = _phase(settings.last, train_size)
    if settings.first is None:
        return (last,)
    first = _phase(settings.first, train_size)
    if settings.kind == "google":
        return google_phases(first, last, count=settings.count)
    return progressive_phases(
        first, last, count=settings.count, size_multiple=settings.size_multiple
    )


def _phase(settings: PhaseSettings, train_size: int) -> Phase:
    pixels = _pixels(settings.image_size, train_size)
    return Phase(image_size=pixels, **settings.model_dump(exclude={"image_size"}))


def _pixels(size: ImageSize, train_size: int) -> int:
    if isinstance(size, int):
        return size
    if size == 1.0:
        return train_size
    return max(SHARE_MULTIPLE, int(size * train_size) // SHARE_MULTIPLE * SHARE_MULTIPLE)


def _segments(
    recipe: Recipe, count: int, total: int, per_epoch: float, seed: int
) -> tuple[tuple[int, int], ...]:
    """Return equal ranges in order, or for `random-resize` a random phase per interval."""
    redraw = recipe.phases.redraw
    if redraw is None:
        return tuple((index * total // count, index) for index in range(count))
    interval = max(1.0, _steps(redraw, per_epoch, total))
    starts = [math.ceil(number * interval) for number in range(math.ceil(total / interval))]
    drawn = np.random.default_rng([seed, 2]).integers(count, size=len(starts))
    return tuple(zip(starts, (int(index) for index in drawn), strict=True))
