"""ONNX and torch.export: the files give PyTorch's outputs for batches of any size.

They say which classes and which preprocessing the model has, contain no path of this machine, and
are the same each time. A damaged or foreign file is an error of one line.
"""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor

from tests.toys.exported_model import CLASSES, SIZE, exported_model
from trainer.data.cache.images import DECODING_VERSION
from trainer.export import onnx_format, torch_export_format
from trainer.export.agreement import BOUND, compare
from trainer.export.exported import ExportedNetwork, open_exported
from trainer.model_file import ModelFile

FORMATS: dict[str, ModuleType] = {"model.onnx": onnx_format, "model.pt2": torch_export_format}


@pytest.fixture(scope="module")
def opened(out: Path) -> dict[str, ExportedNetwork]:
    return {name: open_exported(out / name, threads=1) for name in FORMATS}


def photos(count: int) -> Tensor:
    """Return parts of scikit-learn's photographs of a temple and a flower."""
    temple, flower = load_sample_images().images
    parts: list[npt.NDArray[np.uint8]] = [
        (temple if number % 2 else flower)[30 * number :, 40 * number :][: 5 * SIZE : 5]
        for number in range(count)
    ]
    squares = np.stack([part[:, : 5 * SIZE : 5] for part in parts])
    return torch.from_numpy(squares.transpose(0, 3, 1, 2).copy())


