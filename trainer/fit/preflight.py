"""Before the first epoch: how many images fit at once in every phase, tried by a real step."""

import gc
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from search_space.architecture import Architecture
from trainer.config import Precision
from trainer.device.memory import device_memory_bytes, predict_training_memory
from trainer.fit.plan import TrainPlan
from trainer.fit.state import new_state
from trainer.recipes.config import Recipe
from trainer.schedule import Phase
from trainer.timing.training_step import TrainingStep

# The prediction leaves out workspaces, the average and augmentation: so much of the memory counts.
USABLE = 0.8
# Batch normalisation of the smallest maps needs two values of each channel.
FEWEST_IMAGES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseBudget:
    """What one phase needs.

    Attributes:
        accumulation: Batches that make up this process's part of a step.
        batch_size: Images of the largest of them.
        predicted_bytes: Predicted training memory of such a batch.
    """

    accumulation: int
    batch_size: int
    predicted_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What is trained, and where.

    Attributes:
        architecture: The network.
        num_classes: Outputs of its classifier.
        plan: The phases.
        share: Images of a step in this process.
        device: Where it trains.
        precision: Arithmetic of the forward pass.
        memory_bytes: What may be used; None asks the device.
    """

    architecture: Architecture
    num_classes: int
    plan: TrainPlan
    share: int
    device: torch.device
    precision: Precision
    memory_bytes: int | None = None


def phase_budgets(work: Workload) -> tuple[PhaseBudget, ...]:
    """Choose every phase's batch by predicted memory; nothing is run.

    Raises:
        ValueError: If not even the smallest batch fits in some phase; names its size.
    """
    limit = work.memory_bytes or device_memory_bytes(work.device, free=True)
    return tuple(_budget(work, phase, limit) for phase in work.plan.phases)


def tried_budgets(
    work: Workload,
    budgets: tuple[PhaseBudget, ...],
    on_smaller: Callable[[Phase, PhaseBudget], None],
) -> tuple[PhaseBudget, ...]:
    """Take one real step of every phase, and halve the batch where it does not fit.

    The step runs on a network of its own, so that the training starts untouched.

    Args:
        work: What is trained.
        budgets: Of `phase_budgets`.
        on_smaller: Called where a batch had to be made smaller.

    Raises:
        ValueError: If not even the smallest batch fits.
    """
    tried = []
    for phase, budget in zip(work.plan.phases, budgets, strict=True):
        while not _fits(work, phase, budget):
            smaller = _budget_of(work, phase, 2 * budget.accumulation)
            if smaller == budget:
                raise ValueError(_too_large(phase, budget.predicted_bytes, None))
            budget = smaller
            on_smaller(phase, budget)
        tried.append(budget)
    return tuple(tried)


def step_seconds(work: Workload, phase: Phase, budget: PhaseBudget) -> float:
    """Return the wall seconds of a whole step of `phase` on noise, by timing one batch."""
    step = _probe(work, phase, budget.batch_size)
    step.run()
    _wait(work.device)
    started = time.perf_counter()
    step.run()
    _wait(work.device)
    # The parts of a step differ by one image at most.
    return (time.perf_counter() - started) * work.share / budget.batch_size


def _budget(work: Workload, phase: Phase, limit: int) -> PhaseBudget:
    recipe: Recipe = work.plan.recipe
    none, one = (_predicted(work, phase, batch) for batch in (0, 1))
    most = int((USABLE * limit - none) / (one - none))
    if most < min(FEWEST_IMAGES, work.share):
        raise ValueError(_too_large(phase, _predicted(work, phase, FEWEST_IMAGES), limit))
    most = min(most, recipe.micro_batch or work.share)
    return _budget_of(work, phase, math.ceil(work.share / most))


def _budget_of(work: Workload, phase: Phase, fewest: int) -> PhaseBudget:
    """Cut the step into `fewest` batches, or somewhat more where they come out equal then."""
    most = max(1, work.share // FEWEST_IMAGES)
    even = (n for n in range(fewest, min(2 * fewest, most + 1)) if work.share % n == 0)
    accumulation = min(next(even, fewest), most)
    batch = math.ceil(work.share / accumulation)
    return PhaseBudget(
        accumulation=accumulation,
        batch_size=batch,
        predicted_bytes=_predicted(work, phase, batch),
    )


def _predicted(work: Workload, phase: Phase, batch: int) -> int:
    optimizer = work.plan.recipe.optimizer
    return predict_training_memory(
        work.architecture,
        phase.image_size,
        batch,
        num_classes=work.num_classes,
        precision=work.precision,
        optimizer=optimizer.name,
        momentum=optimizer.momentum,
    )


def _fits(work: Workload, phase: Phase, budget: PhaseBudget) -> bool:
    try:
        _probe(work, phase, budget.batch_size).run()
        _wait(work.device)
    except torch.cuda.OutOfMemoryError:
        return False
    finally:
        if work.device.type == "cuda":  # what the step took must not count against the next
            gc.collect()
            torch.cuda.empty_cache()
    return True


def _probe(work: Workload, phase: Phase, batch: int) -> TrainingStep:
    """Return a step on noise of a network that is thrown away."""
    state = new_state(
        work.architecture,
        work.plan.recipe,
        num_classes=work.num_classes,
        device=work.device,
        seed=0,
    )
    state.network.train()
    state.network.set_dropout(phase.dropout)
    size = phase.image_size
    images = torch.randn(batch, 3, size, size, device=work.device)
    labels = torch.arange(batch, device=work.device) % work.num_classes
    return TrainingStep(
        network=state.network,
        optimizer=state.optimizer,
        loss=nn.CrossEntropyLoss(label_smoothing=work.plan.recipe.label_smoothing),
        images=images.contiguous(memory_format=torch.channels_last),
        labels=labels,
        precision=work.precision,
    )


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _too_large(phase: Phase, needed: int, limit: int | None) -> str:
    of = "" if limit is None else f" of {limit / 2**30:.1f} GiB free"
    return (
        f"{FEWEST_IMAGES} images of {phase.image_size} px need about {needed / 2**30:.1f} GiB"
        f"{of}: they do not fit; train at a smaller image size"
    )
