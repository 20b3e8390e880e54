"""What is said about a data set before the work begins."""

from dataclasses import replace
from pathlib import Path

from tests.toys.training import images
from trainer.data.overview import aligned, image_rows


def test_images_classes_sizes_and_the_space_on_disk(tmp_path: Path) -> None:
    (tmp_path / "train.images.npy").write_bytes(bytes(3 * 2**20))
    (tmp_path / "meta.json").write_bytes(bytes(2**19))
    found = image_rows(replace(images(), path=tmp_path, native_size=240))
    assert found == [
        ("images", "stripes: 82 of 3 classes, 240 px (median)"),  # 52 and 30
        ("decoded", f"at 16 px, 3.5 MiB in {tmp_path}"),
    ]


def test_what_is_found_is_in_one_column() -> None:
    lines = aligned(("images", "flowers"), ("finalists", "none"), ("time", "unknown"))
    assert [line.index(word) for line, word in zip(lines, ("flow", "none", "unkn"), strict=True)]
    assert len({line.index(line.split()[1]) for line in lines}) == 1
