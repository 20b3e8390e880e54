"""Converting the weights of torchvision and timm to our names, and back."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from search_space.architecture import Architecture, BlockType, Stage
from search_space.network import build_network

_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

Names = Iterator[tuple[str, str]]  # ours and theirs, of tensors or of layers
BlockNames = Callable[[Stage, int, int], Names]


def from_torchvision(
    architecture: Architecture, state_dict: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename the weights of torchvision's EfficientNet and EfficientNetV2.

    The classifier may have any number of classes. The values stay: `trainer.run.conventions`
    says which input scale, padding and `bn_eps` they expect.

    Args:
        architecture: The network.
        state_dict: torchvision's names and tensors, of any dtype; they are not copied.

    Returns:
        Our names and the same tensors, in the shapes of ``build_network(architecture,
        num_classes).state_dict()``: (out, in, 1, 1) becomes (out, in) in squeeze-excite.

    Raises:
        ValueError: If a tensor is missing, unknown or of another shape; the message names it.

    Source: torchvision 0.28.0, torchvision/models/efficientnet.py.
    """
    return _renamed(architecture, state_dict, _torchvision_names(architecture))


def from_timm(architecture: Architecture, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of timm's ``efficientnet_*``, ``tf_efficientnet_*`` and ``*v2_*``.

    Networks with ``tf_`` in their name come from TensorFlow and need
    ``build_network(..., padding="tf-same")``. Args, returns and raises as `from_torchvision`,
    with timm's names in `state_dict`.

    Source: timm 1.0.31, timm/models/_efficientnet_blocks.py.
    """
    return _renamed(architecture, state_dict, _timm_names(architecture))


def to_torchvision(
    architecture: Architecture, state_dict: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename our weights to torchvision's names; `from_torchvision` inverts it.

    Args:
        architecture: The network.
        state_dict: Our names and tensors, those of ``build_network(architecture, ...)``.

    Returns:
        torchvision's names and the same tensors, in torchvision's shapes: (out, in) becomes
        (out, in, 1, 1) in squeeze-excite.

    Raises:
        ValueError: If torchvision has no such block, or a tensor is missing or unknown.
    """
    return _renamed_back(state_dict, _torchvision_names(architecture))


def to_timm(architecture: Architecture, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename our weights to timm's names; `from_timm` inverts it.

    Args, returns and raises as `to_torchvision`, with timm's names.
    """
    return _renamed_back(state_dict, _timm_names(architecture))


def _torchvision_names(architecture: Architecture) -> Names:
    """Yield our name and torchvision's of every tensor."""
    last = f"features.{len(architecture.stages) + 1}"
    yield from _layer("stem", "features.0.0", "features.0.1")
    yield from _block_layers(architecture, _torchvision_block)
    yield from _layer("head", f"{last}.0", f"{last}.1")
    yield from _linear("classifier", "classifier.1")


def _timm_names(architecture: Architecture) -> Names:
    """Yield our name and timm's of every tensor."""
    yield from _layer("stem", "conv_stem", "bn1")
    yield from _block_layers(architecture, _timm_block)
    yield from _layer("head", "conv_head", "bn2")
    yield from _linear("classifier", "classifier")


def _torchvision_block(stage: Stage, stage_index: int, block_index: int) -> Names:
    """Yield the names of a block's tensors: torchvision numbers the layers of a block."""
    if stage.block is BlockType.FUSED_MBCONV and stage.se_ratio:
        raise ValueError("torchvision has no Fused-MBConv with squeeze-excite")
    theirs = f"features.{stage_index + 1}.{block_index}.block"
    expands = stage.expand_ratio != 1
    layers = ["expand"] if expands else []
    if stage.block is BlockType.MBCONV:
        layers += ["depthwise", "squeeze_excite"] if stage.se_ratio else ["depthwise"]
    for number, layer in enumerate([*layers, "project"]):
        if layer == "squeeze_excite":
            yield from _linear("squeeze_excite.reduce", f"{theirs}.{number}.fc1")
            yield from _linear("squeeze_excite.expand", f"{theirs}.{number}.fc2")
        else:
            yield from _layer(layer, f"{theirs}.{number}.0", f"{theirs}.{number}.1")


def _timm_block(stage: Stage, stage_index: int, block_index: int) -> Names:
    """Yield the names of a block's tensors: timm has four kinds of block."""
    expands = stage.expand_ratio != 1
    if stage.block is BlockType.FUSED_MBCONV and not expands and stage.se_ratio:
        raise ValueError("timm has no Fused-MBConv of expansion 1 with squeeze-excite")
    theirs = f"blocks.{stage_index}.{block_index}"
    convs = {
        (BlockType.MBCONV, True): {
            "expand": "conv_pw",
            "depthwise": "conv_dw",
            "project": "conv_pwl",
        },
        (BlockType.MBCONV, False): {"depthwise": "conv_dw", "project": "conv_pw"},
        (BlockType.FUSED_MBCONV, True): {"expand": "conv_exp", "project": "conv_pwl"},
        (BlockType.FUSED_MBCONV, False): {"project": "conv"},
    }[stage.block, expands]
    for number, (layer, conv) in enumerate(convs.items(), start=1):
        yield from _layer(layer, f"{theirs}.{conv}", f"{theirs}.bn{number}")
    if stage.se_ratio:
        yield from _linear("squeeze_excite.reduce", f"{theirs}.se.conv_reduce")
        yield from _linear("squeeze_excite.expand", f"{theirs}.se.conv_expand")


def _block_layers(architecture: Architecture, block_names: BlockNames) -> Names:
    """Yield our name and theirs of every tensor of every block, first to last."""
    for i, stage in enumerate(architecture.stages):
        for j in range(stage.depth):
            for ours, theirs in block_names(stage, i, j):
                yield f"stages.{i}.{j}.branch.{ours}", theirs


def _layer(ours: str, conv: str, norm: str) -> Names:
    yield f"{ours}.conv.weight", f"{conv}.weight"
    for name in _NORM:
        yield f"{ours}.norm.{name}", f"{norm}.{name}"


def _linear(ours: str, theirs: str) -> Names:
    yield f"{ours}.weight", f"{theirs}.weight"
    yield f"{ours}.bias", f"{theirs}.bias"


def _renamed(
    architecture: Architecture, state_dict: Mapping[str, Tensor], pairs: Names
) -> dict[str, Tensor]:
    """Return each tensor under its new name; a 1x1 convolution becomes a linear layer's matrix."""
    names = list(pairs)
    _require_names(state_dict, [theirs for _, theirs in names])
    num_classes = next(state_dict[old].shape[0] for new, old in names if new == "classifier.bias")
    with torch.device("meta"):
        expected = build_network(architecture, num_classes).state_dict()
    renamed = {}
    for ours, theirs in names:
        tensor, shape = state_dict[theirs], expected[ours].shape
        linear = len(shape) == 2 and tensor.shape == (*shape, 1, 1)
        if tensor.shape != shape and not linear:
            raise ValueError(
                f"state_dict tensor {theirs} must have shape {tuple(shape)}, "
                f"got {tuple(tensor.shape)}"
            )
        renamed[ours] = tensor.reshape(shape)
    return renamed


def _renamed_back(state_dict: Mapping[str, Tensor], pairs: Names) -> dict[str, Tensor]:
    """Return each tensor under their name; squeeze-excite's matrix becomes a 1x1 convolution."""
    names = list(pairs)
    _require_names(state_dict, [ours for ours, _ in names])
    renamed = {}
    for ours, theirs in names:
        tensor = state_dict[ours]
        matrix = tensor.ndim == 2 and ".squeeze_excite." in ours
        renamed[theirs] = tensor[:, :, None, None] if matrix else tensor
    return renamed


def _require_names(state_dict: Mapping[str, Tensor], names: list[str]) -> None:
    """Raise a ValueError if the tensors of `state_dict` are not those of `names`."""
    if unknown := sorted(set(state_dict) - set(names)):
        raise ValueError(f"state_dict has tensors that this architecture lacks: {_list(unknown)}")
    if missing := [name for name in names if name not in state_dict]:
        raise ValueError(f"state_dict lacks {_list(missing)}")


def _list(names: list[str]) -> str:
    """Return the first three of `names` and the number of the others."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
