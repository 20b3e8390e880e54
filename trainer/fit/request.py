"""Request of a training: its settings, its images, and the plan computed from them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from search_space.architecture_file import ArchitectureFile
from trainer.config import Precision
from trainer.data.cache.images import CachedImages, ImageSplit
from trainer.data.holdout import holdout
from trainer.data.labels import Indices
from trainer.fit.plan import TrainPlan, make_plan
from trainer.recipes.config import Recipe


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainRun:
    """Settings of one training.

    Attributes:
        file: The architecture, its name and its image sizes.
        recipe: The training recipe.
        images: The images, decoded at the largest size in use.
        folder: Folder of the run.
        seed: Seed of weights, order, augmentation, dropout and holdout.
        device: Device of the training.
        precision: Arithmetic of the forward pass.
        compiled: Whether the network is trained through torch.compile, one graph per image size.
        init_from: File of the initial weights; None for random ones.
        command: The command line.
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
    """Training images and evaluated images.

    Attributes:
        training: (count,) int64 positions in the training split.
        evaluated_on: "validation", "test", or "holdout" for a part of the training split.
        split: Split of the evaluated images.
        evaluation: (count,) int64 positions in it.
    """

    training: Indices
    evaluated_on: str
    split: ImageSplit
    evaluation: Indices


def train_split(run: TrainRun) -> Split:
    """Return training and evaluated images; without a second split, some are held out."""
    train = run.images.splits["train"]
    for name in ("validation", "test"):
        if name in run.images.splits:
            other = run.images.splits[name]
            return Split(
                training=np.arange(len(train)),
                evaluated_on=name,
                split=other,
                evaluation=np.arange(len(other)),
            )
    training, held_out = holdout(
        train.labels, groups=train.groups, size=run.recipe.holdout, seed=run.seed
    )
    return Split(training=training, evaluated_on="holdout", split=train, evaluation=held_out)


def plan_of(run: TrainRun, split: Split) -> TrainPlan:
    """Return the plan for the training images of `split`."""
    return make_plan(
        run.recipe,
        num_images=len(split.training),
        train_size=run.file.train_size,
        eval_size=run.file.eval_size,
        seed=run.seed,
    )


def identity_of(run: TrainRun, plan: TrainPlan) -> dict[str, Any]:
    """Return the settings that a resumed training must share; the workers are not among them."""
    return {
        "architecture": run.file.architecture.key,
        "images": run.images.path.name,
        "num_images": plan.num_images,
        "seed": run.seed,
        "precision": run.precision,
        **run.recipe.model_dump(mode="json"),
    }
