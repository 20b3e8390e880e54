"""A run is resumed with its settings and images only; the message names flags and changes."""

from pathlib import Path
from typing import Any

import pytest

from nas.engine.ledger import Ledger
from nas.run_folder.opening import MAY_CHANGE, run_settings
from nas.run_folder.resuming import require_same_run
from nas.settings.defaults import complete_config
from search_space.space import SearchSpace
from tests.toys.images import class_folders, encoded, picture
from trainer.data.cache.images import CachedImages
from trainer.data.prepare import prepare


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return class_folders(tmp_path / "pets", {"cat": 5, "dog": 4})


def images_of(data: Path, size: int = 16) -> CachedImages:
    return prepare(str(data), size, cache_dir=data.parent / "cache")


def resume(data: Path, images: CachedImages, *, start: bool = False, **changes: Any) -> None:
    """Check, or start, a run on `images` with changed settings."""
    proxy = {"image_size": images.image_size, **changes.pop("proxy", {})}
    given = {"data": str(data), "workers": 1, "gpus_per_worker": 0, "proxy": proxy, **changes}
    config, folder = complete_config(given), data.parent / "run"
    settings = run_settings(config, SearchSpace.load("tiny"), images)
    require_same_run(folder, settings, images, config.reading)
    if start:
        folder.mkdir()
        Ledger(folder / "ledger.jsonl", settings, may_change=MAY_CHANGE).close()


def test_the_same_settings_and_images_resume_a_run(data: Path) -> None:
    resume(data, images_of(data), start=True)
    resume(data, images_of(data))
    resume(data, images_of(data), budget=99)


def test_other_images_are_told_by_what_changed(data: Path) -> None:
    resume(data, images_of(data), start=True)
    (data / "cat/new.png").write_bytes(encoded(picture(9000)))
    message = (
        r"images of --data are not those that .*/run was started with: 10 training images "
        r"instead of 9 \(class 'cat' 6 instead of 5\)"
    )
    with pytest.raises(ValueError, match=message):
        resume(data, images_of(data))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 3}, "other settings: --seed 0 -> 3; repeat"),
        ({"constraints": ["params < 5M"]}, r"--constraint \[\] -> \['params < 5M'\]; repeat"),
        (
            {"proxy": {"epochs": 7, "holdout": 0.2}},
            r"--epochs 10 -> 7; --holdout 0\.1 -> 0\.2; rep",
        ),
        ({"proxy": {"flip": False}}, r"flip True -> False \(--no-flip\); repeat"),
        ({"proxy": {"momentum": 0.5}}, r"proxy\.momentum of --config 0\.9 -> 0\.5; repeat"),
        ({"reading": {"fit": "pad"}}, "--fit 'nothing' -> 'pad'; repeat"),
    ],
)
def test_other_settings_are_named_by_their_flags(
    data: Path, changes: dict[str, Any], message: str
) -> None:
    resume(data, images_of(data), start=True)
    with pytest.raises(ValueError, match=message):
        resume(data, images_of(data), **changes)


def test_another_image_size_is_named_and_not_the_images_that_follow_from_it(data: Path) -> None:
    resume(data, images_of(data), start=True)
    with pytest.raises(ValueError, match="other settings: --image-size 16 -> 24; repeat"):
        resume(data, images_of(data, 24))
