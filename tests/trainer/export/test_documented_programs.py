"""The programs in docs/export.md run, with the pixels and probabilities of nas-predict."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images
from torch import Tensor

from tests.toys.exported_model import CLASSES
from trainer.config import Fit
from trainer.data.cache.decode import decode
from trainer.data.cache.images import DECODING_VERSION
from trainer.model_file import ModelFile
from trainer.predict import Classifier
from trainer.preprocessing import Preprocessing, central_crop, resized

DOCS = Path(__file__).parents[3] / "docs" / "export.md"
Pixels = npt.NDArray[np.uint8]


def program(heading: str, number: int = 0) -> str:
    """Return a block of Python code below a heading of the page."""
    section = DOCS.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks: list[str] = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return blocks[number]


def run(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(code, str(DOCS), "exec"), names)
    return names


@pytest.fixture
def here(out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with the exported files and a picture."""
    for path in out.iterdir():
        shutil.copy(path, tmp_path)
    photo().save(tmp_path / "picture.jpg", quality=95)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def photo() -> Image.Image:
    """Return a part of scikit-learn's photograph of a temple, 40 x 30 pixels."""
    return Image.fromarray(load_sample_images().images[0]).resize((40, 30))


def sideways(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the orientation: turned by 90 degrees
    photo().save(path, exif=exif)


def large(path: Path) -> None:
    Image.fromarray(load_sample_images().images[1]).save(path, quality=95)


def given_preprocessing(here: Path, preprocessing: Preprocessing, image_size: int) -> None:
    """Make model.onnx say that its pictures are read in another way."""
    graph = onnx.load(here / "model.onnx")
    values = {entry.key: entry.value for entry in graph.metadata_props}
    values |= {
        "preprocessing": json.dumps(preprocessing.to_dict()),
        "image_size": json.dumps(image_size),
    }
    onnx.helper.set_model_props(graph, values)
    onnx.save(graph, here / "model.onnx")


def expected_pixels(path: Path, preprocessing: Preprocessing, size: int) -> Tensor:
    decoded = decode(path.read_bytes(), preprocessing.decoded_size, fit=preprocessing.fit)
    pixels = torch.from_numpy(decoded.pixels.copy()).permute(2, 0, 1)[None]
    return resized(central_crop(pixels, preprocessing.eval_crop), size)


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
@pytest.mark.parametrize(
    "save",
    [
        lambda path: photo().save(path),
        sideways,
        lambda path: photo().convert("L").save(path),
        large,
    ],
    ids=["small", "sideways", "grey", "large"],
)
def test_pictures_become_the_pixels_of_the_training(
    here: Path, fit: Fit, save: Callable[[Path], None]
) -> None:
    path = here / ("picture.jpg" if save is large else "picture.png")
    save(path)
    equal = Preprocessing(decoded_size=24, fit=fit, decoding=DECODING_VERSION)
    cropped = replace(equal, eval_crop=0.875)
    for preprocessing, size in ((equal, 24), (cropped, 20)):
        given_preprocessing(here, preprocessing, size)
        read: Callable[[Path], Pixels] = run(program("ONNX").split("\n\n\n(prob")[0])["read"]
        found = read(path)
        assert found.dtype == np.uint8
        assert found.shape == (1, 3, size, size)
        expected = expected_pixels(path, preprocessing, size).numpy()
        difference = np.abs(found.astype(int) - expected)
        assert difference.max() <= (0 if preprocessing is equal else 1)


def test_the_onnx_program_prints_what_nas_predict_does(
    here: Path, model: ModelFile, capsys: pytest.CaptureFixture[str]
) -> None:
    run(program("ONNX"))
    printed = capsys.readouterr().out
    found = re.fullmatch(r"(0\.\d+) (.*)\n(0\.\d+) (.*)\n(0\.\d+) (.*)\n", printed, re.DOTALL)
    assert found is not None
    (expected,) = Classifier(model, device="cpu").predict(here / "picture.jpg", top_k=3)
    assert found.groups()[1::2] == tuple(one.name for one in expected.classes)
    for share, one in zip(found.groups()[::2], expected.classes, strict=True):
        assert float(share) == pytest.approx(one.probability, abs=0.01)


def test_the_torch_program(here: Path, model: ModelFile) -> None:
    names = run(program("torch.export"))
    assert names["class_names"] == list(CLASSES)
    with torch.no_grad():
        black = model.network()(torch.full((2, 3, 20, 20), -1.0))
    assert torch.equal(names["logits"], black)


def test_the_safetensors_programs(here: Path, model: ModelFile) -> None:
    names = run(program("safetensors"))
    assert names["class_names"] == list(CLASSES)
    assert names["architecture"] == model.architecture.to_dict()
    assert torch.equal(names["weights"]["classifier.bias"], model.ema["classifier.bias"])
    again = run(program("safetensors", 1))
    images = torch.rand(2, 3, 20, 20)
    with torch.no_grad():
        assert torch.equal(again["network"](images), model.network()(images))
    expected = Classifier(replace(model, raw=model.ema)).predict(here / "picture.jpg")
    assert again["classifier"].predict(here / "picture.jpg") == expected
