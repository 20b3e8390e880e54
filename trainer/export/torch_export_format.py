"""Export by torch.export: a program from pixels to logits, which torch alone loads and runs."""

import io
import json
from pathlib import Path

import torch

from trainer.export.agreement import Agreement, compare
from trainer.export.exported import FACTS, open_exported
from trainer.export.facts import facts
from trainer.export.files import write_files
from trainer.export.pixel_network import pixel_network, sample_pixels
from trainer.export.quiet import quiet_exporter
from trainer.model_file import ModelFile

FILE = "model.pt2"


def write(model: ModelFile, out: Path) -> tuple[Path, ...]:
    """Write ``model.pt2`` into the folder `out`.

    ``torch.export.load(path).module()`` maps uint8 images (batch, 3, size, size), RGB, to logits
    and probabilities, float32 (batch, classes). The extra file ``facts.json`` holds `facts`.

    Args:
        model: The model; its averaged weights are exported.
        out: The folder; it is made if it is missing.

    Raises:
        OSError: If the file cannot be written.
    """
    return write_files(out, {FILE: program_bytes(model)})


def agreement(model: ModelFile, out: Path) -> Agreement:
    """Compare ``model.pt2`` in the folder `out` with PyTorch's network.

    Raises:
        ValueError: If the outputs differ.
    """
    path = out / FILE
    return compare(model, path, open_exported(path, threads=torch.get_num_threads()).logits)


def program_bytes(model: ModelFile) -> bytes:
    """Return the content of the file."""
    with quiet_exporter():
        program = torch.export.export(
            pixel_network(model),
            (sample_pixels(2, model.eval_size),),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
        )
        program.example_inputs = None  # a loader does not need them
        for node in program.graph.nodes:  # the traces contain paths of this machine
            node.meta.pop("stack_trace", None)
        stream = io.BytesIO()
        torch.export.save(program, stream, extra_files={FACTS: json.dumps(facts(model))})
    return stream.getvalue()
