"""A folder with a labels.csv, which lists the classes of every image."""

from pathlib import Path

import numpy as np
import pytest

from tests.toys.images import encoded, labels_file, picture
from trainer.config import ReadingConfig
from trainer.data.prepare import prepare
from trainer.data.sources.labels_file import labels_file_source
from trainer.data.sources.source import OpenedSource

ROWS = [
    ("a/1.png", "dog;cat", "train"),
    ("a/b/2.png", "cat", "train"),
    ("3.png", " emu ; dog;cat; dog;", "train"),
    ("4.png", "emu", "val"),
]


def opened(root: Path) -> OpenedSource:
    return labels_file_source(root).open(root)


def test_labels_are_padded_rows_of_positions(tmp_path: Path) -> None:
    source = opened(labels_file(tmp_path, ROWS, "file,labels,split"))
    assert source.class_names == ("cat", "dog", "emu")
    assert list(source.splits) == ["train", "validation"]
    train, validation = source.splits["train"], source.splits["validation"]
    assert train.labels.tolist() == [[0, 1, -1], [0, -1, -1], [0, 1, 2]]
    assert validation.labels.tolist() == [[2]]
    assert train.read(1, 2) == [encoded(picture(1))]
    assert train.where(1) == str(tmp_path / "a" / "b" / "2.png")


def test_without_a_split_all_are_for_training_and_the_rest_is_ignored(tmp_path: Path) -> None:
    rows = [(f"{i}.png", "x", label) for i, label in enumerate(("a", "b", "a;b"))]
    labels_file(tmp_path, rows, "file,url,labels")
    (tmp_path / "unnamed.png").write_bytes(b"x")
    with (tmp_path / "labels.csv").open("a") as file:
        file.write("\n")
    source = opened(tmp_path)
    assert list(source.splits) == ["train"]
    assert source.splits["train"].labels.tolist() == [[0, -1], [1, -1], [0, 1]]


def test_quoted_cells_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    labels_file(tmp_path, [("1.png", "x"), ("2.png", "x")])
    text = '\ufeff,file,labels\r\n0,1.png,"cat, black;dog"\r\n1,2.png,dog\r\n'
    (tmp_path / "labels.csv").write_bytes(text.encode())
    assert opened(tmp_path).class_names == ("cat, black", "dog")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "needs the columns file and labels, lacks file and labels.*are: none"),
        ("url,age,size\n1.png,a,b\n", "lacks file and labels; its columns are: url, age, size"),
        ("1.png,a\n2.png,b\n", "lacks file and labels.* first line must have their names"),
        ("file,file,labels\n1.png,a,b\n", "has two columns called 'file'"),
        (
            "image,label,class\n1.png,a,b\n",
            "columns label and class may have the labels; .* its columns are: image, label, class",
        ),
        ("file,labels\n", "names no image for training"),
        ("file,labels,split\n1.png,a,test\n", "names no image for training"),
        ("file,labels\n1.png,a\n2.png, ;\n", r"line 3: 2\.png has no label"),
        (
            "file,labels,split\n1.png,a,train\n2.png,b,val\n3.png,,val\n",
            r"line 4: 3\.png has no label",
        ),
        (f"file,labels\n{'x' * 5000},a\n", "1 of its 1 files are missing"),
        ("file,labels\n1.png\n", "line 2 has 1 cell, and the header 2"),
        ("file,labels\n1.png,a,b\n", "line 2 has 3 cells, and the header 2"),
        ("file,labels\n../1.png,a\n", r"line 2: file must be a place below.*'\.\./1\.png'"),
        ("file,labels\n/1.png,a\n", "line 2: file must be a place below"),
        ("file,labels\n,a\n", "line 2: file must be a place below"),
        ("file,labels,split\n1.png,a,mine\n", "line 2: split must be one of train, .*'mine'"),
        ("file,labels,split\n1.png,a,trian\n", r"line 2: split must be .*did you mean train\?"),
        (
            "file,labels,split\n1.png,a,train\n2.png,a,val\n3.png,a,valid\n",
            "column split has two validation splits, val and valid",
        ),
        ("file,labels\n1.png,a\n1.png,b\n", r"1\.png is named twice, in lines 2 and 3"),
        ("file,labels\n1.png,a\n./1.png,b\n", r"1\.png is named twice"),
        ("file,labels\n1.png,a\n9.png,b\n8.png,a\n", r"2 of its 3 files.*line 3, 9\.png"),
        ('file,labels\n1.png,"a\n', "cannot be read as CSV"),
        ("file,labels\n1.png,\udcff\n", "line 2 is not UTF-8 text; save the file as UTF-8"),
        ("file,labels\n1.png,a\0\n", "line 2 has the character NUL"),
        ("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer; git lfs pull fetches"),
        ("file labels\n1.png a\n", "its columns are: file labels .columns are separated by"),
        ("# made by me\nfile,labels\n", "line 2 has 2 cells, and the header 1"),
        ("file,labels\n1.png,1.0\n2.png,nan\n3.png,2.0\n", r"line 3: 2\.png has no label"),
        ("file,cat,dog\n1.png,1,0\n2.png,0,0\n", r"line 3: 2\.png has no label"),
        ("file,cat,dog\n1.png,1,0\n2.png,0,2\n", "lacks labels; its columns are: file, cat, dog"),
        ("file,labels\n\x1b[31m.png,a\n1.png,b\n", r"first: line 2, \\x1b\[31m\.png"),
        ("file,labels\n1.png,a\n2.png,a\n", "at least 2 classes, got one: 'a'"),
        (
            "file,labels,split\n1.png,a,train\n2.png,b;c,train\n3.png,d,test\n",
            "split test has class 'd', which the training split lacks",
        ),
    ],
)
def test_errors_are_one_line_that_names_the_place(tmp_path: Path, text: str, rule: str) -> None:
    for name in "123":
        (tmp_path / f"{name}.png").write_bytes(encoded(picture()))
    (tmp_path / "labels.csv").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=rule) as error:
        opened(tmp_path)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_the_cache_keeps_the_rows_and_follows_the_labels(tmp_path: Path) -> None:
    data = labels_file(tmp_path / "data", ROWS, "file,labels,split")
    images = prepare(str(data), 8, cache_dir=tmp_path / "cache")
    train = images.splits["train"]
    assert images.multi_label
    assert train.labels.dtype == np.int64
    assert train.labels.tolist() == [[0, 1, -1], [0, -1, -1], [0, 1, 2]]
    assert prepare(str(data), 8, cache_dir=tmp_path / "cache").path == images.path
    labels_file(data, [*ROWS[:3], ("4.png", "cat", "val")], "file,labels,split")
    changed = prepare(str(data), 8, cache_dir=tmp_path / "cache")
    assert changed.path != images.path
    assert changed.splits["validation"].labels.tolist() == [[0]]


