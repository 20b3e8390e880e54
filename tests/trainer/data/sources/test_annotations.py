"""Tiny ImageNet: class folders with a folder of images, and a list of the validation labels."""

from pathlib import Path

import pytest

from tests.toys.images import encoded, picture
from trainer.data.prepare import prepare
from trainer.data.sources.folder import folder_source


def tiny_imagenet(root: Path, *lines: str) -> Path:
    for number, name in enumerate(("n01", "n02")):
        folder = root / "train" / name / "images"
        folder.mkdir(parents=True)
        (root / "train" / name / f"{name}_boxes.txt").write_text("n01_0.JPEG\t0\t0\t9\t9\n")
        for i in range(2):
            content = encoded(picture(10 * number + i), "JPEG")
            (folder / f"{name}_{i}.JPEG").write_bytes(content)
    validation = root / "val" / "images"
    validation.mkdir(parents=True)
    for i in range(3):
        (validation / f"val_{i}.JPEG").write_bytes(encoded(picture(50 + i), "JPEG"))
    (root / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    return root


LINES = ("val_0.JPEG\tn02\t0\t32\t44\t62", "val_1.JPEG\tn01\t52\t55\t57\t59", "val_2.JPEG\tn02")


def test_the_list_gives_the_labels_of_the_validation_split(tmp_path: Path) -> None:
    source = folder_source(tiny_imagenet(tmp_path, *LINES))
    assert "3 images labelled by a list of annotations" in source.notes[0]
    validation = source.open(tmp_path).splits["validation"]
    places = [Path(validation.where(i)).name for i in range(3)]
    assert dict(zip(places, validation.labels.tolist(), strict=True)) == {
        **{"val_0.JPEG": 1, "val_1.JPEG": 0, "val_2.JPEG": 1},
    }


def test_other_labels_are_another_cache(tmp_path: Path) -> None:
    data, cache = tiny_imagenet(tmp_path / "set", *LINES), tmp_path / "cache"
    before = prepare(str(data), 8, cache_dir=cache)
    text = "\n".join(LINES).replace("val_0.JPEG\tn02", "val_0.JPEG\tn01")
    (data / "val" / "val_annotations.txt").write_text(text)
    after = prepare(str(data), 8, cache_dir=cache)
    assert before.splits["validation"].labels.tolist() == [0, 1, 1]
    assert after.splits["validation"].labels.tolist() == [0, 0, 1]
    assert before.path != after.path


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("val_9.JPEG\tn01", r"line 2: .*val_9\.JPEG is no image"),
        ("../val_0.JPEG\tn01", "line 2: .* is no image"),
        ("val_0.JPEG\tn01", r"line 2 lists val_0\.JPEG again"),
        ("val_1.JPEG", "line 2 must have an image, a tab and a class"),
        ("val_1.JPEG\tn03", "split validation has class 'n03'"),
    ],
)
def test_a_wrong_line_is_an_error(tmp_path: Path, line: str, rule: str) -> None:
    root = tiny_imagenet(tmp_path, LINES[0], line)
    with pytest.raises(ValueError, match=rule):
        folder_source(root).open(tmp_path)
