"""Exported files in environments without this project: the documented programs run there.

Each environment is a new virtual environment with pinned versions of what the format needs, and
nothing else. In the first test it is a process that sees torch and not this project.
"""

import json
import os
import re
import subprocess
import sys
import venv
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from tests.trainer.export.test_documented_programs import program
from trainer.model_file import ModelFile
from trainer.predict import Classifier

SITE_PACKAGES = Path(torch.__file__).parents[1]
NOT_OURS = """
import importlib.util
for name in ("nas", "trainer", "scaling", "search_space"):
    assert importlib.util.find_spec(name) is None, name
"""
PRINT = """
import numpy
print(json.dumps([numpy.asarray(logits).tolist(), class_names]))
"""


@pytest.fixture
def folder(out: Path, tmp_path: Path) -> Path:
    """A folder with the exported files and a photograph."""
    for path in out.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    temple = Image.fromarray(load_sample_images().images[0])
    temple.resize((60, 40)).save(tmp_path / "picture.jpg", quality=95)
    return tmp_path


def run_alone(python: Path, code: str, folder: Path, *flags: str) -> str:
    """Return what Python prints; it sees neither its user's folders nor environment variables."""
    done = subprocess.run(
        [str(python), "-I", *flags, "-c", code],
        cwd=folder,
        env={name: os.environ[name] for name in ("PATH",)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def require_black(printed: str, model: ModelFile) -> None:
    """Check printed logits of two black images, and class names."""
    logits, names = json.loads(printed)
    assert names == list(model.class_names)
    with torch.no_grad():
        black = model.network()(torch.full((2, 3, 20, 20), -1.0))
    torch.testing.assert_close(torch.tensor(logits), black, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_torch_runs_a_pt2_in_a_process_that_does_not_see_this_project(
    folder: Path, model: ModelFile
) -> None:
    # -S leaves out the files of site-packages that make projects visible, such as this one.
    path = f"import sys; sys.path.append({str(SITE_PACKAGES)!r})"
    code = "\n".join((path, NOT_OURS, program("torch.export"), PRINT))
    require_black(run_alone(Path(sys.executable), code, folder, "-S"), model)


def environment(place: Path, *names: str) -> Path:
    """Make a virtual environment with packages and what they need; return its Python.

    The versions are those of this environment, for torch with its kind, such as ``+cpu``.
    """
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    pinned = [f"{name}=={version(name)}" for name in names]
    done = subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--retries", "1", *pinned],
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"pip cannot install {', '.join(pinned)}: {done.stderr.strip()[-300:]}")
    return python


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_onnxruntime_predicts_a_picture_without_torch(folder: Path, model: ModelFile) -> None:
    python = environment(folder / "environment", "onnxruntime", "numpy", "pillow")
    without = """
import importlib.util
assert importlib.util.find_spec("torch") is None
assert importlib.util.find_spec("onnx") is None
"""
    printed = run_alone(python, "\n".join((NOT_OURS, without, program("ONNX"))), folder)
    found = re.findall(r"^(0\.\d+) ", printed, re.MULTILINE)
    (expected,) = Classifier(model, device="cpu").predict(folder / "picture.jpg", top_k=3)
    shares = [one.probability for one in expected.classes]
    assert [float(share) for share in found] == pytest.approx(shares, abs=0.01)
    assert expected.classes[0].name in printed


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_torch_and_safetensors_alone_load_their_files(folder: Path, model: ModelFile) -> None:
    python = environment(folder / "environment", "safetensors", "torch", "numpy")
    printed = run_alone(python, "\n".join((NOT_OURS, program("torch.export"), PRINT)), folder)
    require_black(printed, model)
    bias = 'print(json.dumps([weights["classifier.bias"].tolist(), class_names]))'
    printed = run_alone(python, "\n".join((NOT_OURS, program("safetensors"), bias)), folder)
    assert json.loads(printed) == [
        model.ema["classifier.bias"].tolist(),
        list(model.class_names),
    ]
