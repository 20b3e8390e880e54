"""How many images per CPU second do torchvision and timm augment, on one thread?

Uses the same pictures and batches as throughput.py; run both on the same processor, one after the
other. torchvision and timm are not part of the project's environment. With a CPU-only torch,
torchvision's wheel needs two operator schemas that are defined before it is imported.

    pip install --no-deps --target PEERS torchvision===0.28.0 timm==1.0.31 safetensors
    PYTHONPATH=PEERS python experiments/augmentation/peers.py --out experiments/augmentation
"""

import argparse
import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from throughput import SIZES, pictures, rate

OPERATORS = torch.library.Library("torchvision", "DEF")
for operator in ("nms", "qnms"):
    OPERATORS.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
v2 = importlib.import_module("torchvision.transforms.v2")
timm_data = importlib.import_module("timm.data")


def calls(size: int) -> dict[tuple[str, str], Callable[[], object]]:
    """Return the measured calls by name and by whether each image has separate draws."""
    pixels = pictures(size)
    images = pixels.permute(0, 3, 1, 2)
    planes = images.contiguous()
    floats, labels = images.float(), torch.arange(len(images))
    pil = [Image.fromarray(each.numpy()) for each in pixels]
    augment = v2.RandAugment(2, 9)
    timm_augment = timm_data.rand_augment_transform("rand-m9-mstd0.5", {})
    resize = v2.RandomResizedCrop(size, scale=(0.05, 1.0), antialias=True)
    timm_mixup = timm_data.Mixup(mixup_alpha=0.2, num_classes=1000, mode="elem")
    mixup, cutmix = v2.MixUp(num_classes=1000), v2.CutMix(num_classes=1000)
    return {
        ("torchvision RandAugment, PIL, image by image", "yes"): lambda: [augment(i) for i in pil],
        ("torchvision RandAugment, uint8 tensor, image by image", "yes"): (
            lambda: [augment(i) for i in planes]
        ),
        ("torchvision RandAugment, uint8 tensor, whole batch", "no"): lambda: augment(planes),
        ("timm rand-m9-mstd0.5, PIL, image by image; skips half of the operations", "yes"): (
            lambda: [timm_augment(i) for i in pil]
        ),
        ("torchvision RandomResizedCrop, PIL, image by image", "yes"): (
            lambda: [np.asarray(resize(i)) for i in pil]
        ),
        ("torchvision RandomResizedCrop, uint8 tensor, image by image", "yes"): (
            lambda: [resize(i) for i in planes]
        ),
        ("torchvision MixUp, float batch", "no"): lambda: mixup(floats, labels),
        ("torchvision CutMix, float batch", "no"): lambda: cutmix(floats, labels),
        ("timm Mixup by element, float batch", "yes"): lambda: timm_mixup(floats.clone(), labels),
    }


def main() -> None:
    """Measure the calls alternately and write peers.csv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.25, help="CPU time of one repeat")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for size in SIZES:
        measured = calls(size)
        rates: dict[tuple[str, str], list[float]] = {name: [] for name in measured}
        for call in measured.values():
            call()
        for _ in range(args.repeats):
            for name, call in measured.items():
                rates[name].append(rate(call, args.seconds))
        for (name, own), found in rates.items():
            numbers = (round(float(np.median(found))), round(min(found)), round(max(found)))
            rows.append((name, own, size, *numbers))
            print(*rows[-1], flush=True)
    columns = ["name", "own_draws", "image_size", "images_per_cpu_second", "lowest", "highest"]
    pd.DataFrame(rows, columns=columns).to_csv(args.out / "peers.csv", index=False)


if __name__ == "__main__":
    main()