def test_one_label_an_image_makes_a_data_set_of_one_class_an_image(tmp_path: Path) -> None:
    rows = [("1.png", "a", "train"), ("2.png", "b;b", "train"), ("3.png", "b", "val")]
    source = opened(labels_file(tmp_path, rows, "file,labels,split"))
    assert source.splits["train"].labels.tolist() == [0, 1]
    assert source.splits["validation"].labels.tolist() == [1]


def test_one_image_of_several_classes_decides_for_all_splits(tmp_path: Path) -> None:
    rows = [("1.png", "a", "train"), ("2.png", "b", "train"), ("3.png", "a;b", "val")]
    source = opened(labels_file(tmp_path, rows, "file,labels,split"))
    assert source.splits["train"].labels.tolist() == [[0], [1]]
    assert source.splits["validation"].labels.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    "content",
    [
        b'file;labels\r\n1.png;x\r\n2.png;"x;y"\r\n',
        b"file\tlabels\n1.png\tx\n2.png\tx;y\n",
        "file,labels\n1.png,x\n2.png,x;y\n".encode("utf-16"),
        'file,labels,"a, comment"\n1.png,x,\n2.png,"x;y",\n'.encode("utf-8-sig"),
        b" file , labels \n1.png,x\n2.png,x;y\n",
        b'file, labels\n"1.png", "x"\n"2.png", "x;y"\n',
        b"file|labels\n1.png|x\n2.png|x;y\n",
        b'sep=;\nfile;labels\n1.png;x\n2.png;"x;y"\n',
        b"\n\nfile,labels\n\n1.png,x\n2.png,x;y\n",
        b"file,labels\n1.png,x,\n2.png,x;y,,\n",
        b",,file,labels\n0,0,1.png,x\n1,1,2.png,x;y\n",
        b"fname,y,x\n1.png,0,1\n2.png,1,1\n",
    ],
)
def test_tables_of_spreadsheets_are_read(tmp_path: Path, content: bytes) -> None:
    labels_file(tmp_path, [("1.png", "x"), ("2.png", "x")])
    (tmp_path / "labels.csv").write_bytes(content)
    assert opened(tmp_path).splits["train"].labels.tolist() == [[0, -1], [0, 1]]


def test_a_line_with_unquoted_separators_is_explained(tmp_path: Path) -> None:
    labels_file(tmp_path, [("1.png", "x")])
    (tmp_path / "labels.csv").write_text("file;labels\n1.png;x;y\n")
    with pytest.raises(ValueError, match=r"line 2 has 3 cells.* ';' must be in quotes"):
        opened(tmp_path)


@pytest.mark.parametrize("cell", ["A\\B.PNG", "a/b.png", "A/b", "b", "{root}/a/B.png"])
def test_files_are_found_in_other_spellings(tmp_path: Path, cell: str) -> None:
    labels_file(tmp_path, [("a/B.png", "x"), ("2.png", "y")])
    text = f"file,labels\n{cell.format(root=tmp_path)},x\n2.png,y\n"
    (tmp_path / "labels.csv").write_text(text)
    source = labels_file_source(tmp_path)
    assert [*source.files] == ["train/a/B.png", "train/2.png"]
    is_found_by_name = "{root}" not in cell
    assert bool(source.notes) == is_found_by_name


