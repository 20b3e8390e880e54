import socket
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest

from tests.toys.images import encoded, image_cells, parquet, picture
from trainer.config import ReadingConfig
from trainer.data.sources.huggingface import parquet_source
from trainer.data.sources.source import OpenedSource


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def opened(path: Path) -> OpenedSource:
    return parquet_source(path).open(path.parent / "scratch")


def with_class_names(path: Path, names: list[str], labels: list[int]) -> Path:
    """Write a file with declared features, as Hugging Face does."""
    features = datasets.Features(
        {"picture": datasets.Image(), "kind": datasets.ClassLabel(names=names)}
    )
    columns = {"picture": image_cells(len(labels)), "kind": labels}
    path.parent.mkdir(parents=True, exist_ok=True)
    table = datasets.Dataset.from_dict(columns, features=features)
    pq.write_table(table.data.table, path)
    return path


def test_columns_are_found_by_their_declared_features(tmp_path: Path) -> None:
    names = ["zebra", "ape"]
    source = opened(with_class_names(tmp_path / "a.parquet", names, [0, 1, 1, 0]))
    assert source.class_names == ("zebra", "ape")  # as declared, not sorted
    train = source.splits["train"]
    assert train.labels.tolist() == [0, 1, 1, 0]
    assert train.read(1, 3) == [encoded(picture(1)), encoded(picture(2))]
    assert train.where(2).endswith("a.parquet, split train, row 2")


@pytest.mark.parametrize("image", ["image", "img"])
@pytest.mark.parametrize("label", ["label", "labels", "fine_label"])
def test_columns_are_found_by_their_usual_names(tmp_path: Path, image: str, label: str) -> None:
    columns = {
        image: [cell["bytes"] for cell in image_cells(4)],
        label: [7, 3, 3, 7],
        "id": "abcd",
    }
    source = opened(parquet(tmp_path / "x.parquet", columns))
    assert source.class_names == ("3", "7")
    assert source.splits["train"].labels.tolist() == [1, 0, 0, 1]


def test_words_may_be_labels(tmp_path: Path) -> None:
    columns = {"image": image_cells(4), "label": ["dog", "cat", "cat", "dog"]}
    source = opened(parquet(tmp_path / "x.parquet", columns))
    assert source.class_names == ("cat", "dog")


@pytest.mark.parametrize("place", ["", "data"])
def test_a_folder_is_split_by_the_names_of_its_files(tmp_path: Path, place: str) -> None:
    root = tmp_path / "odd [name] *"
    pairs = {"image": image_cells(2), "label": [0, 1]}
    for name in ("train-00000-of-00002", "train-00001-of-00002", "val", "test_0"):
        parquet(root / place / f"{name}.parquet", pairs)
    (root / place / "._train.parquet").write_bytes(b"hidden")
    source = parquet_source(root).open(tmp_path / "scratch")
    sizes = {split: len(part.labels) for split, part in source.splits.items()}
    assert sizes == {"train": 4, "validation": 2, "test": 2}
    assert not [path for path in root.rglob("*") if path.is_file() and path.suffix != ".parquet"]


@pytest.mark.parametrize("place", ["", "data"])
def test_files_may_be_in_folders_of_the_splits(tmp_path: Path, place: str) -> None:
    pairs = {"image": image_cells(2), "label": [0, 1]}
    for name in ("training/0000", "training/0001", "Validation/x"):
        parquet(tmp_path / "set" / place / f"{name}.parquet", pairs)
    source = parquet_source(tmp_path / "set").open(tmp_path / "scratch")
    sizes = {split: len(part.labels) for split, part in source.splits.items()}
    assert sizes == {"train": 4, "validation": 2}


def test_class_names_join_splits_whose_numbers_differ(tmp_path: Path) -> None:
    with_class_names(tmp_path / "train.parquet", ["ape", "bee"], [0, 0, 1, 1])
    with_class_names(tmp_path / "test.parquet", ["bee", "ape"], [0, 1])
    assert opened(tmp_path).splits["test"].labels.tolist() == [1, 0]


def test_a_declared_class_without_images_is_left_out(tmp_path: Path) -> None:
    names = ["ape", "unused", "bee"]
    source = opened(with_class_names(tmp_path / "a.parquet", names, [2, 0, 0, 2]))
    assert source.class_names == ("ape", "bee")
    assert source.splits["train"].labels.tolist() == [1, 0, 0, 1]


def test_a_test_split_with_secret_labels_is_ignored(tmp_path: Path) -> None:
    with_class_names(tmp_path / "train.parquet", ["ape", "bee"], [0, 0, 1, 1])
    with_class_names(tmp_path / "test.parquet", ["ape", "bee"], [-1, -1])
    assert list(opened(tmp_path).splits) == ["train"]


def test_a_test_split_without_the_column_of_labels_is_ignored_with_a_note(
    tmp_path: Path,
) -> None:
    parquet(tmp_path / "train.parquet", {"image": image_cells(2), "label": [0, 1]})
    parquet(tmp_path / "test.parquet", {"image": image_cells(2), "id": [0, 1]})
    source = opened(tmp_path)
    assert list(source.splits) == ["train"]
    assert source.notes == ("split test has no column of labels, and is not used",)


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ([0, 1, None, 0], "row 2: there is no label"),
        ([0.5, 1.0, 0.5, 1.0], "labels must be whole numbers or words, got float"),
        ([1, 1, 1, 1], "at least 2 classes, got one: '1'"),
    ],
)
def test_faulty_labels_are_rejected(tmp_path: Path, labels: list[Any], rule: str) -> None:
    path = parquet(tmp_path / "x.parquet", {"image": image_cells(4), "label": labels})
    with pytest.raises(ValueError, match=rule) as error:
        opened(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([2.0, 1.0, 2.0, 1.0], ("1", "2")),  # as pandas writes whole numbers
        ([True, False, True, False], ("False", "True")),
        ([7, 2, 7, 40], ("2", "7", "40")),
    ],
)
def test_numbers_of_other_types_may_be_labels(
    tmp_path: Path, labels: list[Any], names: tuple[str, ...]
) -> None:
    path = parquet(tmp_path / "x.parquet", {"image": image_cells(4), "label": labels})
    assert opened(path).class_names == names


