"""Export for timm: weights under its names, and a Python file that builds the network with it.

The Python file needs torch, timm and safetensors, and gives the outputs of our network.
"""

import math
from pathlib import Path
from typing import Any

from search_space.architecture import Architecture, BlockType, Stage
from search_space.weights import to_timm
from trainer.export.files import safetensors_bytes, write_files
from trainer.export.python_text import render
from trainer.model_file import ModelFile

CODE, WEIGHTS = "timm_model.py", "timm_model.safetensors"
_OUTPUT_STRIDE = 32  # timm dilates convolutions instead of using strides beyond it
_CROP_MODES = {"crop": "center", "pad": "border", "squash": "squash"}


def write(model: ModelFile, out: Path) -> tuple[Path, ...]:
    """Write ``timm_model.py`` and ``timm_model.safetensors`` into the folder `out`.

    Args:
        model: The model; its averaged weights are exported.
        out: The folder; it is made if it is missing.

    Returns:
        The paths of the two files.

    Raises:
        ValueError: If timm cannot express the network, or safetensors is not installed.
        OSError: If a file cannot be written.
    """
    weights = safetensors_bytes(to_timm(model.architecture, model.ema))
    return write_files(out, {CODE: code(model), WEIGHTS: weights})


def code(model: ModelFile) -> str:
    """Return the content of ``timm_model.py``."""
    architecture = model.architecture
    stride = 2 * math.prod(stage.stride for stage in architecture.stages)
    return render(
        "timm_model.py.jinja",
        architecture=architecture,
        weights=WEIGHTS,
        stages=stage_strings(architecture),
        class_names=model.class_names,
        output_stride=stride if stride > _OUTPUT_STRIDE else None,
        pad_type="same" if model.padding == "tf-same" else "",
        bn_eps=model.bn_eps,
        data=data_config(model),
    )


def stage_strings(architecture: Architecture) -> list[list[str]]:
    """Return timm's block definitions of each stage, such as ``["ir_r2_k3_s2_e6_c24_se0.25"]``.

    A stage has two of them where the first block's squeeze-excite has another ratio. timm rounds
    the squeezed channels to the nearest number and our networks round down, so the ratio is that
    of the channels.

    Source: timm 1.0.31, timm/models/_efficientnet_builder.py, `_decode_block_str` and
        `_make_block`.
    """
    strings, width = [], architecture.stem_width
    for stage in architecture.stages:
        first, other = (_ratio(stage, in_width) for in_width in (width, stage.width))
        if first == other or stage.depth == 1:
            blocks = [_block_string(stage, stage.depth, stage.stride, first)]
        else:
            blocks = [
                _block_string(stage, 1, stage.stride, first),
                _block_string(stage, stage.depth - 1, 1, other),
            ]
        strings.append(blocks)
        width = stage.width
    return strings


def _ratio(stage: Stage, in_width: int) -> float:
    """Return the exact ratio of squeezed channels to the block's input channels; 0 for none."""
    return stage.squeeze_width(in_width) / in_width if stage.se_ratio else 0.0


def _block_string(stage: Stage, repeats: int, stride: int, se_ratio: float) -> str:
    expands = stage.expand_ratio != 1
    kind = {
        (BlockType.MBCONV, True): "ir",
        (BlockType.MBCONV, False): "ds",
        (BlockType.FUSED_MBCONV, True): "er",
        (BlockType.FUSED_MBCONV, False): "cn",
    }[stage.block, expands]
    parts = [
        kind,
        f"r{repeats}",
        f"k{stage.kernel_size}",
        f"s{stride}",
        f"e{stage.expand_ratio}",
        f"c{stage.width}",
    ]
    if se_ratio:
        parts.append(f"se{se_ratio!r}")
    if kind == "cn":  # the one kind that has no residual connection otherwise
        parts.append("skip")
    return "_".join(parts)


def data_config(model: ModelFile) -> dict[str, Any]:
    """Return the values that ``timm.data.resolve_model_data_config`` reads.

    The scale is (value - mean) / std of red, green and blue in [0, 1]: our networks take images in
    [-1, 1] and subtract the input shift.
    """
    shift = model.input_shift or (0.0, 0.0, 0.0)
    prepared = model.preprocessing
    return {
        "input_size": (3, model.eval_size, model.eval_size),
        "mean": tuple((1 + value) / 2 for value in shift),
        "std": (0.5, 0.5, 0.5),
        "interpolation": "bicubic",
        "crop_pct": float(prepared.eval_crop),
        "crop_mode": _CROP_MODES[prepared.fit],
    }
