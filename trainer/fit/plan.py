"""From a recipe to numbers: which phase, learning rate and epoch every step has.

All of it is a function of the step, so that a training that stopped goes on from its step.
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

# A share of the architecture's size is cut to whole multiples of this.
SHARE_MULTIPLE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainPlan:
    """A training, step by step.

    Attributes:
        recipe: What it follows.
        phases: The distinct phases.
        segments: (first step, position in `phases`) of each stretch of one phase, in order.
        total_steps: Updates.
        num_images: Training images; step k learns from images [k, k + 1) x batch of an endless
            row of epochs.
        eval_size: Side of the images in evaluations, pixels.
    """

    recipe: Recipe
    phases: tuple[Phase, ...]
    segments: tuple[tuple[int, int], ...]
    total_steps: int
    num_images: int
    eval_size: int

    @property
    def steps_per_epoch(self) -> float:
        """Updates in one pass over the images, seldom a whole number."""
        return self.num_images / self.recipe.batch_size

    def phase_index(self, step: int) -> int:
        """Position in `phases` of the phase of `step`, 0-based."""
        starts = [start for start, _ in self.segments]
        return self.segments[bisect_right(starts, step) - 1][1]

    def steps_in_phases(self) -> tuple[int, ...]:
        """How many steps each of `phases` has in total."""
        ends = [start for start, _ in self.segments[1:]] + [self.total_steps]
        counts = [0] * len(self.phases)
        for (start, index), end in zip(self.segments, ends, strict=True):
            counts[index] += end - start
        return tuple(counts)

    def learning_rate(self, step: int) -> float:
        """Rate of `step`, 0-based."""
        rate = self.recipe.learning_rate
        peak = scaled_learning_rate(rate.base, self.recipe.batch_size)
        # The released code cuts the warm-up to whole steps, and leaves the staircase's as is.
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
        """Return a duration of the recipe in steps."""
        return _steps(duration, self.steps_per_epoch, self.total_steps)

    def is_due(self, every: Duration, done: int) -> bool:
        """Whether a thing that happens so often is due after `done` steps, or all are done."""
        interval = max(1.0, self.steps(every))
        return done == self.total_steps or done // interval > (done - 1) // interval


def make_plan(
    recipe: Recipe, *, num_images: int, train_size: int, eval_size: int, seed: int
) -> TrainPlan:
    """Work the recipe out for a number of images and an architecture's own sizes.

    Args:
        recipe: What to follow.
        num_images: Training images, held-out ones not counted.
        train_size: What a share of the training size refers to, pixels.
        eval_size: Where the recipe names none, pixels.
        seed: Of the sizes that `random-resize` draws.

    Raises:
        ValueError: If there are no steps, fewer steps than phases, or the phases are at fault.
    """
    per_epoch = num_images / recipe.batch_size
    total = math.floor(_steps(recipe.duration, per_epoch, 0))
    phases = recipe_phases(recipe, train_size)
    if total < len(phases):
        raise ValueError(
            f"recipe.duration must be at least {len(phases)} steps, one of each phase, got "
            f"{total}: {num_images} images in batches of {recipe.batch_size}"
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
    """Return the side at which images are decoded, once for all phases, pixels.

    The largest that training or evaluation uses: crops are only ever made smaller then, and an
    evaluation sees every pixel that it can use.
    """
    largest = max(phase.image_size for phase in recipe_phases(recipe, train_size))
    return recipe.cache_size or max(largest, recipe.eval_size or eval_size)


def recipe_phases(recipe: Recipe, train_size: int) -> tuple[Phase, ...]:
    """Return the phases; a share of the training size refers to `train_size`, pixels.

    Raises:
        ValueError: If the images shrink from first to last.
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
    return Phase(
        image_size=_pixels(settings.image_size, train_size),
        dropout=settings.dropout,
        randaug_magnitude=settings.randaug_magnitude,
        mixup_alpha=settings.mixup_alpha,
        cutmix_alpha=settings.cutmix_alpha,
    )


def _pixels(size: ImageSize, train_size: int) -> int:
    if isinstance(size, int):
        return size
    if size == 1.0:
        return train_size
    return max(SHARE_MULTIPLE, int(size * train_size) // SHARE_MULTIPLE * SHARE_MULTIPLE)


def _segments(
    recipe: Recipe, count: int, total: int, per_epoch: float, seed: int
) -> tuple[tuple[int, int], ...]:
    """Equal parts in order, or for random-resize a phase drawn anew every so often."""
    redraw = recipe.phases.redraw
    if redraw is None:
        return tuple((index * total // count, index) for index in range(count))
    interval = max(1.0, _steps(redraw, per_epoch, total))
    starts = [math.ceil(number * interval) for number in range(math.ceil(total / interval))]
    drawn = np.random.default_rng([seed, 2]).integers(count, size=len(starts))
    return tuple(zip(starts, (int(index) for index in drawn), strict=True))