@pytest.mark.parametrize("missing", [None, float("nan"), " "])
def test_a_missing_label_names_its_row(tmp_path: Path, missing: Any) -> None:
    labels = ["a", "b", missing] if missing == " " else [1.0, 2.0, missing]
    path = parquet(tmp_path / "x.parquet", {"image": image_cells(3), "label": labels})
    with pytest.raises(ValueError, match="row 2: there is no label"):
        opened(path)


def test_a_file_without_rows_says_so(tmp_path: Path) -> None:
    path = parquet(tmp_path / "train.parquet", {"image": [], "label": []})
    with pytest.raises(ValueError, match=r"train\.parquet has no rows for training"):
        opened(path)
    parquet(tmp_path / "train.parquet", {"image": image_cells(2), "label": [0, 1]})
    parquet(tmp_path / "test.parquet", {"image": [], "label": []})
    assert list(opened(tmp_path).splits) == ["train"]


def test_among_several_files_the_faulty_one_is_named(tmp_path: Path) -> None:
    parquet(tmp_path / "train-0.parquet", {"image": image_cells(2), "label": [0, 1]})
    parquet(tmp_path / "train-1.parquet", {"image": image_cells(2), "class": [0, 1]})
    rule = (
        r"train-1\.parquet has the columns image, class, but .*train-0\.parquet has image, label"
    )
    with pytest.raises(ValueError, match=rule):
        opened(tmp_path)
    (tmp_path / "train-1.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match=r"train-1\.parquet is empty"):
        opened(tmp_path)
    path = parquet(tmp_path / "train-1.parquet", {"image": image_cells(2), "label": [0, 1]})
    content = bytearray(path.read_bytes())
    content[4:40] = bytes(36)  # the first page, but not the description at the end
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"train-1\.parquet cannot be read as parquet"):
        opened(tmp_path)


def test_a_label_beyond_the_declared_classes_is_rejected(tmp_path: Path) -> None:
    path = with_class_names(tmp_path / "x.parquet", ["ape", "bee"], [0, 1, -1, 0])
    with pytest.raises(ValueError, match=r"row 2: label must be in 0\.\.1, got -1"):
        opened(path)


def test_a_class_that_training_lacks_is_rejected(tmp_path: Path) -> None:
    parquet(tmp_path / "train.parquet", {"image": image_cells(4), "label": list("aabb")})
    parquet(tmp_path / "test.parquet", {"image": image_cells(2), "label": list("ac")})
    with pytest.raises(ValueError, match="split test has class 'c', which the training split"):
        opened(tmp_path)


def test_unknown_columns_are_listed(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x.parquet", {"jpg": [b"x"], "cls": [1]})
    with pytest.raises(ValueError, match=r"no column known as the image.*are: jpg, cls"):
        opened(path)
    path = parquet(tmp_path / "y.parquet", {"image": [b"x"], "cls": [1]})
    with pytest.raises(ValueError, match=r"no column known as the label.*are: image, cls"):
        opened(path)


def test_a_file_that_names_no_split_is_rejected(tmp_path: Path) -> None:
    parquet(tmp_path / "birds.parquet", {"a": [1]})
    with pytest.raises(ValueError, match=r"birds\.parquet must be named after its split"):
        parquet_source(tmp_path)


def test_a_file_of_no_split_next_to_others_is_ignored_with_a_note(tmp_path: Path) -> None:
    for name in ("train", "birds"):
        parquet(tmp_path / f"{name}.parquet", {"image": image_cells(2), "label": [0, 1]})
    source = parquet_source(tmp_path)
    assert [*source.files] == ["train/0"]
    assert source.notes == ("1 parquet file of no split is ignored: birds.parquet",)
    with pytest.raises(ValueError, match=r"birds\.parquet must be named after its split"):
        parquet_source(tmp_path, ReadingConfig(strict=True))


def test_a_folder_without_training_files_is_rejected(tmp_path: Path) -> None:
    parquet(tmp_path / "test.parquet", {"a": [1]})
    with pytest.raises(ValueError, match="no parquet file whose name begins with train"):
        parquet_source(tmp_path)


def test_a_file_that_is_no_parquet_is_rejected_by_name(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"anything but parquet")
    with pytest.raises(ValueError, match=r"x\.parquet cannot be read as parquet: .*magic"):
        opened(path)
    assert capfd.readouterr().err == ""  # the library's message is not shown


def test_images_that_are_not_encoded_are_rejected(tmp_path: Path) -> None:
    columns = {"image": ["a.png"] * 4, "label": [0, 0, 1, 1]}
    train = opened(parquet(tmp_path / "x.parquet", columns)).splits["train"]
    with pytest.raises(ValueError, match="images must be stored as encoded bytes, got str"):
        train.read(0, 4)


def test_the_library_settings_are_restored(tmp_path: Path) -> None:
    bars, level = datasets.are_progress_bars_disabled(), datasets.logging.get_verbosity()
    columns = {"image": image_cells(4), "label": [0, 0, 1, 1]}
    opened(parquet(tmp_path / "x.parquet", columns))
    assert datasets.are_progress_bars_disabled() == bars
    assert datasets.logging.get_verbosity() == level
