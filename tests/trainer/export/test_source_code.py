"""model.py: one file that needs torch alone, gives our outputs bit by bit, and reads well.

It has the classes of exactly the blocks that the network has, sees the pixels of the evaluation,
and holds any class name as text.
"""

import ast
import importlib.util
import io
import runpy
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from search_space.architecture import Architecture, BlockType, Stage
from search_space.network import build_network
from tests.toys.exported_model import CLASSES, exported_model
from trainer.config import Fit
from trainer.data.cache.decode import decode
from trainer.export import source_code
from trainer.model_file import ModelFile
from trainer.preprocessing import Preprocessing

FUSED, MBCONV = BlockType.FUSED_MBCONV, BlockType.MBCONV
# One network of fused blocks alone, one of MBConv alone, each with and without expansion.
STAGES: dict[str, tuple[Stage, ...]] = {
    "fused": (
        Stage(block=FUSED, depth=2, width=8, expand_ratio=1, se_ratio=0.25),
        Stage(block=FUSED, depth=2, width=16, expand_ratio=2, stride=2, kernel_size=5),
    ),
    "fused, no expansion": (Stage(block=FUSED, depth=2, width=8, expand_ratio=1),),
    "mbconv": (
        Stage(block=MBCONV, depth=2, width=8, expand_ratio=1, se_ratio=0.25),
        Stage(block=MBCONV, depth=2, width=16, expand_ratio=4, stride=2, kernel_size=7),
    ),
    "mbconv, all expand": (Stage(block=MBCONV, depth=2, width=8, se_ratio=0.1),),
    "mbconv, no expansion": (Stage(block=MBCONV, depth=2, width=8, expand_ratio=1),),
}


def _plain(stages: Sequence[Stage], classes: int = 3) -> ModelFile:
    """Return a model without a shift, padded symmetrically."""
    architecture = Architecture(stem_width=8, stages=tuple(stages), head_width=16)
    torch.manual_seed(0)
    weights = build_network(architecture, classes).state_dict()
    return ModelFile(
        architecture=architecture,
        class_names=tuple(f"class {number}" for number in range(classes)),
        train_size=16,
        eval_size=16,
        padding="symmetric",
        ema=weights,
        raw=weights,
        preprocessing=Preprocessing(decoded_size=16, decoding=1),
    )


MODELS = {"every block": exported_model()} | {
    name: _plain(stages) for name, stages in STAGES.items()
}


def _imported(model: ModelFile, folder: Path) -> Any:
    """Export `model` and import the written file, which is not on the path of modules."""
    code, _ = source_code.write(model, folder)
    spec = importlib.util.spec_from_file_location("exported_model", code)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", MODELS)
def test_outputs_are_equal_bit_by_bit(name: str, tmp_path: Path) -> None:
    model = MODELS[name]
    images = torch.rand(3, 3, model.eval_size, model.eval_size) * 2 - 1
    with torch.no_grad():
        ours = model.network()(images)
        theirs = _imported(model, tmp_path).load()(images)
    assert ours.std() > 1e-3  # a network whose outputs are all equal would prove nothing
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", MODELS)
def test_the_file_imports_torch_alone_and_pillow_where_it_reads_pictures(name: str) -> None:
    tree = ast.parse(source_code.code(MODELS[name]))
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(str(node.module).partition(".")[0])
    assert modules == {"PIL", "collections", "pathlib", "sys", "torch", "typing"}
    top = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert "PIL" not in {str(node.module) for node in top}


def test_only_the_classes_of_the_networks_blocks_are_written() -> None:
    def classes(model: ModelFile) -> list[str]:
        tree = ast.parse(source_code.code(model))
        return [node.name for node in tree.body if isinstance(node, ast.ClassDef)]

    plain = ["Stage", "Block", "FusedMBConv", "Network"]
    assert classes(MODELS["fused, no expansion"]) == plain
    with_gates = ["Stage", "SqueezeExcite", "Block", "MBConv", "Network"]
    assert classes(MODELS["mbconv, all expand"]) == with_gates
    everything = ["Stage", "SameConv2d", "SqueezeExcite", "Block", "MBConv", "FusedMBConv"]
    assert classes(MODELS["every block"]) == [*everything, "Network"]


