"""The task of the comparison: CIFAR-10, few images, short trainings."""

from pathlib import Path

import numpy as np
import torch

from nas.settings.config import ProgressiveConfig, SearchConfig
from search_space.architecture import Architecture
from search_space.space import SearchSpace
from trainer.config import ProxyConfig, TimingConfig
from trainer.data.cache.images import CachedImages
from trainer.data.prepare import prepare
from trainer.proxy.task import ProxyTask

PROXY = ProxyConfig(
    image_size=24,
    epochs=6,
    batch_size=32,
    max_images=2000,
    holdout=1000,
    timing=TimingConfig(warmup_steps=1, blocks=5, block_seconds=0.03, max_attempts=2),
)
SPACE = SearchSpace.load("tiny")


def images_of(data: str) -> CachedImages:
    return prepare(data, PROXY.image_size)


def config_of(data: str, fidelity: str, seed: int, **progressive: object) -> SearchConfig:
    return SearchConfig(
        data=data,
        budget=1000,  # the limit of device-seconds ends the search earlier
        seed=seed,
        fidelity="progressive" if fidelity == "progressive" else "full",
        proxy=PROXY.model_copy(update={"seed": seed}),
        progressive=ProgressiveConfig.model_validate(progressive),
    )


def task_of(images: CachedImages, *, seed: int) -> ProxyTask:
    return ProxyTask(
        config=PROXY.model_copy(update={"seed": seed}),
        images=images,
        reference=SPACE.reference(),
        device=torch.device("cpu"),
    )


def random_architectures(count: int, seed: int) -> list[Architecture]:
    import random

    rng = random.Random(seed)
    return [SPACE.architecture(SPACE.sample(rng)) for _ in range(count)]


def summary(values: list[float]) -> dict[str, float | int]:
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {"mean": float(np.mean(values)), "sd": spread, "n": len(values)}


def run_folder(out: Path, fidelity: str, seed: int) -> Path:
    return out / f"{fidelity}-{seed}"
