"""The formats of nas-export."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer.export import (
    onnx_format,
    safetensors_format,
    source_code,
    timm_format,
    torch_export_format,
    torchvision_format,
)
from trainer.export.agreement import Agreement
from trainer.export.files import extra_module
from trainer.model_file import ModelFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format of exported models.

    Attributes:
        files: Names of its files; the first is the one that is loaded.
        write: Writes these files into a folder, and returns their paths.
        load: Line of Python that loads the first file, whose path is ``{path}``; a module is found
            in the current folder.
        needs: Modules of optional libraries that writing needs.
        agreement: Compares the files in a folder with PyTorch's network; None where that needs
            another environment.
        compares_with: Module that the comparison needs.
    """

    files: tuple[str, ...]
    write: Callable[[ModelFile, Path], tuple[Path, ...]]
    load: str
    needs: tuple[str, ...] = ()
    agreement: Callable[[ModelFile, Path], Agreement] | None = None
    compares_with: str = "torch"

    def require_libraries(self) -> None:
        """Check that the libraries that writing needs are installed.

        Raises:
            ValueError: If one is not; the message names the extra that installs it.
        """
        for name in self.needs:
            extra_module(name, extra="export")


FORMATS = {
    "onnx": Format(
        files=(onnx_format.FILE,),
        write=onnx_format.write,
        load="onnxruntime.InferenceSession({path})",
        needs=("onnx", "onnxscript"),
        agreement=onnx_format.agreement,
        compares_with="onnxruntime",
    ),
    "torch-export": Format(
        files=(torch_export_format.FILE,),
        write=torch_export_format.write,
        load="torch.export.load({path}).module()",
        agreement=torch_export_format.agreement,
    ),
    "safetensors": Format(
        files=(safetensors_format.FILE,),
        write=safetensors_format.write,
        load="safetensors.torch.load_file({path})",
        needs=("safetensors",),
    ),
    "timm": Format(
        files=(timm_format.CODE, timm_format.WEIGHTS),
        write=timm_format.write,
        load="from timm_model import load",
        needs=("safetensors",),
    ),
    "torchvision": Format(
        files=(torchvision_format.CODE, torchvision_format.WEIGHTS),
        write=torchvision_format.write,
        load="from torchvision_model import load",
    ),
    "model.py": Format(
        files=(source_code.CODE, source_code.WEIGHTS),
        write=source_code.write,
        load="from model import load",
        agreement=source_code.agreement,
    ),
}
