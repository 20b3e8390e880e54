"""Conventions of weights: the input scale, padding and epsilon that they were trained with.

torchvision and timm scale images otherwise than this project, and weights give wrong outputs
under another scale. A file of weights does not say its conventions; its naming scheme, the
architecture and, for timm, the network's name do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from search_space.architecture import Architecture
from search_space.network import BN_EPS
from search_space.nn import Padding
from search_space.published import published
from trainer.config import ScaleName

Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputScale:
    """A scale of images: (value - mean) / std of red, green and blue values in [0, 1].

    Attributes:
        mean: Mean of each channel.
        std: Standard deviation of each channel, > 0.
    """

    mean: Channels
    std: Channels

    def __str__(self) -> str:
        """Return mean and standard deviation for a message."""
        mean, std = (
            " ".join(f"{value:g}" for value in triple) for triple in (self.mean, self.std)
        )
        return f"mean {mean}, std {std}"


OUR_SCALE = InputScale(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))  # [-1, 1]
# Names as in timm; "inception" is this project's scale too.
SCALES: dict[ScaleName, InputScale] = {
    "imagenet": InputScale(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
    "inception": OUR_SCALE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """What a network's code must do as it did where the weights were trained.

    Attributes:
        origin: Where the weights come from, for messages.
        scale: Scale of the images.
        padding: Padding of the convolutions; None if it is not known.
        bn_eps: Added to the variance in batch normalisation.
    """

    origin: str
    scale: InputScale = OUR_SCALE
    padding: Padding | None = None
    bn_eps: float = BN_EPS


def torchvision_conventions(architecture: Architecture) -> Conventions:
    """Return the conventions of torchvision's weights.

    Its EfficientNetV2-L was converted from TensorFlow and has images in [-1, 1]. Its V1 networks
    B0 to B4 have PyTorch's default epsilon.

    Source: torchvision 0.28.0, torchvision/models/efficientnet.py.
    """
    v1 = not any(stage.block == "fused_mbconv" for stage in architecture.stages)
    large = any(architecture == published(f"efficientnet-b{i}").architecture for i in (5, 6, 7))
    from_tensorflow = architecture == published("efficientnetv2-l").architecture
    return Conventions(
        origin="torchvision's efficientnet_v2_l" if from_tensorflow else "torchvision",
        scale=SCALES["inception" if from_tensorflow else "imagenet"],
        padding="symmetric",
        bn_eps=1e-5 if v1 and not large else 1e-3,
    )


def timm_conventions(name: str | None, padding: Padding) -> Conventions:
    """Return the conventions of timm's weights.

    Args:
        name: The network in timm, such as ``tf_efficientnetv2_b0.in1k``; None if it is not known.
        padding: Padding of the network that gets the weights. It tells networks of TensorFlow
            (``tf_``) from others if the name is not known.

    Source: timm 1.0.31, timm/models/efficientnet.py: `default_cfgs`, and `bn_eps` and `pad_type`
        of the functions named ``tf_*``.
    """
    tensorflow = padding == "tf-same" if name is None else "tf_" in name
    inception = name is not None and re.search(
        r"tf_efficientnetv2_(s|m|l|xl)(?![a-z])|tf_efficientnetv2_b3.*21k"
        r"|tf_efficientnet_.*[._]ap(?![a-z])|ra4_e3600",
        name,
    )
    unnamed = "timm's tf_ networks" if tensorflow else "timm's networks without tf_"
    return Conventions(
        origin=f"{unnamed}, because no name says which" if name is None else f"timm's {name}",
        scale=SCALES["inception" if inception else "imagenet"],
        padding="tf-same" if tensorflow else "symmetric",
        bn_eps=1e-3 if tensorflow else 1e-5,
    )


def timm_name(path: Path, arch: object) -> str | None:
    """Return the timm network that a file is of, or None.

    Args:
        path: The file; its name, its folder's, or the folder of the Hugging Face hub's cache may
            name the network.
        arch: The value of ``arch`` in a checkpoint of timm's training script.
    """
    hub = (part for part in path.absolute().parts if part.startswith("models--"))
    for place in (arch, path.name, path.absolute().parent.name, *hub):
        found = re.search(r"(tf_)?efficientnet(v2)?_[A-Za-z0-9_.]+", str(place))
        if found:
            return re.sub(r"\.(pth|pt|bin|tar)$", "", found[0])
    return None


def fold_input_scale(weights: Mapping[str, Tensor], scale: InputScale) -> dict[str, Tensor]:
    """Return `weights`, in our names, for a network that subtracts `input_shift`.

    With x in [-1, 1], an image of the other scale is y = (x - shift) / (2 std), where the shift is
    2 mean - 1. The factor goes into the weights of the stem's convolution. The network subtracts
    the shift itself, because the convolution pads with zeros: as a constant behind the
    convolution it would be wrong at the border. The result is exact in evaluation and training.
    """
    kernel = weights.get("stem.conv.weight")
    if kernel is None or scale.std == OUR_SCALE.std:
        return dict(weights)
    double_std = 2 * torch.tensor(scale.std, dtype=torch.float64)[:, None, None]
    return {**weights, "stem.conv.weight": (kernel.double() / double_std).to(kernel.dtype)}


def input_shift(scale: InputScale) -> Channels | None:
    """Return what a network subtracts from images in [-1, 1] for weights of `scale`."""
    red, green, blue = (2 * mean - 1 for mean in scale.mean)
    return None if (red, green, blue) == (0.0, 0.0, 0.0) else (red, green, blue)


def shifted_scale(shift: Channels | None) -> InputScale:
    """Return the scale of a network of ours with this shift; `input_shift` inverts it."""
    if shift is None:
        return OUR_SCALE
    red, green, blue = ((value + 1) / 2 for value in shift)
    return InputScale(mean=(red, green, blue), std=OUR_SCALE.std)
