"""Random resized crops of whole batches, antialiased: two matrix products per channel."""

import math

import torch
from torch import Tensor

TRIES = 10
PIECE_BYTES = 2**20


def random_resized_crop(
    images: Tensor,
    size: int,
    generator: torch.Generator,
    *,
    scale: tuple[float, float] = (0.05, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Tensor:
    """Cut a random box out of each image and resize it to size x size.

    Args:
        images: (batch, channels, height, width), uint8 or float.
        size: Side of the result in pixels, >= 1.
        generator: Of the images' device.
        scale: Smallest and largest area of the box, as parts of the image's area.
        ratio: Smallest and largest width / height of the box.

    Returns:
        (batch, channels, size, size) of the images' type, channels_last.

    Raises:
        ValueError: If `size` < 1, or `scale` or `ratio` is no range of positive numbers, or
            `scale` exceeds 1.

    Source: The released EfficientNetV2 code (preprocessing.py): area 0.05 to 1, aspect 3/4 to
    4/3. It resizes without antialias.
    """
    if size < 1:
        raise ValueError(f"random_resized_crop.size must be >= 1, got {size!r}")
    if not 0 < scale[0] <= scale[1] <= 1:
        raise ValueError(f"random_resized_crop.scale must be a range in (0, 1], got {scale!r}")
    if not 0 < ratio[0] <= ratio[1] < math.inf:
        raise ValueError(f"random_resized_crop.ratio must be a range above 0, got {ratio!r}")
    count, _, height, width = images.shape
    boxes = random_boxes(count, (height, width), generator, scale=scale, ratio=ratio)
    return resize_boxes(images, boxes, size)


def random_boxes(
    count: int,
    sides: tuple[int, int],
    generator: torch.Generator,
    *,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> Tensor:
    """Draw boxes (count, 4): top, left, height, width in pixels, not rounded.

    Area evenly in `scale`, width / height evenly in the logarithm of `ratio`, so that wide and
    tall are as likely. Ten tries are drawn for each image and the first that fits is taken; if
    none does, the largest centred box of an allowed ratio. Then the place, evenly.

    Args:
        count: Number of boxes.
        sides: Height and width of the images, pixels.
        generator: Decides the device, too.
        scale: See `random_resized_crop`.
        ratio: See `random_resized_crop`.

    Source: torchvision's RandomResizedCrop and TensorFlow's sample_distorted_bounding_box try
    in the same way, with rounded boxes, and 10 or 100 times.
    """
    height, width = sides
    device = generator.device
    draws = torch.rand((2, count, TRIES), generator=generator, device=device)
    areas = (scale[0] + (scale[1] - scale[0]) * draws[0]) * (height * width)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    ratios = (low + (high - low) * draws[1]).exp()
    heights, widths = (areas / ratios).sqrt(), (areas * ratios).sqrt()
    fits = (heights <= height) & (widths <= width)
    first = fits.int().argmax(dim=1, keepdim=True)
    found = fits.any(dim=1)
    fallback = min(max(width / height, ratio[0]), ratio[1])
    box_height = torch.where(found, heights.gather(1, first)[:, 0], min(height, width / fallback))
    box_width = torch.where(found, widths.gather(1, first)[:, 0], min(width, height * fallback))
    places = torch.rand((2, count), generator=generator, device=device)
    places = torch.where(found, places, 0.5)
    top = places[0] * (height - box_height)
    left = places[1] * (width - box_width)
    return torch.stack([top, left, box_height, box_width], dim=1)


def resize_boxes(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Resize one box of each image to size x size, with a triangle filter as wide as needed.

    Every image has its own weights, rows and columns apart, so the batch is two batched matrix
    products whatever the boxes are.

    Args:
        images: (batch, channels, height, width), uint8 or float.
        boxes: (batch, 4) top, left, height, width in pixels, within the images.
        size: Side of the result, pixels.

    Returns:
        (batch, channels, size, size) of the images' type, channels_last; uint8 is rounded.

    Source: Pillow's Image.resize(BILINEAR, box=...), which rounds to levels in between, too.
    """
    pieces = zip(*(each.split(_piece(images, size)) for each in (images, boxes)), strict=True)
    return torch.cat([_resized(part, boxes, size) for part, boxes in pieces])


def _resized(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    _, _, height, width = images.shape
    top, left, box_height, box_width = boxes.float().unbind(1)
    down = _weights(top, box_height, size, height)
    across = _weights(left, box_width, size, width)
    planes = images.float().contiguous()  # planes of long rows: the products' own layout
    resized = down[:, None] @ (planes @ across[:, None].mT)
    if not images.is_floating_point():
        resized = resized.round_().clamp_(0, 255)
    return resized.to(images.dtype).contiguous(memory_format=torch.channels_last)


def _piece(images: Tensor, size: int) -> int:
    """Return how many images to resize at a time: on a CPU what its cache holds, in float32.

    Twice as fast there as whole batches from 128 pixels on.
    """
    count, channels, height, width = images.shape
    if images.device.type != "cpu":
        return max(1, count)
    return max(2, PIECE_BYTES // (4 * channels * max(height * width, size * size)))


def _weights(start: Tensor, length: Tensor, size: int, side: int) -> Tensor:
    """Return (images, size, side): how much each input pixel counts in each output pixel.

    Args:
        start: (images,) where the box begins, pixels.
        length: (images,) of the box, pixels.
        size: Output pixels.
        side: Input pixels.
    """
    scale = (length / size)[:, None]
    centres = start[:, None] + (torch.arange(size, device=start.device) + 0.5) * scale
    inputs = torch.arange(side, device=start.device) + 0.5
    distances = (inputs - centres[..., None]).abs_()
    weights = (1 - distances / scale.clamp(min=1)[..., None]).clamp_(min=0)
    return weights / weights.sum(-1, keepdim=True)
