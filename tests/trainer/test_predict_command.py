"""nas-predict: what it prints where, its exit codes, and its errors."""

import csv
import io
import json
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
import torch

from tests.toys.images import class_folders, encoded, picture
from tests.toys.model import CLASSES, toy_model
from trainer.device.gate import DeviceGate
from trainer.model_file import save_model
from trainer.predict_cli import main
from trainer.preprocessing import Preprocessing


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a model, good pictures and bad ones."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "run").mkdir()
    save_model(folder / "run" / "model.pt", toy_model())
    class_folders(folder / "photos", {"a": 2, "b": 1})
    (folder / "bad").mkdir()
    for number in range(12):
        (folder / "bad" / f"{number:02}[red]\x1b.png").write_bytes(b"text")
    (folder / "bad" / "notes.txt").touch()
    (folder / "list.csv").write_text("file\nphotos/b/0.png\ngone.png\n")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture(autouse=True)
def _here(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "caches"))
    # The gate of the device too, so that timers of other programs are not waited for.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))


def run(*words: str) -> int:
    return main(["--model", "run", "--device", "cpu", "--threads", "1", *words])


def test_a_table_of_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("photos", "--top-k", "2") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0].strip() == "run: 3 classes, 16 px"
    assert max(map(len, lines)) <= 80
    assert all(f"photos/{name}.png" in printed.out for name in ("a/0", "a/1", "b/0"))
    assert printed.out.count("%") == 6


def test_csv_and_json_have_the_same_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("photos", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert run("--json", "photos") == 0
    records = json.loads(capsys.readouterr().out)
    assert [row["image"] for row in rows] == [record["image"] for record in records]
    for row, record in zip(rows, records, strict=True):
        assert row["prediction"] == record["prediction"]
        assert float(row["probability_3"]) == record["classes"][2]["probability"]
        assert {one["class"] for one in record["classes"]} == set(CLASSES)


def test_paths_may_come_before_and_after_flags(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("photos/a/0.png", "--format", "csv", "photos/b/0.png") == 0
    assert capsys.readouterr().out.count("\n") == 3


def test_a_table_of_files_and_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = io.TextIOWrapper(io.BytesIO(b"photos/a/1.png\n"))
    monkeypatch.setattr(sys, "stdin", typed)
    assert run("list.csv", "-", "--format", "csv") == 0
    printed = capsys.readouterr()
    images = [row["image"] for row in csv.DictReader(io.StringIO(printed.out))]
    assert images == ["photos/b/0.png", "photos/a/1.png"]
    assert printed.err.splitlines() == [
        "not predicted: gone.png: there is no such file",
        "nas-predict: 1 of 3 images cannot be read",
    ]


def test_a_data_set_by_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data", "photos", "--format", "csv") == 0
    printed = capsys.readouterr()
    assert "photos" not in printed.out  # names are relative to the data set
    assert printed.out.splitlines()[1].startswith("a/0.png,")
    assert "note: the images are those of split train" in printed.err


def test_every_batch_passes_the_gate_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    gates: list[DeviceGate | None] = []

    def turn(device: torch.device, gate: DeviceGate | None) -> AbstractContextManager[None]:
        assert device.type == "cpu"
        gates.append(gate)
        return nullcontext()

    monkeypatch.setattr("trainer.inference.outputs.device_turn", turn)
    assert run("photos", "--batch-size", "1") == 0
    assert len(gates) >= 3
    assert None not in gates


def test_unreadable_images_are_counted_and_some_are_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("bad", "photos", "--format", "csv") == 0
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1 + 3
    lines = printed.err.splitlines()
    assert lines[0].startswith("note: bad: 1 file among the images")
    reason = "it seems to be text, not a picture"
    assert lines[1] == f"not predicted: bad/00[red]\\x1b.png: {reason}"
    assert len(lines) == 1 + 10 + 2
    assert lines[-2:] == [
        "not predicted: 2 further images",
        "nas-predict: 12 of 15 images cannot be read",
    ]


def test_without_a_readable_image_nothing_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run("bad", "--output", str(tmp_path / "out.csv")) == 1
    assert run("bad", "--json") == 1
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "flags", "start"),
    [
        ("out.csv", [], "image,prediction,probability"),
        ("out.json", [], "[\n{"),
        ("out.txt", [], "run: 3 classes, 16 px"),
        ("out", ["--json"], "[\n{"),
    ],
)
def test_results_in_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, flags: list[str], start: str
) -> None:
    path = tmp_path / name
    assert run("photos", "--output", str(path), *flags) == 0
    assert path.read_text().startswith(start)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == f"wrote {path}: 3 images\n"


def test_notes_on_the_model_are_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = Preprocessing(decoded_size=16, decoding=1)
    save_model(tmp_path / "old.pt", toy_model(preprocessing=old, multi_label=True))
    (tmp_path / "a.png").write_bytes(encoded(picture()))
    words = [str(tmp_path / "a.png"), "--format", "csv", "--device", "cpu"]
    assert main(["--model", str(tmp_path / "old.pt"), *words]) == 0
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("note: the model is of an earlier version of this program")
    assert second.startswith("note: images of the training could have several classes")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "run"], "there is nothing to predict; give image files"),
        (["--model", "run", "photos", "gone.png"], "gone.png: there is no such file or folder"),
        (["--model", "run", "empty"], "empty: this folder holds no images"),
        (["--model", "empty", "photos"], "empty: this folder holds no model.pt"),
        (["--model", "list.csv", "photos"], "list.csv"),
        (["--model", "run", "photos", "--data", "digits"], "give paths of images or --data"),
        (["--model", "run", "photos", "--split", "test"], "--split needs --data"),
        (["--model", "run", "--data", "photos", "--split", "test"], "only train"),
        (["--model", "run", "--data", "no-set"], "'no-set' does not exist"),
        (["--model", "run", "photos", "--device", "tpu"], "--device must be"),
        (["--model", "run", "photos", "--output", "empty"], "--output empty is a folder"),
        (["--model", "run", "photos", "--output", "no/out.csv"], "there is no folder no"),
        (["--model", "run", "photos", "--output", "out.xlsx"], "--format chooses"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("nas-predict: ")
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""
