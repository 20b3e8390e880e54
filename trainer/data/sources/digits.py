"""scikit-learn's handwritten digits, plain or made into scenes: the embedded data sets."""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.data.sources.scenes import SCENES_VERSION, render_scenes
from trainer.data.sources.source import OpenedSource, RawImage, Source, SourceSplit
from trainer.data.stratified import stratified

CLASS_NAMES = tuple(str(digit) for digit in range(10))
# Of the 1,797 digits; the rest, 1,200, are for training.
TEST_DIGITS = 597
TRAIN_SCENES = 9_000
TEST_SCENES = 3_000


def digits_source() -> Source:
    """Return the 1,797 real digits of 8x8 pixels, as they are: learned in seconds.

    Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits (UCI), as shipped in
    ``sklearn.datasets.load_digits``.
    """
    return Source(
        name="digits", identity="digits 1", files=(), default_flip=False, open=_open_digits
    )


def scenes_source() -> Source:
    """Return 12,000 scenes of one posed and tinted digit on clutter, rendered at 48 pixels.

    Semi-synthetic: the digits are real handwriting, the scenes are not. No digit of a training
    scene is in a test scene, and ``groups`` says which scenes share one.
    """
    return Source(
        name="digits-scenes",
        identity=f"digits-scenes {SCENES_VERSION}",
        files=(),
        default_flip=False,
        open=_open_scenes,
    )


def _open_digits(_: Path) -> OpenedSource:
    digits, labels = _load()
    pixels = np.repeat(np.round(digits * 255).astype(np.uint8)[..., None], 3, axis=3)
    splits = {
        split: _split(pixels[chosen], labels[chosen], chosen, f"digits {split}")
        for split, chosen in _parts(labels).items()
    }
    return OpenedSource(name="digits", class_names=CLASS_NAMES, splits=splits)


def _open_scenes(_: Path) -> OpenedSource:
    digits, labels = _load()
    splits = {}
    counts = {"train": TRAIN_SCENES, "test": TEST_SCENES}
    for seed, (split, chosen) in enumerate(_parts(labels).items()):
        # Every digit of the part is shown equally often, to within once.
        order = np.random.default_rng(seed).permutation(counts[split])
        shown = order % len(chosen)
        pixels = render_scenes(digits[chosen], shown, seed=seed)
        sources = chosen[shown]
        splits[split] = _split(pixels, labels[sources], sources, f"digits-scenes {split}")
    return OpenedSource(name="digits-scenes", class_names=CLASS_NAMES, splits=splits)


def _load() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return digits (1797, 8, 8) in [0, 1] and labels (1797,)."""
    # Imported here because it costs a second, and a cache that is there already needs it not.
    from sklearn.datasets import load_digits

    data = load_digits()
    return (data.images / 16).astype(np.float32), data.target.astype(np.int64)


def _parts(labels: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.int64]]:
    test = stratified(labels, size=TEST_DIGITS, seed=0)
    return {"train": np.setdiff1d(np.arange(len(labels)), test), "test": test}


def _split(
    pixels: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    name: str,
) -> SourceSplit:
    return SourceSplit(
        labels=labels,
        groups=groups,
        read=partial(_pictures, pixels),
        where=lambda i: f"{name} {i}",
    )


def _pictures(pixels: npt.NDArray[np.uint8], start: int, stop: int) -> list[RawImage]:
    return [Image.fromarray(picture) for picture in pixels[start:stop]]
