"""What is the effect of each operation on a picture at each magnitude?

Draws the two picture sheets of docs/augmentation.md: RandAugment's 16 operations at four
magnitudes, and crops, mixup, cutmix and whole RandAugment.

    python experiments/augmentation/sheet.py --out docs
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from trainer.augment.basic import cutout, flip
from trainer.augment.mixing import cutmix, mixup
from trainer.augment.operations import Draws, Op, apply_ops
from trainer.augment.randaugment import randaugment
from trainer.augment.resized_crop import random_resized_crop

MAGNITUDES = (5.0, 10.0, 15.0, 25.0)
SIDE, STEP, LABEL, HEAD, GAP = 84, 88, 100, 22, 12  # pixels
LEFT = (Op.ROTATE, Op.SHEAR_X, Op.SHEAR_Y, Op.TRANSLATE_X, Op.TRANSLATE_Y, Op.CUTOUT)
RIGHT = (Op.COLOR, Op.CONTRAST, Op.BRIGHTNESS, Op.SHARPNESS, Op.SOLARIZE_ADD)
ORDER = (*LEFT, Op.POSTERIZE, Op.SOLARIZE, *RIGHT, Op.AUTOCONTRAST, Op.EQUALIZE, Op.INVERT)


def landscape() -> Tensor:
    """Return a drawn picture of a house in front of hills, (1, 3, SIDE, SIDE), uint8."""
    size = 8 * SIDE
    rows = np.linspace(0, 1, size)[:, None, None]
    sky = np.array([70, 130, 210]) * (1 - rows) + np.array([235, 225, 200]) * rows
    picture = Image.fromarray(np.broadcast_to(sky, (size, size, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse(_box(0.68, 0.08, 0.9, 0.3, size), fill=(255, 214, 92))
    for base, swing, colour in ((0.52, 0.08, (96, 132, 104)), (0.66, 0.05, (74, 112, 62))):
        across = np.linspace(0, 1, 64)
        ridge = base + swing * np.sin(9 * across + 20 * base)
        line = [(size * x, size * y) for x, y in zip(across, ridge, strict=True)]
        draw.polygon([*line, (size, size), (0, size)], fill=colour)
    draw.rectangle(_box(0.2, 0.5, 0.56, 0.8, size), fill=(214, 178, 132))
    roof = ((0.14, 0.5), (0.38, 0.3), (0.62, 0.5))
    draw.polygon([(size * x, size * y) for x, y in roof], fill=(150, 52, 44))
    for left in (0.25, 0.43):
        draw.rectangle(_box(left, 0.56, left + 0.08, 0.66, size), fill=(66, 92, 120))
    draw.rectangle(_box(0.34, 0.64, 0.42, 0.8, size), fill=(92, 60, 40))
    return _small(picture)


def flower() -> Tensor:
    """Return a drawn picture of a flower, (1, 3, SIDE, SIDE), uint8."""
    size = 8 * SIDE
    rows = np.linspace(0, 1, size)[:, None, None]
    meadow = np.array([28, 66, 40]) * rows + np.array([96, 140, 84]) * (1 - rows)
    picture = Image.fromarray(np.broadcast_to(meadow, (size, size, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.rectangle(_box(0.48, 0.5, 0.52, 1.0, size), fill=(120, 168, 70))
    for angle in np.arange(0, 2 * np.pi, np.pi / 5):
        x, y = 0.5 + 0.2 * np.cos(angle), 0.45 + 0.2 * np.sin(angle)
        shade = round(30 * float(np.sin(angle)))
        petal = (226 + shade // 2, 84 + shade, 128 + shade)
        draw.ellipse(_box(x - 0.11, y - 0.11, x + 0.11, y + 0.11, size), fill=petal)
    draw.ellipse(_box(0.38, 0.33, 0.62, 0.57, size), fill=(244, 190, 50))
    return _small(picture)


def _box(left: float, top: float, right: float, bottom: float, size: int) -> list[float]:
    return [size * left, size * top, size * right, size * bottom]


def _small(picture: Image.Image) -> Tensor:
    small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    return torch.from_numpy(small.copy()).permute(2, 0, 1)[None]


def operation(image: Tensor, op: Op, magnitude: float) -> Tensor:
    """Return the image after one operation, with a positive sign and an off-centre cutout."""
    draws = Draws(
        ops=torch.tensor([int(op)]),
        magnitudes=torch.tensor([magnitude]),
        signs=torch.ones(1),
        centres=torch.tensor([[0.45, 0.6]]),
    )
    return apply_ops(image, draws)


class Sheet:
    """A figure with pictures and text at pixel positions from the upper left corner."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)

    def picture(self, left: int, top: int, image: Tensor) -> None:
        """Draw an image (3, SIDE, SIDE), values 0 to 255, without scaling."""
        pixels: npt.NDArray[np.uint8] = image.to(torch.uint8).permute(1, 2, 0).numpy()
        self.figure.figimage(pixels, left, self.height - top - SIDE)

    def text(
        self, left: float, top: float, text: str, size: float = 9, align: str = "center"
    ) -> None:
        """Write text centred at `top`, and aligned by `align` at `left`."""
        at = (left / self.width, 1 - top / self.height)
        self.figure.text(*at, text, fontsize=size, ha=align, va="center", linespacing=1.3)

    def save(self, path: Path) -> None:
        self.figure.savefig(path, dpi=100, metadata={"Software": None})
        plt.close(self.figure)
        with Image.open(path) as sheet:
            sheet.convert("RGB").save(path, optimize=True)


