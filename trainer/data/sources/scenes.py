"""Rendering of digit scenes: one posed and tinted digit on clutter."""

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

# Part of the cache's name: increase it when the rendering changes.
SCENES_VERSION = 1
SCENE_SIZE = 48
# A digit has 24 pixels in a patch with an empty margin, so that it fades at its edges.
DIGIT_SIZE = 24
MARGIN = 4
# Clutter: windows of other digits' patches.
FRAGMENT_SIZE = 8
FRAGMENTS = 4
FRAGMENT_STRENGTH = 0.8
BACKGROUND_STRENGTH = 0.4
BACKGROUND_CELLS = 6
PIXEL_NOISE = 0.08
BATCH = 500


def render_scenes(
    digits: npt.NDArray[np.float32], shown: npt.NDArray[np.int64], *, seed: int
) -> npt.NDArray[np.uint8]:
    """Render scenes (count, 48, 48, 3), uint8 RGB, one for each entry of `shown`.

    Args:
        digits: (sources, 8, 8) float32 in [0, 1]; clutter is cut from these as well.
        shown: (count,) int64, index of the digit that each scene shows.
        seed: Seed of the one generator that draws everything, in batches of a fixed size.
    """
    generator = torch.Generator().manual_seed(seed)
    patches = F.interpolate(
        torch.from_numpy(digits)[:, None], size=DIGIT_SIZE, mode="bicubic", align_corners=False
    ).clamp(0, 1)
    patches = F.pad(patches, [MARGIN] * 4)
    scenes = np.empty((len(shown), SCENE_SIZE, SCENE_SIZE, 3), dtype=np.uint8)
    for start in range(0, len(shown), BATCH):
        chosen = torch.from_numpy(shown[start : start + BATCH])
        scene = _render(patches, chosen, generator)
        levels = (scene.clamp(0, 1) * 255).round().to(torch.uint8)
        scenes[start : start + BATCH] = levels.permute(0, 2, 3, 1).numpy()
    return scenes


def _render(patches: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """Return scenes (batch, 3, 48, 48); each layer covers the earlier ones by its opacity."""
    count = len(chosen)
    scene = _background(count, generator)
    for _ in range(FRAGMENTS):
        opacity = _fragment(patches, count, generator) * FRAGMENT_STRENGTH
        scene = _paint(scene, opacity, _uniform((count, 3, 1, 1), 0.4, 1.0, generator))
    opacity = _warp(patches[chosen], _pose(count, generator))
    scene = _paint(scene, opacity, _uniform((count, 3, 1, 1), 0.55, 1.0, generator))
    sigma = _uniform((count, 1, 1, 1), 0.0, PIXEL_NOISE, generator)
    return scene + sigma * torch.randn(scene.shape, generator=generator)


def _paint(scene: Tensor, opacity: Tensor, tint: Tensor) -> Tensor:
    return scene + opacity * (tint - scene)


def _background(count: int, generator: torch.Generator) -> Tensor:
    """Return smooth coloured noise."""
    shape = (count, 3, BACKGROUND_CELLS, BACKGROUND_CELLS)
    noise = _uniform(shape, 0.0, BACKGROUND_STRENGTH, generator)
    return F.interpolate(noise, size=SCENE_SIZE, mode="bicubic", align_corners=False)


def _pose(count: int, generator: torch.Generator) -> Tensor:
    """Return maps (batch, 2, 3) from scene to patch coordinates, both in [-1, 1].

    The inverse of: shear by up to 0.2, turn by up to 0.35 rad, shrink the patch to a half-size
    of 0.42 to 0.68 of the scene, move its centre by up to 0.33.
    """
    angle = _uniform((count,), -0.35, 0.35, generator)
    shear = _uniform((count,), -0.2, 0.2, generator)
    half_size = _uniform((count,), 0.42, 0.68, generator)
    centre = _uniform((count, 2, 1), -0.33, 0.33, generator)
    return _inverse(angle, shear, half_size, centre)


def _fragment(patches: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return windows of random patches, rotated and moved, with about the digit's scale."""
    side = patches.shape[-1]
    corners = torch.randint(0, side - FRAGMENT_SIZE + 1, (2, count, 1), generator=generator)
    sources = torch.randint(0, len(patches), (count,), generator=generator)
    span = torch.arange(FRAGMENT_SIZE)
    rows, columns = corners[0] + span, corners[1] + span
    windows = patches[sources[:, None, None], 0, rows[:, :, None], columns[:, None, :]]
    angle = _uniform((count,), -math.pi, math.pi, generator)
    half_size = _uniform((count,), 0.42, 0.68, generator) * (FRAGMENT_SIZE / side)
    centre = _uniform((count, 2, 1), -1.0, 1.0, generator)
    return _warp(windows[:, None], _inverse(angle, torch.zeros(count), half_size, centre))


def _inverse(angle: Tensor, shear: Tensor, half_size: Tensor, centre: Tensor) -> Tensor:
    """Return the inverse (batch, 2, 3) of x -> rotation @ shear @ x * half_size + centre."""
    cos, sin = angle.cos(), angle.sin()
    rotation = torch.stack([cos, sin, -sin, cos], dim=1).reshape(-1, 2, 2)
    one, zero = torch.ones_like(shear), torch.zeros_like(shear)
    unshear = torch.stack([one, -shear, zero, one], dim=1).reshape(-1, 2, 2)
    linear = unshear @ rotation / half_size[:, None, None]
    return torch.cat([linear, -linear @ centre], dim=2)


def _warp(patches: Tensor, maps: Tensor) -> Tensor:
    shape = [len(patches), 1, SCENE_SIZE, SCENE_SIZE]
    grid = F.affine_grid(maps, shape, align_corners=False)
    return F.grid_sample(patches, grid, mode="bilinear", align_corners=False)


def _uniform(
    shape: tuple[int, ...], low: float, high: float, generator: torch.Generator
) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)
