from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from trainer.data.cache.decode import decode
from trainer.data.sources.digits import digits_source, scenes_source
from trainer.data.sources.scenes import render_scenes
from trainer.data.sources.source import OpenedSource

Pixels = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def scenes() -> OpenedSource:
    return scenes_source().open(Path())


def digits() -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).random((5, 8, 8), dtype=np.float32)


def test_scenes_are_nine_and_three_thousand_of_48_pixels(scenes: OpenedSource) -> None:
    assert {name: len(split.labels) for name, split in scenes.splits.items()} == {
        "train": 9_000,
        "test": 3_000,
    }
    pixels, native_size, *_ = decode(scenes.splits["train"].read(0, 1)[0], 48)
    assert pixels.shape == (48, 48, 3)
    assert native_size == 48


def test_no_digit_is_in_both_parts_and_all_are_in_one(scenes: OpenedSource) -> None:
    for source in (digits_source().open(Path()), scenes):
        train, test = (
            set(np.asarray(source.splits[part].groups).tolist()) for part in ("train", "test")
        )
        assert not train & test
        assert (len(train), len(test)) == (1200, 597)


def test_scenes_of_one_digit_have_one_label(scenes: OpenedSource) -> None:
    for split in scenes.splits.values():
        pairs = set(zip(np.asarray(split.groups).tolist(), split.labels.tolist(), strict=True))
        assert len(pairs) == len({group for group, _ in pairs})


def test_classes_are_balanced_and_mixed(scenes: OpenedSource) -> None:
    labels = scenes.splits["train"].labels
    assert np.bincount(labels).min() > 850
    assert len(set(labels[:50].tolist())) >= 8


def test_plain_digits_are_the_8_pixel_originals() -> None:
    train = digits_source().open(Path()).splits["train"]
    pixels, native_size, *_ = decode(train.read(0, 1)[0], 8)
    assert native_size == 8
    assert pixels.max() == 255
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_digits_are_not_mirrored() -> None:
    assert not digits_source().default_flip
    assert not scenes_source().default_flip


def test_rendering_is_a_function_of_its_arguments() -> None:
    shown = np.array([0, 1, 2, 3, 4, 0])
    first, again, other = (render_scenes(digits(), shown, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.5


def test_one_digit_has_another_pose_in_each_scene() -> None:
    same = render_scenes(digits(), np.zeros(20, np.int64), seed=0)
    assert len({scene.tobytes() for scene in same}) == 20


def test_the_shown_digit_decides_where_it_is_bright() -> None:
    """On average over many scenes, a white digit and an empty one differ most in the middle."""
    empty, full = np.zeros((1, 8, 8), np.float32), np.ones((1, 8, 8), np.float32)
    shown = np.zeros(200, np.int64)
    gain = render_scenes(full, shown, seed=0).mean((0, 3)) - render_scenes(
        empty, shown, seed=0
    ).mean((0, 3))
    assert gain[20:28, 20:28].mean() > 100
    assert gain[20:28, 20:28].mean() > 3 * gain[:4, :4].mean()
