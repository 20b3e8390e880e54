"""Preprocessing of evaluated images: decoded pixels become the input of a network.

The evaluation of a training and every later use of its model share this code, so that they see
the same pixels, bit by bit.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self, get_args

import torch.nn.functional as F
from torch import Tensor

from search_space.architecture import MAX_IMAGE_SIDE
from search_space.checks import require, require_int, require_keys
from trainer.config import Fit

DEEPEST = 16  # bits per channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How a picture becomes the input of a network, apart from the image size of the input.

    A picture is decoded to an upright RGB square (`trainer.data.cache.decode.decode`), its centre
    is cropped, and the crop is resized and scaled to [-1, 1] (`network_input`).

    Attributes:
        decoded_size: Side of the decoded squares, pixels.
        fit: How a picture becomes a square.
        eval_crop: Central share of the side that is kept before resizing, in (0, 1].
        level_bits: Depth from which levels of more than 8 bits are scaled, 9 to 16; None if no
            training image had such levels, or if each file states its scale.
        decoding: Version of the decoding, see `trainer.data.cache.images.DECODING_VERSION`.
    """

    decoded_size: int
    fit: Fit = "crop"
    eval_crop: float = 1.0
    level_bits: int | None = None
    decoding: int

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values; `from_dict` inverts it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the preprocessing with these values.

        Raises:
            ValueError: If a value is missing, unknown or out of its range.
        """
        require(isinstance(values, Mapping), "preprocessing", "a mapping", values)
        require_keys("preprocessing", values, [field.name for field in fields(cls)])
        crop, bits, fit = values["eval_crop"], values["level_bits"], values["fit"]
        require_int("preprocessing.decoded_size", values["decoded_size"], 1, MAX_IMAGE_SIDE)
        require_int("preprocessing.decoding", values["decoding"], 1)
        require(fit in get_args(Fit), "preprocessing.fit", " or ".join(get_args(Fit)), fit)
        is_share = isinstance(crop, float | int) and 0 < crop <= 1
        require(is_share, "preprocessing.eval_crop", "in (0, 1]", crop)
        if bits is not None:
            require_int("preprocessing.level_bits", bits, 8, DEEPEST)
        return cls(**values)

    def for_size(self, image_size: int) -> Self:
        """Return the preprocessing for an input of this size, pixels.

        A picture is decoded larger for a larger input than the decoded squares of the training,
        because pixels that are enlarged show no more.
        """
        return replace(self, decoded_size=max(self.decoded_size, image_size))

    def network_input(self, pixels: Tensor, image_size: int) -> Tensor:
        """Return the input of a network.

        Args:
            pixels: Decoded squares, (batch, 3, side, side), uint8.
            image_size: Side of the input, pixels.

        Returns:
            (batch, 3, image_size, image_size), float32 in [-1, 1].
        """
        return normalise(resized(central_crop(pixels, self.eval_crop), image_size))


def central_crop(images: Tensor, share: float) -> Tensor:
    """Return the centre of square images (batch, channels, side, side), as a view.

    Args:
        images: The images.
        share: Share of the side that is kept, in (0, 1].
    """
    side = images.shape[-1]
    kept = max(1, round(share * side))
    low = (side - kept) // 2
    return images[:, :, low : low + kept, low : low + kept]


def resized(images: Tensor, size: int) -> Tensor:
    """Resize square images (batch, channels, side, side), uint8 or float, with antialiasing.

    The result is (batch, channels, size, size) of the images' dtype; the given tensor if `size`
    is `side`.
    """
    if images.shape[-1] == size:
        return images
    resized = F.interpolate(images.float(), (size, size), mode="bilinear", antialias=True)
    return resized if images.is_floating_point() else resized.round_().to(images.dtype)


def normalise(pixels: Tensor) -> Tensor:
    """Map uint8 pixels of any shape to float32 in [-1, 1]; shape and memory format stay.

    Mean and standard deviation are 0.5 in every channel for all data sets, so that a model does
    not need the statistics of its training images.

    Source: The released EfficientNetV2 code, (x - 128) / 128 (preprocessing.py), here with the
    exact midpoint 127.5.
    """
    return pixels.float().mul_(1 / 127.5).sub_(1.0)
