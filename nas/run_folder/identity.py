"""Settings that identify a run: a resumed run has to agree with them."""

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
PRECISION = "precision"  # file in it with the precision of the check

# Data, space and start points are identified by their content, so that their names may change.
MAY_CHANGE = frozenset({"budget", "data", "space", "start_from"})


def run_settings(
    config: SearchConfig,
    space: SearchSpace,
    images: CachedImages,
    starts: Sequence[StartPoint] = (),
) -> dict[str, object]:
    """Return the settings that a resumed run has to agree with, except for `MAY_CHANGE`."""
    return {
        **config.identity(),
        "space.content": space.digest(),
        "data.content": images.path.name,
        # Costs on a GPU and on a CPU are not in proportion, so that one run must not mix them.
        "device": "cuda" if config.gpus_per_worker > 0 else "cpu",
        "budget": config.budget,
        **({"start_from.content": [start.key for start in starts]} if starts else {}),
    }


def run_precision(config: SearchConfig, folder: Path, images: CachedImages) -> Precision:
    """Return the precision of the run in `folder`.

    A new run has the precision of its proxy check, or else the fastest one on its device.
    """
    if (folder / LEDGER).exists():
        settings = read_ledger(folder / LEDGER).settings
        precision: Precision = settings.get("proxy.precision", config.proxy.precision)
        return precision
    if config.gpus_per_worker > 0:
        return "bf16"  # as on every GPU; the driver of a cluster may have none to measure on
    checked = folder / CHECK / PRECISION
    match checked.read_text().strip() if checked.exists() else "":
        case "fp32":
            return "fp32"
        case "bf16":
            return "bf16"
    torch.set_num_threads(1)
    return fastest_precision(proxy_task(config, SearchSpace.load(config.space), images.path))
