"""nas-export: its files, its output and its errors."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file

from tests.toys.exported_model import exported_model
from tests.toys.model_hub import model_hub
from trainer.export.agreement import Agreement
from trainer.export.formats import FORMATS
from trainer.export_cli import main
from trainer.model_file import ModelFile, save_model

EXTRA = "pip install 'training-aware-nas[export]'"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, for reading."""
    folder = tmp_path_factory.mktemp("runs") / "[red] flowers"
    folder.mkdir()
    save_model(folder / "model.pt", exported_model())
    return folder


@pytest.mark.slow
def test_every_format_from_the_command_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", str(run), "--out", str(tmp_path / "a" / "b")]
    names = [name for name in FORMATS if name != "torchvision"]
    assert main([*words, "--to", ",".join(names)]) == 0
    out = capsys.readouterr().out
    for form in names:
        for name in FORMATS[form].files:
            path = tmp_path / "a" / "b" / name
            assert path.is_file()
            assert f"wrote {path} (" in out
    assert "largest difference from PyTorch's outputs: " in out  # of ONNX
    assert out.count("outputs equal PyTorch's (batches of 1, 3, 8)") == 2  # .pt2 and model.py


def test_files_go_into_the_folder_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = replace(exported_model(), multi_label=True)
    save_model(tmp_path / "model.pt", model)
    assert main(["--model", str(tmp_path / "model.pt"), "--to", "safetensors"]) == 0
    out, err = capsys.readouterr()
    path = tmp_path / "export" / "model.safetensors"
    assert torch.equal(load_file(path)["classifier.weight"], model.ema["classifier.weight"])
    assert f"network {model.architecture.key}, 5 classes, 20 px, averaged weights" in out
    assert f"  load it: safetensors.torch.load_file('{path}')" in out
    assert out.splitlines()[-1].startswith("next: README.md says how each file is used; the same ")
    note, *steps = err.splitlines()
    assert note.startswith("note: images of the training could have several classes")
    assert steps == ["exporting to safetensors ...", "writing the files ..."]


