"""Mixup and cutmix of whole batches: every image with its own share of another.

The partner of an image is the one at its place in the reversed batch, as in the released
EfficientNetV2 code: no draw is needed and the pairs share what they exchange. In a batch of odd
size the image in the middle is its own partner and stays as it is.
"""

import torch
from torch import Tensor

from trainer.augment.geometry import covered


def mixup(
    images: Tensor, targets: Tensor, alpha: float | Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend each image and its targets with its partner's.

    The own share is max(b, 1 - b), b from Beta(alpha, alpha), one per image: the own image
    never counts less than its partner.

    Args:
        images: (batch, channels, height, width), float; uint8 is blended and rounded.
        targets: (batch, classes), float; probabilities.
        alpha: >= 0; 0 changes nothing. A tensor of no dimensions lets a schedule change it on
            the device: it is never read back.
        generator: Of the images' device.

    Returns:
        New images and targets, of the same types; or those given, if `alpha` is the number 0.

    Raises:
        ValueError: If `alpha` is a negative number, or the targets are not one row of floats
            per image.

    Source: Zhang et al., mixup (arXiv:1710.09412); share and partner as in the released code
    (datasets.py), whose paper has x = b x_j + (1 - b) x_i.
    """
    _check("mixup", images, targets, alpha)
    if not isinstance(alpha, Tensor) and alpha == 0:
        return images, targets
    share = _beta(len(images), alpha, generator)
    others = 1 - torch.maximum(share, 1 - share)
    return _mixed(images, others[:, None, None, None]), _mixed(targets, others[:, None])


def cutmix(
    images: Tensor, targets: Tensor, alpha: float | Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Paste a box of its partner into each image, and mix targets by the area pasted.

    The box has the image's proportions and sqrt(1 - b) of its sides, b from Beta(alpha, alpha),
    one per image; its centre is anywhere, and what reaches beyond the image is cut off. The
    targets follow the pixels that were really pasted; the released code takes one mean area for
    the whole batch.

    Args:
        images: As in `mixup`.
        targets: As in `mixup`.
        alpha: As in `mixup`.
        generator: As in `mixup`.

    Returns:
        As in `mixup`.

    Raises:
        ValueError: As in `mixup`.

    Source: Yun et al., CutMix (arXiv:1905.04899).
    """
    _check("cutmix", images, targets, alpha)
    if not isinstance(alpha, Tensor) and alpha == 0:
        return images, targets
    count, _, height, width = images.shape
    part = (1 - _beta(count, alpha, generator)).sqrt()
    centres = torch.rand((count, 2), generator=generator, device=images.device)
    sides = torch.stack([(part * height).floor(), (part * width).floor()], dim=1)
    rows, columns = covered(centres, sides, height=height, width=width)
    area = rows.sum(1) * columns.sum(1) / (height * width)
    return _pasted(images, rows, columns), _mixed(targets, area[:, None])


def mix(
    images: Tensor,
    targets: Tensor,
    generator: torch.Generator,
    *,
    mixup_alpha: float,
    cutmix_alpha: float,
) -> tuple[Tensor, Tensor]:
    """Mix as the released code does: mixup in one half of the batch, cutmix in the other.

    If only one alpha is above 0 that one gets the whole batch. Partners are of the same half.

    Args:
        images: As in `mixup`.
        targets: As in `mixup`.
        generator: As in `mixup`.
        mixup_alpha: >= 0.
        cutmix_alpha: >= 0.

    Returns:
        As in `mixup`.
    """
    if cutmix_alpha == 0:
        return mixup(images, targets, mixup_alpha, generator)
    if mixup_alpha == 0:
        return cutmix(images, targets, cutmix_alpha, generator)
    half = len(images) // 2
    blended = mixup(images[:half], targets[:half], mixup_alpha, generator)
    pasted = cutmix(images[half:], targets[half:], cutmix_alpha, generator)
    return torch.cat([blended[0], pasted[0]]), torch.cat([blended[1], pasted[1]])


def _mixed(own: Tensor, weights: Tensor) -> Tensor:
    """Blend with the reversed batch; `weights` are the partner's."""
    partner = own.flip(0).float()  # a copy: the result may take its place
    blended = torch.lerp(own.float(), partner, weights, out=partner)
    if not own.is_floating_point():
        blended = blended.round_()
    return blended.to(own.dtype)


def _pasted(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Take the box of rows and columns from the reversed batch, the rest from the batch.

    One gather of whole pixels: reversing and choosing would cost three passes more.
    """
    count, channels, height, width = images.shape
    area = height * width
    places = torch.arange(count * area, dtype=torch.int32, device=images.device)
    first = torch.arange(count, dtype=torch.int32, device=images.device)
    to_partner = (first.flip(0) - first) * area
    box = rows.int()[:, :, None] * columns.int()[:, None, :]
    index = box.mul_(to_partner[:, None, None]).add_(places.view(count, height, width))
    pixels = images.permute(0, 2, 3, 1)
    pasted = pixels.reshape(-1, channels).index_select(0, index.flatten())
    return pasted.view(pixels.shape).permute(0, 3, 1, 2)


def _beta(count: int, alpha: float | Tensor, generator: torch.Generator) -> Tensor:
    """Draw from Beta(alpha, alpha), float32; 1 for alpha 0.

    As the share of one of two gamma draws. torch.distributions draws the same, but only from
    the global generator. In float64: a small alpha has shares down to u**(1 / alpha).
    """
    if not isinstance(alpha, Tensor):
        alpha = torch.full((), alpha, device=generator.device)  # a fill: nothing is copied
    alpha = alpha.to(generator.device, torch.float64)
    gammas = torch._standard_gamma(alpha.clamp(min=1e-3).expand(2, count), generator)
    share = (gammas[0] / gammas.sum(0)).nan_to_num(nan=1.0)  # both 0: all is in one of them
    return torch.where(alpha > 0, share, 1.0).float()


def _check(owner: str, images: Tensor, targets: Tensor, alpha: float | Tensor) -> None:
    if not isinstance(alpha, Tensor) and not alpha >= 0:
        raise ValueError(f"{owner}.alpha must be >= 0, got {alpha!r}")
    if targets.ndim != 2 or len(targets) != len(images) or not targets.is_floating_point():
        got = f"{targets.dtype} {tuple(targets.shape)} for {len(images)} images"
        raise ValueError(f"{owner}.targets must be float (batch, classes), got {got}")
