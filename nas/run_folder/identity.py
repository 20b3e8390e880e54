"""What a run was made with: what a resumed one has to agree on, and what is written of it."""

from collections.abc import Sequence
from pathlib import Path

import torch

from nas.engine.ledger import LEDGER, read_ledger
from nas.evaluation.images import proxy_task
from nas.settings.config import SearchConfig
from nas.settings.start_points import StartPoint
from search_space.space import SearchSpace
from trainer.config import Precision
from trainer.data.cache.images import CachedImages
from trainer.proxy.step_timing import fastest_precision

CHECK = "proxy_check"  # folder of the trainings of --proxy-check
PRECISION = "precision"  # file in it: what was the faster one

# Data, space and start points count by content, so their names may; the budget may grow.
MAY_CHANGE = frozenset({"budget", "data", "space", "start_from"})


def run_settings(
    config: SearchConfig,
    space: SearchSpace,
    images: CachedImages,
    starts: Sequence[StartPoint] = (),
) -> dict[str, object]:
    """Return what a resumed run has to agree with; files count by content, not by name."""
    begins = {"start_from.content": [start.key for start in starts]} if starts else {}
    return {
        **config.identity(),
        "space.content": space.digest(),
        "data.content": images.path.name,
        # Costs on a GPU and on a CPU are not in proportion, so one run must not mix them.
        "device": "cuda" if config.gpus_per_worker > 0 else "cpu",
        "budget": config.budget,
        **begins,
    }


def describe_images(images: CachedImages) -> dict[str, object]:
    """Return what a run's environment says of its images."""
    return {
        "name": images.name,
        "cache": images.path.name,
        "image_size": images.image_size,
        "native_size": images.native_size,
        "classes": list(images.class_names),
        "counts": {name: len(split) for name, split in images.splits.items()},
    }


def settled_precision(config: SearchConfig, folder: Path, images: CachedImages) -> Precision:
    """Return the precision of the run in `folder`, or of a new one the faster on this device.

    A new one whose proxy was checked has the precision of the check.
    """
    if (folder / LEDGER).exists():
        settings = read_ledger(folder / LEDGER).settings
        precision: Precision = settings.get("proxy.precision", config.proxy.precision)
        return precision
    if config.gpus_per_worker > 0:
        return "bf16"  # as on every GPU; the driver of a cluster may have none to ask
    remembered = folder / CHECK / PRECISION
    if remembered.exists() and (known := remembered.read_text().strip()) in ("fp32", "bf16"):
        return "fp32" if known == "fp32" else "bf16"
    torch.set_num_threads(1)
    task = proxy_task(config, SearchSpace.load(config.space), images.path)
    return fastest_precision(task)
