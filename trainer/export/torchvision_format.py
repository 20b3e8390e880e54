"""Export for torchvision: weights under its names, and a Python file that builds the network.

The Python file needs torch and torchvision, and gives the outputs of our network. torchvision
has fewer kinds of blocks than timm: what it cannot express is refused.
"""

from pathlib import Path

from search_space.architecture import Architecture, BlockType
from search_space.weights import to_torchvision
from trainer.export.files import torch_bytes, write_files
from trainer.export.python_text import render
from trainer.export.timm_format import data_config
from trainer.model_file import ModelFile

CODE, WEIGHTS = "torchvision_model.py", "torchvision_model.pt"
_ELSEWHERE = "timm and model.py can express it"


def write(model: ModelFile, out: Path) -> tuple[Path, ...]:
    """Write ``torchvision_model.py`` and ``torchvision_model.pt`` into the folder `out`.

    Args:
        model: The model; its averaged weights are exported.
        out: The folder; it is made if it is missing.

    Returns:
        The paths of the two files.

    Raises:
        ValueError: If torchvision cannot express the network; the message names the stage.
        OSError: If a file cannot be written.
    """
    require_expressible(model)
    weights = torch_bytes(to_torchvision(model.architecture, model.ema))
    return write_files(out, {CODE: code(model), WEIGHTS: weights})


def code(model: ModelFile) -> str:
    """Return the content of ``torchvision_model.py``."""
    architecture = model.architecture
    data = data_config(model)
    widths = (architecture.stem_width, *(stage.width for stage in architecture.stages))
    return render(
        "torchvision_model.py.jinja",
        architecture=architecture,
        weights=WEIGHTS,
        stages=[
            (
                "FusedMBConvConfig" if stage.block is BlockType.FUSED_MBCONV else "MBConvConfig",
                (
                    stage.expand_ratio,
                    stage.kernel_size,
                    stage.stride,
                    in_width,
                    stage.width,
                    stage.depth,
                ),
            )
            for stage, in_width in zip(architecture.stages, widths, strict=False)
        ],
        class_names=model.class_names,
        bn_eps=model.bn_eps,
        eval_size=model.eval_size,
        resize_size=int(model.eval_size / data["crop_pct"]),
        fit=model.preprocessing.fit,
        mean=data["mean"],
        std=data["std"],
    )


def require_expressible(model: ModelFile) -> None:
    """Check that torchvision's EfficientNet can be the network.

    Raises:
        ValueError: If not; the message names the stage and the reason.

    Source: torchvision 0.29.1, torchvision/models/efficientnet.py, `MBConv` and `FusedMBConv`.
    """
    if model.padding != "symmetric":
        raise ValueError(
            f"torchvision has no padding of TensorFlow (padding: {model.padding}); {_ELSEWHERE}"
        )
    for number, reason in _obstacles(model.architecture):
        raise ValueError(f"stage {number}: torchvision has no {reason}; {_ELSEWHERE}")


def _obstacles(architecture: Architecture) -> list[tuple[int, str]]:
    """Return the stages, counted from 1, that torchvision lacks, and why."""
    found, width = [], architecture.stem_width
    for number, stage in enumerate(architecture.stages, start=1):
        if stage.block is BlockType.FUSED_MBCONV:
            if stage.se_ratio:
                found.append((number, "Fused-MBConv with squeeze-excite"))
        elif not stage.se_ratio:
            found.append((number, "MBConv without squeeze-excite"))
        else:
            inputs = [width] if stage.depth == 1 else [width, stage.width]
            if any(stage.squeeze_width(channels) != channels // 4 for channels in inputs):
                reason = f"squeeze-excite of ratio {stage.se_ratio:g}, only of 0.25"
                found.append((number, reason))
        width = stage.width
    return found
