"""Pictures from files become bit for bit the inputs that an evaluation of the training saw.

The evaluation reads the cache of decoded images; the prediction decodes the files itself.
"""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from PIL import Image

from tests.toys.images import encoded, picture
from tests.toys.picture_files import exif
from trainer.config import Fit, ReadingConfig
from trainer.data.cache.images import DECODING_VERSION, CachedImages
from trainer.data.prepare import prepare
from trainer.fit.evaluation import evaluation_batches
from trainer.fit.processes import Processes
from trainer.inference.decoding import decoded_batches, network_inputs
from trainer.inference.finding import find_pictures
from trainer.preprocessing import Preprocessing

CPU = torch.device("cpu")
SIDE = 24


def deep(levels: int, size: tuple[int, int]) -> bytes:
    """Return a grey PNG with 16 bits per level, whose brightest level is `levels`."""
    values = np.random.default_rng(levels).integers(0, levels, size[::-1], dtype=np.uint16)
    values[3, 5] = levels
    return encoded(Image.fromarray(values))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write JPEG and PNG files of different sizes, depths and orientations."""
    root = tmp_path_factory.mktemp("set")
    smooth = picture(5, (40, 28)).resize((211, 150))
    turned = b"Exif\0\0" + exif(6)
    files = {
        "a/large.jpg": encoded(smooth, "JPEG"),  # reduced in its DCT
        "a/same.png": encoded(picture(1, (SIDE, SIDE))),
        "a/small.png": encoded(picture(2, (13, 9))),
        "a/turned.jpg": encoded(picture(3, (90, 31)), "JPEG", exif=turned),
        "b/clear.png": encoded(picture(4, (30, 50)).convert("LA").convert("RGBA")),
        "b/ten.png": deep(1000, (33, 27)),
        "b/twelve.png": deep(4000, (25, 70)),
    }
    for name, content in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    return root


@pytest.fixture(scope="module")
def caches(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Fit, CachedImages]:
    """Return the decoded images of the folder, by how they became squares."""
    place = tmp_path_factory.mktemp("caches")
    return {
        fit: prepare(str(folder), SIDE, ReadingConfig(fit=fit), cache_dir=place)
        for fit in get_args(Fit)
    }


@pytest.mark.parametrize("fit", get_args(Fit))
@pytest.mark.parametrize(("crop", "size"), [(1.0, SIDE), (1.0, 17), (0.8, SIDE), (0.7, 32)])
def test_inputs_from_files_equal_those_of_the_evaluation(
    folder: Path, caches: dict[Fit, CachedImages], fit: Fit, crop: float, size: int
) -> None:
    images = caches[fit]
    chosen = np.arange(7)
    batches = evaluation_batches(
        images.splits["train"], chosen, Processes(), image_size=size, crop=crop
    )
    assert batches is not None
    ((seen, _),) = batches.epoch(0)
    preprocessing = Preprocessing(
        decoded_size=images.image_size,
        fit=fit,
        eval_crop=crop,
        level_bits=images.level_bits,
        decoding=DECODING_VERSION,
    )
    pictures = find_pictures([folder]).pictures
    decoded = decoded_batches(pictures, preprocessing, batch_size=3, on_unreadable=fail)
    found = list(network_inputs(decoded, preprocessing, size, CPU))
    assert [position for _, positions in found for position in positions] == list(range(7))
    inputs = torch.cat([batch for batch, _ in found])
    assert torch.equal(inputs, seen)
    assert inputs.shape == (7, 3, size, size)
    assert len({tuple(one.flatten().tolist()) for one in inputs}) == 7  # no two are equal


def fail(position: int, reason: str) -> None:
    raise AssertionError(f"{position}: {reason}")
