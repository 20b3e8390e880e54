"""If images are not those of before, the message says what changed, and not two hashes."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import trainer.data.cache.changes
import trainer.data.prepare
from tests.toys.images import class_folders, encoded, picture
from trainer.config import ReadingConfig
from trainer.data.cache.changes import describe, what_changed
from trainer.data.cache.images import CachedImages
from trainer.data.prepare import open_or_prepare, prepare

READING = ReadingConfig()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    class_folders(tmp_path / "pets" / "train", {"cat": 5, "dog": 4})
    class_folders(tmp_path / "pets" / "val", {"cat": 2, "dog": 2})
    return tmp_path / "pets"


def prepared(data: Path, size: int = 16, **reading: Any) -> CachedImages:
    return prepare(str(data), size, ReadingConfig(**reading), cache_dir=data.parent / "cache")


def recorded(images: CachedImages) -> dict[str, Any]:
    """Return what a search writes down."""
    counts = {name: len(split) for name, split in images.splits.items()}
    return {"counts": counts, "classes": list(images.class_names)}


def changed(before: CachedImages, now: CachedImages, **more: Any) -> str:
    return what_changed(
        now, READING, cache=before.path.name, recorded={**recorded(before), **more}
    )


def add(data: Path, *names: str) -> None:
    for seed, name in enumerate(names, start=9000):
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_bytes(encoded(picture(seed)))


def test_classes_are_counted_where_the_old_cache_is_still_there(data: Path) -> None:
    before = prepared(data)
    add(data, "train/cat/new.png", "val/dog/new.png")
    (data / "val/cat/0.png").unlink()
    assert changed(before, prepared(data)) == (
        "10 training images instead of 9 (class 'cat' 6 instead of 5); "
        "validation images (class 'cat' 1 instead of 2, class 'dog' 3 instead of 2)"
    )


def test_splits_and_classes_are_compared_where_it_is_gone(data: Path) -> None:
    before = prepared(data)
    add(data, "train/cow/0.png", "train/cow/1.png")
    now = prepared(data)
    shutil.rmtree(before.path)
    assert changed(before, now) == "11 training images instead of 9; new class 'cow'"
    assert changed(now, before) == "9 training images instead of 11; missing class 'cow'"
    # nas-train writes down the number of classes
    assert changed(before, now, classes=2).endswith("; 3 classes instead of 2")
    assert "as many as before" in what_changed(now, READING, cache="", recorded={})


def test_other_content_in_the_same_number_is_said(data: Path) -> None:
    before = prepared(data)
    add(data, "train/cat/0.png")
    assert changed(before, prepared(data)) == (
        "there are as many as before, and at least one has other content, another name or "
        "another class"
    )


def test_another_size_and_another_way_of_reading_are_said(data: Path) -> None:
    before, larger = prepared(data), prepared(data, 24)
    assert changed(before, larger) == "they are decoded at 24 px now, and were at 16 px"
    padded = prepared(data, fit="pad")
    told = what_changed(
        padded,
        ReadingConfig(fit="pad"),
        cache=before.path.name,
        recorded={**recorded(before), "reading": {}},
    )
    assert told == "--fit was crop and is pad now"


def test_another_version_of_the_decoding_is_said(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = prepared(data)
    for module in (trainer.data.prepare, trainer.data.cache.changes):
        newer = module.DECODING_VERSION + 1
        monkeypatch.setattr(module, "DECODING_VERSION", newer)
    now = prepared(data)
    assert now.path != before.path
    told = "an earlier version of this program decoded the same files to other pixels"
    assert changed(before, now) == told


def test_a_node_with_another_version_or_other_images_is_told_apart(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = prepared(data).path
    shutil.rmtree(here)
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "node"))
    for module in (trainer.data.prepare, trainer.data.cache.changes):
        newer = module.DECODING_VERSION + 1
        monkeypatch.setattr(module, "DECODING_VERSION", newer)
    with pytest.raises(ValueError, match="has another version of this program than the machine"):
        open_or_prepare(here, str(data), 16, READING)
    add(data, "train/cat/new.png")
    with pytest.raises(ValueError, match="10 training and 4 validation images of 2 classes here"):
        open_or_prepare(here, str(data), 16, READING)


def test_images_are_described_by_their_numbers(data: Path) -> None:
    assert describe(prepared(data)) == "9 training and 4 validation images of 2 classes"
