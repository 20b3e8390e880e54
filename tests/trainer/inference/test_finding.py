"""Finding pictures: files, folders, tables and lists, and what is left out of them."""

import io
from pathlib import Path

import pytest

from trainer.inference.finding import find_pictures


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def below(root: Path, names: list[str]) -> list[str]:
    return [str(Path(name).relative_to(root)) for name in names]


def test_a_folder_stands_for_its_pictures_and_those_of_its_folders(tmp_path: Path) -> None:
    ignored = (".hidden.jpg", ".git/a.jpg", "__MACOSX/a.jpg", "Thumbs.db")
    files(tmp_path, "b.JPG", "a.png", "sub/deep/c.webp", "sub/photo.heic", *ignored)
    found = find_pictures([tmp_path])
    assert below(tmp_path, list(found.pictures.names)) == [
        "a.png",
        "b.JPG",
        "sub/deep/c.webp",
        "sub/photo.heic",  # which is reported when it is read
    ]
    assert found.notes == ()


def test_other_files_of_a_folder_are_left_out_with_a_note(tmp_path: Path) -> None:
    files(tmp_path, "a.png", "labels.csv", "sub/notes.txt")
    found = find_pictures([tmp_path])
    assert len(found.pictures) == 1
    (note,) = found.notes
    assert note.startswith(f"{tmp_path}: 2 files")
    assert note.endswith("labels.csv, sub/notes.txt")


def test_links_that_form_a_circle_end(tmp_path: Path) -> None:
    files(tmp_path, "sub/a.png")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    found = find_pictures([tmp_path])
    assert below(tmp_path, list(found.pictures.names)) == ["sub/a.png"]


def test_a_named_file_is_a_picture_whatever_its_name_is(tmp_path: Path) -> None:
    files(tmp_path, "photo", ".hidden", "a.dat")
    names = [tmp_path / name for name in ("photo", ".hidden", "a.dat")]
    assert list(find_pictures(names).pictures.paths) == names


def test_names_are_as_they_were_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, "photos/a.png", "[b].jpg")
    monkeypatch.chdir(tmp_path)
    assert list(find_pictures(["photos/", "./[b].jpg"]).pictures.names) == [
        "photos/a.png",
        "./[b].jpg",
    ]


def test_a_table_lists_files_relative_to_its_folder(tmp_path: Path) -> None:
    table = files(tmp_path, "set/images/a.png") / "set" / "list.csv"
    table.write_text("id;Image Path;label\n1;images/a.png;cat\n2; missing.png;dog\n3;;dog\n")
    found = find_pictures([table])
    assert list(found.pictures.names) == ["images/a.png", "missing.png"]
    folder = tmp_path / "set"
    assert list(found.pictures.paths) == [folder / "images/a.png", folder / "missing.png"]
    assert found.notes == (
        f"{table}: 1 of its rows names no file and is left out",
        f"{table}: the files are in column 'Image Path'",
    )


def test_the_only_column_of_a_table_has_the_files(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("which\na.png\n")
    assert list(find_pictures([table]).pictures.names) == ["a.png"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "needs a column file; its columns are: none"),
        ("label,size\ncat,3\n", "needs a column file; its columns are: label, size"),
        ("a.png\nb.png\n", r"needs a column file.*\(the first line must have their names\)"),
        ("path,image\na,b\n", "columns path and image may have the files"),
        ("file\n\n", "its column 'file' names no file"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"list\.csv: {message}"):
        find_pictures([tmp_path / "list.csv"])


def test_standard_input_lists_a_path_on_each_line_or_between_nul_characters() -> None:
    by_line = find_pictures(["-"], io.BytesIO(b"a.png\r\n\nb c.png\n"))
    assert list(by_line.pictures.names) == ["a.png", "b c.png"]
    by_nul = find_pictures(["-"], io.BytesIO(b"a\nb.png\0c.png\0"))
    assert list(by_nul.pictures.names) == ["a\nb.png", "c.png"]
    with pytest.raises(ValueError, match="standard input is empty"):
        find_pictures(["-"], io.BytesIO(b"\n"))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("missing.png", r"missing\.png: there is no such file or folder$"),
        ("digits", r"digits: there is no such file or folder \(a data set is given with --data"),
        ("", "must not be empty"),
        ("none", r"none: this folder holds no images$"),
        ("text", r"text: this folder holds no images; text: 1 file.*ignored: a\.txt$"),
        ("d.parquet", r"d\.parquet is a data set, which is given with --data"),
    ],
)
def test_a_wrong_path_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, message: str
) -> None:
    files(tmp_path, "none/.hidden.png", "text/a.txt", "d.parquet", "ok.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=message):
        find_pictures(["ok.png", word])
