"""Request of a training: its settings and its images, and what is computed from them."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from search_space.architecture_file import ArchitectureFile
from trainer.config import Precision, ReadingConfig, ScaleName
from trainer.data.cache.images import CachedImages, ImageSplit
from trainer.data.holdout import holdout
from trainer.data.labels import Indices
from trainer.fit.plan import TrainPlan, make_plan
from trainer.recipes.config import Recipe
from trainer.trackers.selection import TENSORBOARD

EvaluatedOn = Literal["validation", "test", "holdout"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DataSplit:
    """Training images and evaluated images.

    Attributes:
        training: (count,) int64 positions in the training split.
        evaluated_on: "validation", "test", or "holdout" for a part of the training split.
        evaluation_images: The images that `evaluation` selects from.
        evaluation: (count,) int64 positions in them.
    """

    training: Indices
    evaluated_on: EvaluatedOn
    evaluation_images: ImageSplit
    evaluation: Indices


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainRequest:
    """Settings of one training.

    Attributes:
        file: The architecture, its name and its image sizes.
        recipe: The training recipe.
        images: The images, decoded at the largest size in use.
        data: Where they are from: the value of ``--data``, absolute if it is a path.
        reading: How they are found and made square.
        folder: Folder of the run.
        seed: Seed of weights, order, augmentation, dropout and holdout.
        device: Device of the training.
        precision: Arithmetic of the forward pass.
        compiled: Whether the network is trained through torch.compile, one graph per image size.
        init_from: File of the initial weights; None for random ones.
        init_scale: Scale of the images that they were trained with; None for that of their origin.
        command: The command line.
        trackers: Trackers that receive the metrics, by name.
    """

    file: ArchitectureFile
    recipe: Recipe
    images: CachedImages
    folder: Path
    seed: int
    device: torch.device
    precision: Precision
    compiled: bool = False
    reading: ReadingConfig = field(default_factory=ReadingConfig)
    data: str | None = None
    init_from: Path | None = None
    init_scale: ScaleName | None = None
    command: tuple[str, ...] = ()
    trackers: tuple[str, ...] = (TENSORBOARD,)

    @cached_property
    def split(self) -> DataSplit:
        """Training and evaluated images; without a second split, some are held out."""
        train = self.images.splits["train"]
        names: tuple[EvaluatedOn, ...] = ("validation", "test")
        for name in names:
            if (other := self.images.splits.get(name)) is not None:
                return DataSplit(
                    training=np.arange(len(train)),
                    evaluated_on=name,
                    evaluation_images=other,
                    evaluation=np.arange(len(other)),
                )
        training, held_out = holdout(
            train,
            size=self.recipe.holdout,
            seed=self.seed,
            class_names=self.images.class_names,
        )
        return DataSplit(
            training=training,
            evaluated_on="holdout",
            evaluation_images=train,
            evaluation=held_out,
        )

    @cached_property
    def plan(self) -> TrainPlan:
        """Phase and learning rate of every step; see `make_plan` for its errors."""
        return make_plan(
            self.recipe,
            num_images=len(self.split.training),
            train_size=self.file.train_size,
            eval_size=self.file.eval_size,
            seed=self.seed,
        )

    @property
    def mirror(self) -> bool:
        """Whether half of the training images are mirrored."""
        flip = self.recipe.augment.flip
        return self.images.default_flip if flip is None else flip

    def identity(self) -> dict[str, Any]:
        """Return what a resumed training must share; the number of workers is not part of it."""
        return {
            "architecture": self.file.architecture.key,
            "train_size": self.file.train_size,
            "eval_size": self.file.eval_size,
            "images": self.images.path.name,
            "num_images": self.plan.num_images,
            "seed": self.seed,
            "precision": self.precision,
            **self.recipe.model_dump(mode="json"),
        }