def noise(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.randint(0, 256, (count, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("images", [noise, photos])
@pytest.mark.parametrize("batch", [1, 3, 8])
@pytest.mark.parametrize("name", FORMATS)
def test_outputs_are_those_of_the_network(
    model: ModelFile,
    opened: dict[str, ExportedNetwork],
    name: str,
    batch: int,
    images: Callable[[int], Tensor],
) -> None:
    pixels = images(batch)
    with torch.no_grad():
        expected = model.network()(pixels.float() / 127.5 - 1)
    assert expected.std() > 0.5  # outputs that could be told apart
    torch.testing.assert_close(opened[name].logits(pixels), expected, rtol=1e-5, atol=1e-4)


def test_onnxruntime_gives_probabilities(model: ModelFile, out: Path) -> None:
    session = onnxruntime.InferenceSession(out / "model.onnx")
    logits, probabilities = session.run(None, {"images": noise(3).numpy()})
    exponentials = np.exp(logits.astype(np.float64))
    expected = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    (only,) = session.run(["probabilities"], {"images": noise(3).numpy()})
    assert np.array_equal(only, probabilities)


def test_torch_gives_the_same_bits(model: ModelFile, out: Path) -> None:
    module = torch.export.load(out / "model.pt2").module()
    logits, probabilities = module(noise(3))
    with torch.no_grad():
        assert torch.equal(logits, model.network()(noise(3).float() * (1 / 127.5) - 1))
    assert torch.equal(probabilities, logits.softmax(1))


def test_the_graph_has_named_inputs_and_outputs_and_a_dynamic_batch(out: Path) -> None:
    path = out / "model.onnx"
    onnx.checker.check_model(path, full_check=True)
    graph = onnx.load(path).graph
    shapes = {
        value.name: [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {
        "images": ["batch", 3, SIZE, SIZE],
        "logits": ["batch", len(CLASSES)],
        "probabilities": ["batch", len(CLASSES)],
    }
    assert graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8


def test_pixels_that_were_scaled_are_refused(out: Path) -> None:
    session = onnxruntime.InferenceSession(out / "model.onnx")
    with pytest.raises(Exception, match=r"expected: .tensor.uint8"):
        session.run(None, {"images": noise(1).numpy().astype(np.float32) / 255})


def onnx_metadata(path: Path) -> dict[str, Any]:
    texts = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
    return {
        name: text if name in ("schema", "key") else json.loads(text)
        for name, text in texts.items()
    }


def pt2_metadata(path: Path) -> dict[str, Any]:
    extra = {"facts.json": ""}
    torch.export.load(path, extra_files=extra)
    found: dict[str, Any] = json.loads(extra["facts.json"])
    return found


@pytest.mark.parametrize(
    ("name", "read"), [("model.onnx", onnx_metadata), ("model.pt2", pt2_metadata)]
)
def test_metadata(
    model: ModelFile,
    out: Path,
    opened: dict[str, ExportedNetwork],
    name: str,
    read: Callable[[Path], dict[str, Any]],
) -> None:
    expected = {
        "schema": "nas.export/1",
        "class_names": ["cat", "dog", 'a "quoted", [name]\n', "größer", "bird"],
        "image_size": 20,
        "preprocessing": {
            "decoded_size": 24,
            "fit": "pad",
            "eval_crop": 0.875,
            "level_bits": None,
            "decoding": DECODING_VERSION,
        },
        "multi_label": False,
        "key": model.architecture.key,
        "architecture": model.architecture.to_dict(),
    }
    assert read(out / name) == expected
    assert opened[name].facts == expected
    assert opened[name].class_names == CLASSES
    assert opened[name].image_size == SIZE


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_contains_no_path_of_this_machine(out: Path, name: str) -> None:
    path = out / name
    contents = [path.read_bytes()]
    if name == "model.pt2":
        with zipfile.ZipFile(path) as archive:
            contents = [archive.read(member) for member in archive.namelist()]
    for content in contents:
        for place in (Path(__file__).parents[3], Path(torch.__file__).parent, Path.home()):
            assert str(place).encode() not in content
        assert b"site-packages" not in content
        assert b".py" not in content


@pytest.mark.parametrize("name", FORMATS)
def test_the_agreement_is_measured(model: ModelFile, out: Path, name: str) -> None:
    found = FORMATS[name].agreement(model, out)
    assert found.batches == (1, 3, 8)
    assert found.largest_logit > 1
    assert 0 <= found.largest_difference < BOUND * found.largest_logit


def test_other_outputs_are_no_agreement(
    model: ModelFile, opened: dict[str, ExportedNetwork]
) -> None:
    exported = opened["model.pt2"].logits

    def other(images: Tensor) -> Tensor:
        return exported(images) + 0.1 * (torch.arange(5) == 3)

    with pytest.raises(ValueError, match=r"a\.onnx: its outputs differ .* by up to 0\.1, more"):
        compare(model, Path("a.onnx"), other)
    with pytest.raises(ValueError, match=r"differ .* by up to nan"):
        compare(model, Path("a.onnx"), lambda images: exported(images) * float("nan"))


@pytest.mark.slow
def test_the_same_model_gives_the_same_file(model: ModelFile, out: Path, tmp_path: Path) -> None:
    torch_export_format.write(model, tmp_path)
    assert (tmp_path / "model.pt2").read_bytes() == (out / "model.pt2").read_bytes()


@pytest.mark.slow
def test_the_same_model_gives_the_same_graph(
    model: ModelFile, out: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    onnx_format.write(model, tmp_path)
    assert (tmp_path / "model.onnx").read_bytes() == (out / "model.onnx").read_bytes()
    assert capfd.readouterr() == ("", "")  # the exporter's messages are for its developers


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_symmetric_padding(tmp_path: Path, name: str) -> None:
    model = exported_model("symmetric")
    FORMATS[name].write(model, tmp_path)
    found = FORMATS[name].agreement(model, tmp_path)
    assert found.largest_difference < BOUND * found.largest_logit


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.onnx", b"", "damaged, or no ONNX file"),
        ("a.onnx", b"<html>", "damaged, or no ONNX file"),
        ("a.pt2", b"<html>", "damaged, or no file of torch.export"),
        ("a.pt", b"", r"must be a \.onnx or \.pt2 file"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name}: {message}"):
        open_exported(tmp_path / name, threads=1)


def test_a_damaged_graph_is_refused(out: Path, tmp_path: Path) -> None:
    content = (out / "model.onnx").read_bytes()
    (tmp_path / "a.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="damaged, or no ONNX file"):
        open_exported(tmp_path / "a.onnx", threads=1)


def test_files_of_other_programs_are_refused(out: Path, tmp_path: Path) -> None:
    graph = onnx.load(out / "model.onnx")
    del graph.metadata_props[:]
    onnx.save(graph, tmp_path / "a.onnx")
    program = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
    torch.export.save(program, tmp_path / "a.pt2")
    for name in ("a.onnx", "a.pt2"):
        with pytest.raises(ValueError, match=rf"{name}: not a file of nas-export"):
            open_exported(tmp_path / name, threads=1)
