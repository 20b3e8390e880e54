"""A training for tests: a network of two stages on images of stripes."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from search_space.architecture import Architecture, BlockType, Stage
from search_space.architecture_file import ArchitectureFile
from trainer.config import validated
from trainer.data.cache.images import CachedImages, ImageSplit
from trainer.fit.request import TrainRequest
from trainer.recipes.config import Recipe
from trainer.stop_signals import StopRequest

SIZE = 16

RECIPE: dict[str, Any] = {
    "duration": {"epochs": 4},
    "batch_size": 16,
    "phases": {
        "kind": "progressive",
        "count": 2,
        "first": {"image_size": 8, "dropout": 0.0, "randaug_magnitude": 1, "mixup_alpha": 0.1},
        "last": {"image_size": 16, "dropout": 0.1, "randaug_magnitude": 3, "mixup_alpha": 0.2},
    },
    "optimizer": {"name": "rmsprop", "weight_decay": 1e-4},
    "learning_rate": {"base": 0.1, "warmup": {"steps": 3}},
    "survival_prob": 0.8,
    "ema_decay": 0.9,
    "augment": {"crop": {"scale": [0.5, 1.0]}, "flip": False},
}


def architecture() -> Architecture:
    fused = Stage(
        block=BlockType.FUSED_MBCONV,
        depth=1,
        width=8,
        kernel_size=3,
        expand_ratio=1,
        stride=1,
        se_ratio=0.0,
    )
    mbconv = Stage(
        block=BlockType.MBCONV,
        depth=2,
        width=16,
        kernel_size=3,
        expand_ratio=2,
        stride=2,
        se_ratio=0.25,
    )
    return Architecture(stem_width=8, stages=(fused, mbconv), head_width=16)


def architecture_file() -> ArchitectureFile:
    return ArchitectureFile(
        architecture=architecture(), name="toy", train_size=SIZE, eval_size=SIZE
    )


def stripes(count: int, seed: int, size: int = SIZE) -> ImageSplit:
    """Return noisy images of three classes: rows, columns, and no stripes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    rows, columns = np.mgrid[:size, :size] // 2 % 2
    patterns = np.stack((rows, columns, np.full_like(rows, 0.5)))
    levels = patterns[labels][..., None] * 160 + rng.integers(0, 90, (count, size, size, 3))
    return ImageSplit(images=levels.astype(np.uint8), labels=labels.astype(np.int64))


def images(count: int = 52) -> CachedImages:
    return CachedImages(
        path=Path("stripes"),
        name="stripes",
        class_names=("rows", "columns", "none"),
        image_size=SIZE,
        native_size=SIZE,
        default_flip=True,
        splits={"train": stripes(count, 0), "test": stripes(30, 1)},
    )


def recipe(**changes: Any) -> Recipe:
    return validated(Recipe, {**RECIPE, **changes}, place="toy")


def toy_run(folder: Path, **changes: Any) -> TrainRequest:
    return TrainRequest(
        file=architecture_file(),
        recipe=recipe(**changes),
        images=images(),
        folder=folder,
        seed=0,
        device=torch.device("cpu"),
        precision="fp32",
    )


class StopAfter(StopRequest):
    """Requests a stop after `steps` steps of this process."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps_left = steps

    def requested(self) -> bool:
        self.steps_left -= 1
        return self.steps_left < 0
