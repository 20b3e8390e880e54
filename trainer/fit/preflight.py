"""Batch size of every phase: predicted from memory, then verified by a real training step."""

import gc
import math
import time
from dataclasses import dataclass

import torch
from torch import nn

from search_space.architecture import Architecture
from trainer.config import Precision
from trainer.device.memory import device_memory_bytes, predict_training_memory
from trainer.fit.plan import TrainPlan
from trainer.fit.state import new_state
from trainer.schedule import Phase
from trainer.timing.synthetic_step import noise_batch
from trainer.timing.training_step import TrainingStep

# The prediction excludes workspaces, the average and augmentation: usable share of the memory.
USABLE = 0.8
# Batch normalisation needs two values per channel where a map has a single pixel.
MIN_IMAGES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseBatch:
    """Batches of one process in a step of a phase.

    Attributes:
        accumulation: Number of batches.
        batch_size: Images of the largest batch.
        predicted_bytes: Predicted training memory of this batch.
    """

    accumulation: int
    batch_size: int
    predicted_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryQuery:
    """A training whose batch sizes are to be found, and the memory for it.

    Attributes:
        architecture: The network.
        num_classes: Outputs of its classifier.
        plan: The plan of the training.
        share: Images per step in this process.
        device: Device of the training.
        precision: Arithmetic of the forward pass.
        memory_bytes: Memory limit; None is the free memory of the device.
    """

    architecture: Architecture
    num_classes: int
    plan: TrainPlan
    share: int
    device: torch.device
    precision: Precision
    memory_bytes: int | None = None


def predicted_batches(query: MemoryQuery) -> tuple[PhaseBatch, ...]:
    """Return the batches of every phase by predicted memory; nothing is run.

    Raises:
        ValueError: If the smallest batch of a phase does not fit; names its image size.
    """
    limit = query.memory_bytes or device_memory_bytes(query.device, free=True)
    return tuple(_largest_batch(query, phase, limit) for phase in query.plan.phases)


def verified_batches(
    query: MemoryQuery, batches: tuple[PhaseBatch, ...]
) -> tuple[PhaseBatch, ...]:
    """Take one real step of every phase, and halve the batch until it fits.

    The steps use networks of their own; the training's network does not change.

    Args:
        query: The training.
        batches: Result of `predicted_batches`.

    Raises:
        ValueError: If the smallest batch does not fit.
    """
    verified = []
    for phase, batch in zip(query.plan.phases, batches, strict=True):
        while not _fits(query, phase, batch):
            smaller = _divided(query, phase, 2 * batch.accumulation)
            if smaller == batch:
                raise ValueError(_too_large(phase, batch.predicted_bytes, None))
            batch = smaller
        verified.append(batch)
    return tuple(verified)


def step_seconds(query: MemoryQuery, phase: Phase, batch: PhaseBatch) -> float:
    """Return the wall time of a whole step of `phase` on noise, seconds, timed on one batch."""
    step = _noise_step(query, phase, batch.batch_size)
    step.run()
    _synchronise(query.device)
    started = time.perf_counter()
    step.run()
    _synchronise(query.device)
    # The batches of a step differ by at most one image.
    return (time.perf_counter() - started) * query.share / batch.batch_size


def _largest_batch(query: MemoryQuery, phase: Phase, limit: int) -> PhaseBatch:
    none, one = (_predicted(query, phase, count) for count in (0, 1))
    largest = int((USABLE * limit - none) / (one - none))
    if largest < min(MIN_IMAGES, query.share):
        raise ValueError(_too_large(phase, _predicted(query, phase, MIN_IMAGES), limit))
    largest = min(largest, query.plan.recipe.micro_batch or query.share)
    return _divided(query, phase, math.ceil(query.share / largest))


def _divided(query: MemoryQuery, phase: Phase, minimum: int) -> PhaseBatch:
    """Divide the step into `minimum` batches, or into up to twice as many of equal size."""
    maximum = max(1, query.share // MIN_IMAGES)
    equal = (n for n in range(minimum, min(2 * minimum, maximum + 1)) if query.share % n == 0)
    accumulation = min(next(equal, minimum), maximum)
    batch_size = math.ceil(query.share / accumulation)
    return PhaseBatch(
        accumulation=accumulation,
        batch_size=batch_size,
        predicted_bytes=_predicted(query, phase, batch_size),
    )


def _predicted(query: MemoryQuery, phase: Phase, batch_size: int) -> int:
    optimizer = query.plan.recipe.optimizer
    return predict_training_memory(
        query.architecture,
        phase.image_size,
        batch_size,
        num_classes=query.num_classes,
        precision=query.precision,
        optimizer=optimizer.name,
        momentum=optimizer.momentum,
    )


def _fits(query: MemoryQuery, phase: Phase, batch: PhaseBatch) -> bool:
    try:
        _noise_step(query, phase, batch.batch_size).run()
        _synchronise(query.device)
    except torch.cuda.OutOfMemoryError:
        return False
    finally:
        if query.device.type == "cuda":  # the next step needs the memory of this one
            gc.collect()
            torch.cuda.empty_cache()
    return True


def _noise_step(query: MemoryQuery, phase: Phase, batch_size: int) -> TrainingStep:
    """Return a step on noise, of a new network."""
    recipe, classes = query.plan.recipe, query.num_classes
    state = new_state(query.architecture, recipe, num_classes=classes, device=query.device, seed=0)
    state.network.train()
    state.network.set_dropout(phase.dropout)
    images, labels = noise_batch(batch_size, phase.image_size, classes, query.device)
    return TrainingStep(
        network=state.network,
        optimizer=state.optimizer,
        loss=nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing),
        images=images,
        labels=labels,
        precision=query.precision,
    )


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _too_large(phase: Phase, needed: int, limit: int | None) -> str:
    of = "" if limit is None else f" of {limit / 2**30:.1f} GiB free"
    return (
        f"{MIN_IMAGES} images of {phase.image_size} px need about {needed / 2**30:.1f} GiB"
        f"{of}: they do not fit; train at a smaller image size"
    )