@pytest.mark.parametrize("classes", [CLASSES, tuple(f"c\u202e{n}'\"\\" for n in range(30))])
def test_class_names_are_text_whatever_they_contain(
    classes: tuple[str, ...], tmp_path: Path
) -> None:
    model = replace(_plain(STAGES["fused"], len(classes)), class_names=classes)
    names = _imported(model, tmp_path).CLASS_NAMES
    assert names == classes


@pytest.mark.skipif(shutil.which("ruff", path=Path(sys.executable).parent) is None, reason="ruff")
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_the_file_is_formatted_and_free_of_findings(fit: Fit, tmp_path: Path) -> None:
    for number, model in enumerate(MODELS.values()):
        prepared = replace(model.preprocessing, fit=fit)
        code = source_code.code(replace(model, preprocessing=prepared))
        (tmp_path / f"model{number}.py").write_text(code)
    many = source_code.code(_plain(STAGES["mbconv"], 30))
    (tmp_path / "many.py").write_text(many)
    ruff = [str(Path(sys.executable).parent / "ruff")]
    for command in (["format", "--diff"], ["check", "--select", "E,F,W,I,B,UP,D,RUF"]):
        ignored = [] if command[0] == "format" else ["--ignore", "D107,D203,D213,D413,RUF012"]
        done = subprocess.run(
            [*ruff, *command, "--isolated", *ignored, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_files_have_correct_types(tmp_path: Path) -> None:
    for number, model in enumerate(MODELS.values()):
        (tmp_path / f"model{number}.py").write_text(source_code.code(model))
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "."]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def _pictures(folder: Path) -> dict[str, Path]:
    """Return pictures of the kinds that need care, each of noise and of smooth colours."""
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (6, 9, 4), dtype=np.uint8), "RGBA")
    smooth = coarse.resize((130, 90), Image.Resampling.BICUBIC)
    rotated = Image.Exif()
    rotated[0x0112] = 6  # lies on its side
    paths = {name: folder / name for name in ("a.jpg", "b.jpg", "c.png", "d.png", "e.png")}
    smooth.convert("RGB").save(paths["a.jpg"])  # decoded at a half
    smooth.convert("RGB").save(paths["b.jpg"], exif=rotated.tobytes())
    smooth.save(paths["c.png"])  # transparent
    smooth.convert("L").resize((20, 31)).save(paths["d.png"])
    smooth.convert("P").save(paths["e.png"])
    return paths


@pytest.mark.parametrize("fit", ["crop", "pad", "squash"])
def test_pictures_become_the_pixels_of_the_evaluation(fit: Fit, tmp_path: Path) -> None:
    prepared = Preprocessing(decoded_size=24, fit=fit, eval_crop=0.875, decoding=1)
    model = replace(exported_model(), preprocessing=prepared)
    module = _imported(model, tmp_path)
    for name, path in _pictures(tmp_path).items():
        pixels = torch.tensor(decode(path.read_bytes(), 24, fit=fit).pixels)
        ours = prepared.network_input(pixels.permute(2, 0, 1)[None], model.eval_size)
        assert torch.equal(module.prepare(module.read(path)), ours), name


def test_predictions_are_sorted_probabilities(tmp_path: Path) -> None:
    module = _imported(exported_model(), tmp_path)
    predicted = module.predict(module.load(), _pictures(tmp_path)["a.jpg"])
    shares = [share for _, share in predicted]
    assert {name for name, _ in predicted} == set(CLASSES)
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)


def test_the_file_is_a_command_that_prints_the_likeliest_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model = MODELS["mbconv"]
    code, _ = source_code.write(model, tmp_path)
    picture = _pictures(tmp_path)["c.png"]
    monkeypatch.setattr(sys, "argv", [str(code), str(picture)])
    runpy.run_path(str(code), run_name="__main__")
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == str(picture)
    assert sorted(line.split("%  ")[1] for line in lines) == ["class 0", "class 1", "class 2"]


def test_weights_are_a_plain_dict_of_tensors(tmp_path: Path) -> None:
    model = exported_model()
    _, weights = source_code.write(model, tmp_path)
    read = torch.load(io.BytesIO(weights.read_bytes()), weights_only=True)
    assert read.keys() == model.ema.keys()
    assert all(torch.equal(read[name], tensor) for name, tensor in model.ema.items())
