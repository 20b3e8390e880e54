"""A training as it was asked for, the images on its two sides, and its plan."""

from dataclasses import dataclass
from pathlib import Path

import torch

from search_space.architecture_file import ArchitectureFile
from trainer.config import Precision
from trainer.data.cache.images import CachedImages, ImageSplit
from trainer.data.holdout import holdout
from trainer.data.loading.pixels import Indices
from trainer.device.memory import device_memory_bytes
from trainer.fit.plan import TrainPlan, make_plan
from trainer.fit.preflight import Workload
from trainer.recipes.config import Recipe


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainRun:
    """One training, as asked for.

    Attributes:
        file: The architecture, its name and its own image sizes.
        recipe: How to train it.
        images: Decoded at the largest size in use.
        folder: Of the run.
        seed: Of weights, order, augmentation, dropout and holdout.
        device: Where to train.
        precision: Arithmetic of the forward pass.
        compiled: Whether torch.compile makes a graph of the network, one for each phase's size.
        init_from: Weights to start from.
        command: As it was typed.
    """

    file: ArchitectureFile
    recipe: Recipe
    images: CachedImages
    folder: Path
    seed: int
    device: torch.device
    precision: Precision
    compiled: bool = False
    init_from: Path | None = None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Which images are trained on, and which are evaluated on.

    Attributes:
        training: Positions in the training split.
        evaluated_on: "validation", "test", or "holdout" for a part of the training split.
        split: Where the evaluated images are.
        evaluation: Positions in it.
    """

    training: Indices
    evaluated_on: str
    split: ImageSplit
    evaluation: Indices


def train_split(run: TrainRun) -> Split:
    """Return the images of both kinds; without another split, some are held out."""
    train = run.images.splits["train"]
    for name in ("validation", "test"):
        if name in run.images.splits:
            other = run.images.splits[name]
            return Split(
                training=_all(train), evaluated_on=name, split=other, evaluation=_all(other)
            )
    training, held_out = holdout(train, size=run.recipe.holdout, seed=run.seed)
    return Split(training=training, evaluated_on="holdout", split=train, evaluation=held_out)


def plan_of(run: TrainRun, split: Split) -> TrainPlan:
    """Return the plan for the images that are trained on."""
    return make_plan(
        run.recipe,
        num_images=len(split.training),
        train_size=run.file.train_size,
        eval_size=run.file.eval_size,
        seed=run.seed,
    )


def workload_of(
    run: TrainRun, plan: TrainPlan, processes: int = 1, *, on_host: int = 1
) -> Workload:
    """Return what one of several processes has to do in a step.

    Args:
        run: The training.
        plan: Its phases.
        processes: That share a step.
        on_host: How many of them share the memory of a host.
    """
    on_cpu = run.device.type == "cpu" and on_host > 1
    return Workload(
        architecture=run.file.architecture,
        num_classes=run.images.num_classes,
        plan=plan,
        share=run.recipe.batch_size // processes,
        device=run.device,
        precision=run.precision,
        memory_bytes=device_memory_bytes(run.device, free=True) // on_host if on_cpu else None,
    )


def _all(split: ImageSplit) -> Indices:
    return torch.arange(len(split)).numpy()
