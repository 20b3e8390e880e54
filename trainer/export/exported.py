"""Opening exported files, to run the network that is in them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer.export.facts import SCHEMA
from trainer.export.files import extra_module
from trainer.export.quiet import quiet_exporter

FACTS = "facts.json"  # an extra file of a .pt2
_QUIET = 3  # onnxruntime's level of errors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExportedNetwork:
    """A network that was opened from an exported file, on the CPU.

    Attributes:
        path: The file.
        runtime: What runs it, with its version.
        facts: What the file says about the model, see `trainer.export.facts.facts`.
        logits: Maps images (batch, 3, image_size, image_size), uint8, to logits
            (batch, classes), float32.
    """

    path: Path
    runtime: str
    facts: Mapping[str, Any]
    logits: Callable[[Tensor], Tensor]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes by output."""
        return tuple(self.facts["class_names"])

    @property
    def image_size(self) -> int:
        """Side of the images, pixels."""
        return int(self.facts["image_size"])


def open_exported(path: str | Path, *, threads: int) -> ExportedNetwork:
    """Open a ``.onnx`` file with onnxruntime, or a ``.pt2`` file with torch.

    Args:
        path: A file of nas-export.
        threads: CPU threads of onnxruntime. A .pt2 runs with those of torch, see
            `torch.set_num_threads`.

    Raises:
        ValueError: If the file is damaged, of another kind or not of nas-export, or onnxruntime
            is not installed.
        OSError: If it cannot be read.
    """
    path = Path(path)
    if path.suffix not in (".onnx", ".pt2"):
        raise ValueError(f"{path}: must be a .onnx or .pt2 file of nas-export")
    data = path.read_bytes()
    return _onnx(path, data, threads) if path.suffix == ".onnx" else _pt2(path)


def _onnx(path: Path, data: bytes, threads: int) -> ExportedNetwork:
    runtime = extra_module("onnxruntime", extra="export")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = _QUIET
    try:
        session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # of onnxruntime's own types
        raise ValueError(f"{path}: damaged, or no ONNX file that onnxruntime can run") from error
    found = session.get_modelmeta().custom_metadata_map
    facts = {name: _value(text) for name, text in found.items()}

    def logits(images: Tensor) -> Tensor:
        (computed,) = session.run(["logits"], {"images": images.numpy()})
        return torch.from_numpy(computed)

    return ExportedNetwork(
        path=path,
        runtime=f"onnxruntime {runtime.__version__}",
        facts=_checked(path, facts),
        logits=logits,
    )


def _pt2(path: Path) -> ExportedNetwork:
    extra = {FACTS: ""}
    try:
        with quiet_exporter():
            module = torch.export.load(path, extra_files=extra).module()
    except Exception as error:  # a damaged archive raises almost anything
        raise ValueError(f"{path}: damaged, or no file of torch.export") from error

    @torch.inference_mode()
    def logits(images: Tensor) -> Tensor:
        computed: Tensor = module(images)[0]
        return computed

    return ExportedNetwork(
        path=path,
        runtime=f"torch {torch.__version__}",
        facts=_checked(path, _value(extra[FACTS])),
        logits=logits,
    )


def _value(text: str | bytes) -> Any:
    """Return the JSON value of `text`, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _checked(path: Path, facts: Any) -> Mapping[str, Any]:
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        raise ValueError(f"{path}: not a file of nas-export: its metadata lack {SCHEMA}")
    return facts