def test_a_group_column_keeps_images_together(tmp_path: Path) -> None:
    rows = [("1.png", "x", "p1"), ("2.png", "y", "p2"), ("3.png", "x", "p1"), ("4.png", "y", "")]
    data = labels_file(tmp_path, rows, "file,labels,patient")
    source = labels_file_source(data, ReadingConfig(group_column="patient"))
    groups = source.open(tmp_path).splits["train"].groups
    assert groups is not None
    assert groups.tolist() == [0, 1, 0, 2]
    assert source.notes == ("images with the same 'patient' stay together: 3 groups in train",)
    with pytest.raises(ValueError, match=r"no column 'patent' .*did you mean patient\?.*columns"):
        labels_file_source(data, ReadingConfig(group_column="patent"))
    labels_file(tmp_path, rows, "file,labels,group")
    assert labels_file_source(data).open(tmp_path).splits["train"].groups is not None


@pytest.mark.parametrize("secret", ["", "-1"])
def test_a_split_without_labels_is_ignored_with_a_note(tmp_path: Path, secret: str) -> None:
    rows = [("1.png", "a", "train"), ("2.png", "b", "train"), ("3.png", secret, "test")]
    source = labels_file_source(labels_file(tmp_path, rows, "file,labels,split"))
    assert [*source.files] == ["train/1.png", "train/2.png"]
    assert source.notes == ("split test has no labels, and is not used",)


def test_a_table_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.data.sources.csv_table.MAX_BYTES", 2**20)
    (tmp_path / "labels.csv").write_bytes(b"file,labels\n" + b"\n" * 2**20)
    with pytest.raises(ValueError, match=r"labels\.csv is larger than 1 MiB, and is not read"):
        opened(tmp_path)


def test_a_column_for_each_class(tmp_path: Path) -> None:
    labels_file(tmp_path, [("1.png", "x"), ("2.png", "x"), ("3.png", "x")])
    text = "image_id,healthy,rust,patient\n1.png,1.0,0.0,7\n2.png,0.0,1.0,7\n3.png,1.0,0.0,8\n"
    (tmp_path / "labels.csv").write_text(text)
    source = labels_file_source(tmp_path, ReadingConfig(group_column="patient"))
    train = source.open(tmp_path).splits["train"]
    assert source.open(tmp_path).class_names == ("healthy", "rust")
    assert train.labels.tolist() == [0, 1, 0]
    assert train.groups is not None
    assert train.groups.tolist() == [0, 0, 1]
    assert "2 columns with 0 and 1: healthy, rust" in source.notes[0]


def test_numbers_that_pandas_wrote_are_whole_numbers_in_every_split(tmp_path: Path) -> None:
    rows = [("1.png", "0.0", "train"), ("2.png", "10.0", "train"), ("3.png", "10", "test")]
    source = opened(labels_file(tmp_path, rows, "file,labels,split"))
    assert source.class_names == ("0", "10")
    assert source.splits["test"].labels.tolist() == [1]


def test_nan_among_words_is_a_class_with_a_note(tmp_path: Path) -> None:
    labels_file(tmp_path, [("1.png", "cat"), ("2.png", "nan")])
    source = labels_file_source(tmp_path)
    assert source.open(tmp_path).class_names == ("cat", "nan")
    assert "'nan' is a class like others" in source.notes[0]


@pytest.mark.parametrize("column", ["is_valid", "is_val"])
def test_a_column_that_says_which_images_are_for_validation(tmp_path: Path, column: str) -> None:
    rows = [("1.png", "a", "False"), ("2.png", "b", "False"), ("3.png", "a", "True")]
    source = opened(labels_file(tmp_path, rows, f"fname,labels,{column}"))
    assert source.splits["train"].labels.tolist() == [0, 1]
    assert source.splits["validation"].labels.tolist() == [0]


def test_rows_of_a_third_validation_split_are_ignored_with_a_note(tmp_path: Path) -> None:
    splits = ("train", "train", "dev", "eval", "test")
    rows = [(f"{i}.png", "ab"[i % 2], split) for i, split in enumerate(splits)]
    source = labels_file_source(labels_file(tmp_path, rows, "file,labels,split"))
    assert {name: len(files.paths) for name, files in source.splits.items()} == {
        **{"train": 2, "validation": 1, "test": 1},
    }
    assert source.splits["validation"].paths == [tmp_path / "2.png"]
    assert source.notes == ("dev is the validation split, and eval is ignored",)


def test_accents_in_another_coding_are_the_same_name(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9.png", "cafe\u0301.png"
    labels_file(tmp_path, [(decomposed, "x"), ("2.png", "y")])
    (tmp_path / "labels.csv").write_text(f"file,labels\n{composed},x\n2.png,y\n", encoding="utf-8")
    assert opened(tmp_path).splits["train"].where(0) == str(tmp_path / decomposed)
