"""Mixup and cutmix of whole batches, with a different share for each image.

The partner of an image is the image at the same position of the reversed batch, as in the
released EfficientNetV2 code, so partners need no random draw. In a batch of odd size the image in
the middle is its own partner and does not change.
"""

import torch
from torch import Tensor

from search_space.checks import require
from trainer.augment.geometry import covered


def mixup(
    images: Tensor, targets: Tensor, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Blend each image and its targets with those of its partner.

    The image's own share is max(b, 1 - b), with one b from Beta(alpha, alpha) per image: the
    partner never has the larger share.

    Args:
        images: (batch, channels, height, width), float or uint8; uint8 is blended and rounded.
        targets: (batch, classes), float probabilities in [0, 1].
        alpha: >= 0; 0 changes nothing.
        generator: Of the images' device.

    Returns:
        New images and targets of the same shapes and dtypes; the given ones if `alpha` is 0.

    Raises:
        ValueError: If `alpha` is negative, or the targets are not one row of floats per image.

    Source: Zhang et al., mixup (arXiv:1710.09412); share and partner as in the released code
    (datasets.py), whose paper has x = b x_j + (1 - b) x_i.
    """
    _check("mixup", images, targets, alpha)
    if alpha == 0:
        return images, targets
    share = _beta(len(images), alpha, generator)
    others = 1 - torch.maximum(share, 1 - share)
    return _mixed(images, others[:, None, None, None]), _mixed(targets, others[:, None])


def cutmix(
    images: Tensor, targets: Tensor, alpha: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Paste a box of its partner into each image, and mix the targets by the pasted area.

    The box has the image's proportions and sqrt(1 - b) of its sides, with one b from
    Beta(alpha, alpha) per image. Its centre is any pixel; it is clipped at the image's border.
    The targets have the share of the pixels that were pasted; the released code takes one mean
    area for the whole batch.

    Args, returns and raises as `mixup`: images (batch, channels, height, width), uint8 or float,
    and targets (batch, classes), float in [0, 1].

    Source: Yun et al., CutMix (arXiv:1905.04899).
    """
    _check("cutmix", images, targets, alpha)
    if alpha == 0:
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
    """Apply mixup to one half of the batch and cutmix to the other, as the released code does.

    If only one alpha is above 0, its operation gets the whole batch. Partners are in the same
    half. Args and returns as `mixup`: images (batch, channels, height, width), uint8 or float,
    and targets (batch, classes), float in [0, 1].
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

    This is one gather of whole pixels; reversing and selecting would take three more passes.
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


def _beta(count: int, alpha: float, generator: torch.Generator) -> Tensor:
    """Draw (count,) from Beta(alpha, alpha), float32, for alpha > 0.

    The draw is the share of one of two gamma variables. torch.distributions computes the same,
    but only with the global generator. float64, as a small alpha has shares down to
    u**(1 / alpha).
    """
    shape = torch.full((2, count), alpha, device=generator.device)  # a fill copies nothing
    gammas = torch._standard_gamma(shape.double().clamp_(min=1e-3), generator)
    # Both 0: all is in one of them.
    return (gammas[0] / gammas.sum(0)).nan_to_num(nan=1.0).float()


def _check(owner: str, images: Tensor, targets: Tensor, alpha: float) -> None:
    require(alpha >= 0, f"{owner}.alpha", ">= 0", alpha)
    if targets.ndim != 2 or len(targets) != len(images) or not targets.is_floating_point():
        got = f"{targets.dtype} {tuple(targets.shape)} for {len(images)} images"
        raise ValueError(f"{owner}.targets must be float (batch, classes), got {got}")
