"""Antialiased random resized crops of whole batches, as two matrix products per channel."""

import math

import torch
from torch import Tensor

from search_space.checks import require

TRIES = 10
CHUNK_BYTES = 2**20


def random_resized_crop(
    images: Tensor,
    size: int,
    generator: torch.Generator,
    *,
    scale: tuple[float, float] = (0.05, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Tensor:
    """Crop a random box of each image and resize it to size x size.

    Args:
        images: (batch, channels, height, width), uint8 or float.
        size: Side of the result in pixels, >= 1.
        generator: Of the images' device.
        scale: Smallest and largest area of the box, as parts of the image's area, in (0, 1].
        ratio: Smallest and largest width / height of the box, > 0.

    Returns:
        (batch, channels, size, size) of the images' dtype, channels_last.

    Raises:
        ValueError: If `size`, `scale` or `ratio` is out of range.

    Source: The released EfficientNetV2 code (preprocessing.py): area 0.05 to 1, aspect 3/4 to
    4/3. It resizes without antialiasing.
    """
    low, high = scale
    require(size >= 1, "random_resized_crop.size", ">= 1", size)
    require(0 < low <= high <= 1, "random_resized_crop.scale", "a range in (0, 1]", scale)
    low, high = ratio
    require(0 < low <= high < math.inf, "random_resized_crop.ratio", "a range above 0", ratio)
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
    """Draw boxes (count, 4), float32: top, left, height, width in pixels, not rounded.

    The area is uniform in `scale`, the logarithm of width / height uniform, so that wide and
    tall boxes are equally likely. The first of ten draws that fits into the image is taken; if
    none fits, the largest centred box with an allowed ratio. The position is uniform. `sides`
    are height and width of the images in pixels, `scale` and `ratio` as in `random_resized_crop`.

    Source: torchvision's RandomResizedCrop and TensorFlow's sample_distorted_bounding_box draw
    in the same way, 10 and 100 times, and round the boxes.
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
    top, left = torch.where(found, places, 0.5)
    box = [top * (height - box_height), left * (width - box_width), box_height, box_width]
    return torch.stack(box, dim=1)


def resize_boxes(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Resize one box of each image to size x size with an antialiasing triangle filter.

    Every image has its own weights for rows and for columns, so the batch takes two batched
    matrix products for any boxes.

    Args:
        images: (batch, channels, height, width), uint8 or float.
        boxes: (batch, 4) float, top, left, height, width in pixels, within the images.
        size: Side of the result, pixels, >= 1.

    Returns:
        (batch, channels, size, size) of the images' dtype, channels_last; uint8 is rounded.

    Source: Pillow's Image.resize(BILINEAR, box=...), which also rounds between its two passes.
    """
    length = _chunk_length(images, size)
    chunks = zip(images.split(length), boxes.split(length), strict=True)
    return torch.cat([_resized(chunk, chunk_boxes, size) for chunk, chunk_boxes in chunks])


def _resized(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    top, left, box_height, box_width = boxes.float().unbind(1)
    down = _weights(top, box_height, size, images.shape[2])
    across = _weights(left, box_width, size, images.shape[3])
    planes = images.float().contiguous()  # contiguous planes, as the matrix products need
    resized = down[:, None] @ (planes @ across[:, None].mT)
    if not images.is_floating_point():
        resized = resized.round_().clamp_(0, 255)
    return resized.to(images.dtype).contiguous(memory_format=torch.channels_last)


def _chunk_length(images: Tensor, size: int) -> int:
    """Return the images to resize at a time: on a CPU those that fit its cache in float32.

    From 128 pixels on this is twice as fast as whole batches.
    """
    count, channels, height, width = images.shape
    if images.device.type != "cpu":
        return max(1, count)
    return max(2, CHUNK_BYTES // (4 * channels * max(height * width, size * size)))


def _weights(start: Tensor, length: Tensor, size: int, side: int) -> Tensor:
    """Return (images, size, side), the weight of each input pixel in each output pixel.

    Start and length of the box are (images,), in input pixels.
    """
    scale = (length / size)[:, None]
    centres = start[:, None] + (torch.arange(size, device=start.device) + 0.5) * scale
    inputs = torch.arange(side, device=start.device) + 0.5
    distances = (inputs - centres[..., None]).abs_()
    weights = (1 - distances / scale.clamp(min=1)[..., None]).clamp_(min=0)
    return weights / weights.sum(-1, keepdim=True)
