"""Export to ONNX: one graph from pixels to logits and probabilities, with a dynamic batch."""

from pathlib import Path
from typing import Any

import torch

from trainer.export.agreement import Agreement, compare
from trainer.export.exported import open_exported
from trainer.export.facts import as_text, facts
from trainer.export.files import extra_module, write_files
from trainer.export.pixel_network import (
    INPUT,
    LOGITS,
    PROBABILITIES,
    pixel_network,
    sample_pixels,
)
from trainer.export.quiet import quiet_exporter
from trainer.model_file import ModelFile

FILE = "model.onnx"
OPSET = 18  # what the exporter writes without a conversion; of onnxruntime since 1.14


def write(model: ModelFile, out: Path) -> tuple[Path, ...]:
    """Write ``model.onnx`` into the folder `out`.

    Its input ``images`` is uint8 (batch, 3, size, size), RGB; its outputs ``logits`` and
    ``probabilities`` are float32 (batch, classes). The metadata of the file hold `facts`.

    Args:
        model: The model; its averaged weights are exported.
        out: The folder; it is made if it is missing.

    Raises:
        ValueError: If onnx or onnxscript is not installed.
        OSError: If the file cannot be written.
    """
    return write_files(out, {FILE: onnx_bytes(model)})


def agreement(model: ModelFile, out: Path) -> Agreement:
    """Compare ``model.onnx`` in the folder `out`, run by onnxruntime, with PyTorch's network.

    Raises:
        ValueError: If onnxruntime is not installed, or the outputs differ.
    """
    path = out / FILE
    return compare(model, path, open_exported(path, threads=torch.get_num_threads()).logits)


def onnx_bytes(model: ModelFile) -> bytes:
    """Return the content of the file, which onnx's checker has accepted.

    Raises:
        ValueError: If onnx or onnxscript is not installed.
    """
    with quiet_exporter():
        onnx = extra_module("onnx", extra="export")
        extra_module("onnxscript", extra="export")
        program = torch.onnx.export(
            pixel_network(model),
            (sample_pixels(2, model.eval_size),),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[LOGITS, PROBABILITIES],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    proto: Any = program.model_proto  # type: ignore[union-attr]  # of the TorchScript exporter
    _remove_traces(proto)
    proto.producer_name = "training-aware-nas"
    onnx.helper.set_model_props(proto, as_text(facts(model)))
    content: bytes = proto.SerializeToString(deterministic=True)
    onnx.checker.check_model(content, full_check=True)
    return content


def _remove_traces(proto: Any) -> None:
    """Remove where in the source code each node comes from, with the paths of this machine."""
    graph = proto.graph
    for parts in (graph.node, graph.initializer, graph.input, graph.output, graph.value_info):
        for part in parts:
            del part.metadata_props[:]
            part.doc_string = ""
    del graph.metadata_props[:]
