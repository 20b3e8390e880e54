"""scikit-learn's handwritten digits, plain or rendered as scenes: the embedded data sets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.data.holdout import stratified
from trainer.data.labels import Indices
from trainer.data.sources.scenes import SCENES_VERSION, render_scenes
from trainer.data.sources.source import OpenedSource, RawImage, Source, SourceSplit

CLASS_NAMES = tuple(str(digit) for digit in range(10))
# Of the 1,797 digits; the other 1,200 are for training.
TEST_DIGITS = 597
TRAIN_SCENES = 9_000
TEST_SCENES = 3_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _PixelSplit(SourceSplit):
    """A split of images in memory, `pixels` (count, height, width, 3), uint8."""

    name: str
    pixels: npt.NDArray[np.uint8]

    def read(self, start: int, stop: int) -> Sequence[RawImage]:
        return [Image.fromarray(picture) for picture in self.pixels[start:stop]]

    def where(self, index: int) -> str:
        return f"{self.name} {index}"


class _Digits(Source):
    def open(self, _: Path, /) -> OpenedSource:
        splits: dict[str, SourceSplit] = {}
        for split, indices, digits, labels in _parts():
            pixels = np.repeat(np.round(digits * 255).astype(np.uint8)[..., None], 3, axis=3)
            name = f"digits {split}"
            splits[split] = _PixelSplit(labels=labels, groups=indices, name=name, pixels=pixels)
        return OpenedSource(name="digits", class_names=CLASS_NAMES, splits=splits)


class _Scenes(Source):
    def open(self, _: Path, /) -> OpenedSource:
        splits: dict[str, SourceSplit] = {}
        for seed, (split, indices, digits, labels) in enumerate(_parts()):
            # Every digit of the part is shown equally often, with a difference of at most 1.
            count = TRAIN_SCENES if split == "train" else TEST_SCENES
            shown = np.random.default_rng(seed).permutation(count) % len(digits)
            splits[split] = _PixelSplit(
                labels=labels[shown],
                groups=indices[shown],
                name=f"digits-scenes {split}",
                pixels=render_scenes(digits, shown, seed=seed),
            )
        return OpenedSource(name="digits-scenes", class_names=CLASS_NAMES, splits=splits)


def digits_source() -> Source:
    """Return the 1,797 real digits of 8x8 pixels, which networks learn in seconds.

    Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (UCI), as shipped in
    ``sklearn.datasets.load_digits``.
    """
    return _Digits(name="digits", identity="digits 1", files={}, default_flip=False)


def scenes_source() -> Source:
    """Return 12,000 scenes of one posed and tinted digit on clutter, rendered at 48 pixels.

    The data set is semi-synthetic: the digits are real handwriting, the scenes are not. No digit
    of a training scene is in a test scene, and scenes with equal ``groups`` show the same digit.
    """
    identity = f"digits-scenes {SCENES_VERSION}"
    return _Scenes(name="digits-scenes", identity=identity, files={}, default_flip=False)


def _parts() -> Iterator[tuple[str, Indices, npt.NDArray[np.float32], Indices]]:
    """Yield name, indices (n,), digits (n, 8, 8) in [0, 1] and labels (n,) of each split."""
    # Imported here because it takes a second, and an existing cache does not need it.
    from sklearn.datasets import load_digits

    data = load_digits()
    digits, labels = (data.images / 16).astype(np.float32), data.target.astype(np.int64)
    train, test = stratified(labels, size=TEST_DIGITS, seed=0)
    for split, indices in (("train", train), ("test", test)):
        yield split, indices, digits[indices], labels[indices]
