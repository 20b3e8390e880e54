"""One export to ONNX, torch.export and safetensors for all tests: they take seconds."""

from pathlib import Path

import pytest

from tests.toys.exported_model import exported_model
from trainer.export import onnx_format, safetensors_format, torch_export_format
from trainer.model_file import ModelFile


@pytest.fixture(scope="session")
def model() -> ModelFile:
    return exported_model("tf-same")


@pytest.fixture(scope="session")
def out(model: ModelFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files, for reading."""
    folder = tmp_path_factory.mktemp("run") / "made" / "export"
    for module in (onnx_format, torch_export_format, safetensors_format):
        assert module.write(model, folder) == (folder / module.FILE,)
    return folder
