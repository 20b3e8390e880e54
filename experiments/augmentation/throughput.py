"""How many images per CPU second does the augmentation process, on one thread?

Batches of 32 at 32, 128 and 224 pixels, uint8 except for mixup and cutmix, channels_last.
peers.py measures torchvision and timm in the same way.

    python experiments/augmentation/throughput.py --out experiments/augmentation
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainer.augment import per_kind
from trainer.augment.basic import cutout, flip
from trainer.augment.mixing import cutmix, mixup
from trainer.augment.randaugment import randaugment
from trainer.augment.resized_crop import random_resized_crop
from trainer.device.naming import cpu_name

BATCH = 32
SIZES = (32, 128, 224)
Call = Callable[[], object]


def pictures(size: int) -> Tensor:
    """Return pictures (BATCH, size, size, 3), uint8: a gradient with noise."""
    rng = np.random.default_rng(0)
    slope = np.linspace(0, 200, size)[:, None, None] + np.zeros((1, size, 3))
    noisy = slope + rng.normal(0, 20, (BATCH, size, size, 3))
    return torch.from_numpy(noisy.clip(0, 255).astype(np.uint8))


def calls(size: int) -> dict[str, Call]:
    """Return the measured calls by name."""
    images = pictures(size).permute(0, 3, 1, 2)
    floats, targets = images.float(), torch.eye(1000)[:BATCH]
    generator = torch.Generator().manual_seed(0)

    return {
        "randaugment, 2 layers": lambda: randaugment(images, 9.0, generator),
        "randaugment, 2 layers, as on a GPU": lambda: ungathered(
            lambda: randaugment(images, 9.0, generator)
        ),
        "random_resized_crop to the same size": lambda: random_resized_crop(
            images, size, generator
        ),
        "flip": lambda: flip(images, generator),
        "cutout": lambda: cutout(images, 0.5, generator),
        "mixup, float": lambda: mixup(floats, targets, 0.2, generator),
        "cutmix, float": lambda: cutmix(floats, targets, 0.2, generator),
    }


def ungathered(call: Call) -> None:
    """Call with every operation computed for all images, as on a GPU."""
    kept = per_kind.gathers_rows
    per_kind.gathers_rows = lambda _: False
    try:
        call()
    finally:
        per_kind.gathers_rows = kept


def rate(call: Call, seconds: float) -> float:
    """Return images per CPU second of a call that is repeated for `seconds` of CPU time."""
    start, images = time.process_time(), 0
    while (spent := time.process_time() - start) < seconds:
        call()
        images += BATCH
    return images / spent


def main() -> None:
    """Measure alternately, so that other processes disturb every row equally."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.25, help="CPU time of one repeat")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for size in SIZES:
        measured = calls(size)
        rates: dict[str, list[float]] = {name: [] for name in measured}
        for call in measured.values():
            call()
        for _ in range(args.repeats):
            for name, call in measured.items():
                rates[name].append(rate(call, args.seconds))
        for name, found in rates.items():
            row = {
                "name": name,
                "image_size": size,
                "images_per_cpu_second": round(float(np.median(found))),
                "lowest": round(min(found)),
                "highest": round(max(found)),
            }
            rows.append(row)
            print(json.dumps(row), flush=True)
    conditions = {
        "device": cpu_name(),
        "threads": 1,
        "batch_size": BATCH,
        "repeats": args.repeats,
        "torch": torch.__version__,
    }
    text = json.dumps({"conditions": conditions, "rows": rows}, indent=2) + "\n"
    (args.out / "throughput.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