def draw_operations(image: Tensor, path: Path) -> None:
    """Draw two blocks of eight operations, one row each, after the original picture."""
    block = LABEL + 5 * STEP + GAP
    sheet = Sheet(2 * block - GAP, HEAD + 8 * STEP)
    for place, op in enumerate(ORDER):
        left, top = place // 8 * block + LABEL, HEAD + place % 8 * STEP
        sheet.text(left - 8, top + SIDE / 2, op.name.lower().replace("_", " "), align="right")
        sheet.picture(left, top, image[0])
        for column, magnitude in enumerate(MAGNITUDES, start=1):
            sheet.picture(left + column * STEP, top, operation(image, op, magnitude)[0])
    titles = ["original", *(f"M = {magnitude:.0f}" for magnitude in MAGNITUDES)]
    for first in (0, block):
        for column, title in enumerate(titles):
            sheet.text(first + LABEL + column * STEP + SIDE / 2, HEAD / 2, title)
    sheet.save(path)


def draw_batches(images: tuple[Tensor, Tensor], path: Path) -> None:
    """Draw the results of batches of eight images, one row for each function."""
    generator = torch.Generator().manual_seed(2)
    same = images[0].expand(8, -1, -1, -1)
    mixed = torch.cat(images).repeat(4, 1, 1, 1)
    targets = torch.eye(2).repeat(4, 1)
    blended, shares = mixup(mixed, targets, 1.0, generator)
    pasted, parts = cutmix(mixed, targets, 1.0, generator)
    rows = [
        ("flip", flip(same, generator)),
        ("random\nresized crop", random_resized_crop(same, SIDE, generator)),
        ("cutout, 1/2", cutout(same, 0.5, generator)),
        *(
            (f"RandAugment\nM = {magnitude:.0f}", randaugment(same, magnitude, generator))
            for magnitude in (5.0, 15.0, 25.0)
        ),
    ]
    mixes = [("mixup\nalpha = 1", blended, shares), ("cutmix\nalpha = 1", pasted, parts)]
    sheet = Sheet(LABEL + 8 * STEP, (len(rows) + len(mixes)) * STEP + len(mixes) * HEAD)
    for row, (name, batch) in enumerate(rows):
        draw_row(sheet, row * STEP, name, batch)
    for row, (name, batch, labels) in enumerate(mixes):
        top = len(rows) * STEP + row * (STEP + HEAD)
        draw_row(sheet, top, name, batch)
        for place, share in enumerate(labels[:, 0].tolist()):
            middle = LABEL + place * STEP + SIDE / 2
            sheet.text(middle, top + SIDE + HEAD / 2, f"{share:.2f} house", size=8)
    sheet.save(path)


def draw_row(sheet: Sheet, top: int, name: str, batch: Tensor) -> None:
    sheet.text(LABEL - 8, top + SIDE / 2, name, align="right")
    for place, image in enumerate(batch):
        sheet.picture(LABEL + place * STEP, top, image)


def main() -> None:
    """Write augmentation-ops.png and augmentation-batches.png."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    mpl.use("Agg")
    house = landscape()
    draw_operations(house, args.out / "augmentation-ops.png")
    draw_batches((house, flower()), args.out / "augmentation-batches.png")


if __name__ == "__main__":
    main()
