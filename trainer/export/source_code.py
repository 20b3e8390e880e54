"""Export of a network as one readable Python file that needs torch alone."""

import importlib.util
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from search_space.architecture import BlockType, Stage
from search_space.cost import count_params
from trainer.export.agreement import Agreement, compare
from trainer.export.files import torch_bytes, write_files
from trainer.export.python_text import render
from trainer.model_file import ModelFile
from trainer.preprocessing import normalise

CODE, WEIGHTS = "model.py", "model_weights.pt"
_CLASS = {BlockType.MBCONV: "MBConv", BlockType.FUSED_MBCONV: "FusedMBConv"}

_TEXTS = {
    BlockType.MBCONV: {
        "all": "A convolution of each channel, between two 1x1 convolutions.",
        "some": "A convolution of each channel, between 1x1 convolutions.",
        "none": "A convolution of each channel, and a 1x1 convolution.",
    },
    BlockType.FUSED_MBCONV: {
        "all": "A convolution that expands, and a 1x1 convolution that projects.",
        "some": "A convolution, and a 1x1 convolution that projects if it expands.",
        "none": "A convolution of all channels.",
    },
}


def write(model: ModelFile, out: Path) -> tuple[Path, ...]:
    """Write ``model.py`` and ``model_weights.pt`` into the folder `out`.

    The weights have the names of ``model.pt``. Every network can be expressed.

    Args:
        model: The model; its averaged weights are exported.
        out: The folder; it is made if it is missing.

    Returns:
        The paths of the two files.

    Raises:
        OSError: If a file cannot be written.
    """
    return write_files(out, {CODE: code(model), WEIGHTS: torch_bytes(model.ema, fast=True)})


def agreement(model: ModelFile, out: Path) -> Agreement:
    """Compare the network of ``model.py`` in the folder `out` with PyTorch's.

    Raises:
        ValueError: If the outputs differ.
    """
    spec = importlib.util.spec_from_file_location("exported_model", out / CODE)
    assert spec is not None  # of any file with this suffix
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network: nn.Module = module.load()

    @torch.inference_mode()
    def logits(images: Tensor) -> Tensor:
        computed: Tensor = network(normalise(images))
        return computed

    return compare(model, out / CODE, logits)


def code(model: ModelFile) -> str:
    """Return the content of ``model.py``: the classes of the blocks that the network has."""
    architecture, prepared = model.architecture, model.preprocessing
    has_squeeze = any(stage.se_ratio for stage in architecture.stages)
    text = render(
        "model.py.jinja",
        key=architecture.key,
        parameters=f"{count_params(architecture, len(model.class_names)):,}",
        stem=architecture.stem_width,
        head=architecture.head_width,
        stages=[_row(stage, has_squeeze=has_squeeze) for stage in architecture.stages],
        has_squeeze=has_squeeze,
        mbconv=_parts_of(architecture.stages, BlockType.MBCONV),
        fused=_parts_of(architecture.stages, BlockType.FUSED_MBCONV),
        same=model.padding == "tf-same",
        bn_eps=model.bn_eps,
        shift=model.input_shift,
        class_names=model.class_names,
        decoded=prepared.decoded_size,
        crop=float(prepared.eval_crop),
        fit=prepared.fit,
        eval_size=model.eval_size,
        weights=WEIGHTS,
    )
    return re.sub(r"\n{4,}", "\n\n\n", text)  # parts that are left out leave blank lines


@dataclass(frozen=True, slots=True)
class _Parts:
    """Which layers the blocks of one type have, of all its stages: "all", "none" or "some"."""

    expand: str
    squeeze: str
    text: str


def _parts_of(stages: Sequence[Stage], block: BlockType) -> _Parts | None:
    """Return the layers of the blocks of a type; None if no stage has it."""
    of_type = [stage for stage in stages if stage.block is block]
    if not of_type:
        return None
    expand = _share([stage.expand_ratio != 1 for stage in of_type])
    return _Parts(
        expand=expand,
        squeeze=_share([stage.se_ratio > 0 for stage in of_type]),
        text=_TEXTS[block][expand],
    )


def _share(present: Sequence[bool]) -> str:
    return "all" if all(present) else "some" if any(present) else "none"


def _row(stage: Stage, *, has_squeeze: bool) -> str:
    """Return the arguments of a row of the table of stages."""
    values = [
        stage.depth,
        stage.width,
        stage.kernel_size,
        stage.expand_ratio,
        stage.stride,
        *([stage.se_ratio] if has_squeeze else []),
    ]
    return ", ".join([f'"{_CLASS[stage.block]}"', *map(repr, values)])
