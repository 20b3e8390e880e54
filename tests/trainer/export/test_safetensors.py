"""safetensors: the file holds every bit of the weights and all that the network is built from."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from tests.toys.exported_model import CLASSES
from trainer.export import safetensors_format
from trainer.model_file import ModelFile

Metadata = dict[str, str]


@pytest.fixture
def path(out: Path) -> Path:
    return out / "model.safetensors"


def metadata(path: Path) -> Metadata:
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


def test_tensors_are_the_averaged_weights_bit_by_bit(model: ModelFile, path: Path) -> None:
    tensors = load_file(path)
    assert tensors.keys() == model.ema.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == model.ema[name].dtype
        assert torch.equal(tensor, model.ema[name])


def test_metadata_say_what_the_model_is(model: ModelFile, path: Path) -> None:
    found = metadata(path)
    assert found["format"] == "pt"  # what transformers and timm look for
    assert found["schema"] == "nas.export/1"
    assert json.loads(found["architecture"]) == model.architecture.to_dict()
    assert json.loads(found["class_names"]) == list(CLASSES)
    assert json.loads(found["image_size"]) == 20
    assert json.loads(found["preprocessing"])["eval_crop"] == 0.875


@pytest.mark.parametrize("shift", [None, (0.1, -0.2, 0.3)])
def test_the_model_that_is_read_is_the_same(
    model: ModelFile, tmp_path: Path, shift: tuple[float, float, float] | None
) -> None:
    given = replace(model, input_shift=shift, multi_label=True)
    safetensors_format.write(given, tmp_path)
    found = safetensors_format.read(tmp_path / "model.safetensors")
    for name in (
        "architecture",
        "class_names",
        "train_size",
        "eval_size",
        "padding",
        "bn_eps",
        "input_shift",
        "preprocessing",
        "multi_label",
    ):
        assert getattr(found, name) == getattr(given, name)
    images = torch.rand(2, 3, 20, 20)
    with torch.no_grad():
        assert torch.equal(found.network()(images), given.network("ema")(images))


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"\xff" * 64])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.safetensors: damaged, or no safetensors file"):
        safetensors_format.read(tmp_path / "a.safetensors")


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a\.safetensors"):
        safetensors_format.read(tmp_path / "a.safetensors")


def changed(name: str, value: str) -> Callable[[Metadata], Metadata]:
    return lambda given: given | {name: value}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda given: {}, "not a file of nas-export"),
        (changed("schema", "nas.export/9"), "not a file of nas-export"),
        (changed("architecture", "{"), "damaged metadata"),
        (changed("class_names", '["cat"]'), "ema does not fit the architecture"),
        (changed("image_size", "null"), "image_size.eval must be a whole number"),
        (changed("padding", "valid"), "padding must be symmetric or tf-same"),
        (changed("preprocessing", "7"), "preprocessing must be a mapping"),
    ],
)
def test_wrong_metadata_are_named(
    path: Path, tmp_path: Path, change: Callable[[Metadata], Metadata], message: str
) -> None:
    save_file(load_file(path), tmp_path / "a.safetensors", change(metadata(path)))
    with pytest.raises(ValueError, match=rf"a\.safetensors: .*{message}"):
        safetensors_format.read(tmp_path / "a.safetensors")


def test_the_same_model_gives_the_same_file(model: ModelFile, path: Path, tmp_path: Path) -> None:
    safetensors_format.write(model, tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == path.read_bytes()