def test_other_weights_and_size_in_a_named_file(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.pt2"
    words = ["--model", str(run), "--to", "torch-export", "--out", str(path), "--json"]
    assert main([*words, "--weights", "raw", "--image-size", "24"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["weights"], record["image_size"]) == ("raw", 24)
    (form,) = record["formats"]
    assert form["files"] == [{"path": str(path), "bytes": path.stat().st_size}]
    assert form["agreement"]["largest_difference"] == 0
    images = torch.randint(0, 256, (2, 3, 24, 24), dtype=torch.uint8)
    module = eval(form["load"], {"torch": torch})  # the line for the user
    with torch.no_grad():
        expected = exported_model().network("raw")(images.float() * (1 / 127.5) - 1)
    assert torch.equal(module(images)[0], expected)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "onnx,jpeg"], "argument --to: must be of onnx, torch-export, .*, got 'jpeg'"),
        (["--to", ""], "argument --to: must be of .*, got ''"),
        (["--to", "model.py,torchvision"], "torchvision has no padding of TensorFlow"),
        (["--to", "onnx", "--image-size", "7"], "--image-size: must be at least 8"),
        (["--to", "onnx", "--out", "{out}/no/a.onnx"], "a.onnx: there is no folder .*no"),
        (["--to", "onnx", "--out", "{out}/a.pt2"], "--to onnx gives a .onnx file, or give a fol"),
        (
            ["--to", "onnx,safetensors", "--out", "{out}/a.onnx"],
            "a.onnx names one file, and --to onnx,safetensors gives 2; give a folder",
        ),
        (["--to", "safetensors", "--out", "{out}/note/a"], "note is a file, not a folder"),
        (["--to", "safetensors", "--out", "{run}/model.pt"], "gives a .safetensors file"),
        (["--to", "onnx", "--model", "{out}"], "this folder holds no model.pt"),
        (["--to", "onnx", "--model", "{out}/b"], "no such model file or folder of a training"),
        (["--to", "onnx", "--model", "{out}/note"], "note: damaged, or no file of torch.save"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    (tmp_path / "note").write_text("some words")
    given = [word.format(out=tmp_path, run=run) for word in words]
    before = sorted(run.iterdir())
    try:
        code: object = main(["--model", str(run), *given])
    except SystemExit as stopped:
        code = stopped.code
    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    (error,) = [line for line in err.splitlines() if not line.endswith(" ...")]
    assert error.startswith("nas-export: ")
    assert re.search(message, error)
    assert [path.name for path in tmp_path.iterdir()] == ["note"]
    assert sorted(run.iterdir()) == before


@pytest.mark.parametrize(
    ("to", "library"),
    [("onnx", "onnx"), ("onnx", "onnxscript"), ("safetensors", "safetensors")],
)
def test_a_missing_library_names_the_extra(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    to: str,
    library: str,
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    words = ["--model", str(run), "--to", f"torch-export,{to}", "--out", str(tmp_path / "a")]
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"nas-export: this export needs {library}, which is not installed; "
        f"install it with: {EXTRA}\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_export_with_other_outputs_is_not_written(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def other(model: ModelFile, out: Path) -> Agreement:
        raise ValueError("model.pt2: its outputs differ")

    monkeypatch.setitem(FORMATS, "torch-export", replace(FORMATS["torch-export"], agreement=other))
    words = ["--model", str(run), "--to", "safetensors,torch-export", "--out", str(tmp_path / "a")]
    assert main(words) == 2
    assert capsys.readouterr().err.endswith("nas-export: model.pt2: its outputs differ\n")
    assert list(tmp_path.iterdir()) == []


def test_the_card_is_beside_the_files_and_says_how_to_use_them(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--model", str(run), "--to", "model.py", "--out", str(tmp_path)]
    assert main(words) == 0
    card = tmp_path / "README.md"
    assert f"wrote {card} (model card)" in capsys.readouterr().out
    assert "### model.py, model_weights.pt" in card.read_text()
    card.write_text("mine")
    assert main([*words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["card"] == str(tmp_path / "README.nas-export.md")
    assert record["uploaded_to"] is None
    assert card.read_text() == "mine"


def test_a_named_file_has_no_card(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.safetensors"
    assert main(["--model", str(run), "--to", "safetensors", "--out", str(out)]) == 0
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")
def test_files_and_card_are_uploaded(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--model", str(run), "--to", "model.py", "--out", str(tmp_path)]
    with model_hub() as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        monkeypatch.setenv("HF_TOKEN", served.token)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        assert main([*words, "--push-to", "me/flowers"]) == 0
    out, err = capsys.readouterr()
    assert f"uploaded to {served.url}/me/flowers" in out
    assert "uploading 3 files to me/flowers ..." in err.splitlines()
    names = ("README.md", "model.py", "model_weights.pt")
    assert served.files == {f"me/flowers/{name}": (tmp_path / name).read_bytes() for name in names}


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--public"], "--public needs --push-to"),
        (["--push-to", "flowers"], "--push-to must be owner/name, got 'flowers'"),
    ],
)
def test_an_upload_is_checked_before_anything_is_written(
    flags: list[str],
    reason: str,
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["--model", str(run), "--to", "model.py", "--out", str(tmp_path / "out")]
    assert main([*words, *flags]) == 2
    assert capsys.readouterr().err == f"nas-export: {reason}\n"
    assert not (tmp_path / "out").exists()


def test_a_named_file_is_not_uploaded(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.safetensors"
    words = ["--model", str(run), "--to", "safetensors", "--out", str(out)]
    assert main([*words, "--push-to", "me/flowers"]) == 2
    assert "--push-to uploads a folder" in capsys.readouterr().err
    assert not out.exists()
