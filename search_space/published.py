"""The published networks by name: EfficientNet B0-B7, EfficientNetV2 S, M, L, XL and B0-B3."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from search_space.architecture import Architecture, BlockType, Stage
from search_space.checks import did_you_mean, shown


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNetwork:
    """A published network and the settings that it was published with.

    Attributes:
        name: The name that `published` accepts.
        architecture: The network.
        train_size: Largest training image side, pixels.
        eval_size: Evaluation image side, pixels.
        dropout: Dropout rate before the classifier.
        source: Paper and code that the values were read from.
    """

    name: str
    architecture: Architecture
    train_size: int
    eval_size: int
    dropout: float
    source: str


class _Generation(NamedTuple):
    """What all networks of a generation share; the first four have one entry per stage."""

    blocks: str  # F: Fused-MBConv, M: MBConv
    kernels: tuple[int, ...]
    expansions: tuple[int, ...]
    strides: tuple[int, ...]
    guard: bool  # see `round_width`
    source: str


class _Skeleton(NamedTuple):
    """Channels and layers; a network with fewer stages than its generation lacks the last ones."""

    stem: int
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    head: int = 1280


_SE_RATIO = {"M": 0.25, "F": 0.0}  # no released network has squeeze-excite in Fused-MBConv

_V1 = _Generation(
    blocks="MMMMMMM",
    kernels=(3, 3, 5, 3, 5, 5, 3),
    expansions=(1, 6, 6, 6, 6, 6, 6),
    strides=(1, 2, 2, 2, 1, 2, 1),
    guard=True,
    source="arXiv:1905.11946; tensorflow/tpu models/official/efficientnet/efficientnet_builder.py",
)
_V2 = _Generation(
    blocks="FFFMMMM",
    kernels=(3, 3, 3, 3, 3, 3, 3),
    expansions=(1, 4, 4, 4, 6, 6, 6),
    strides=(1, 2, 2, 2, 1, 2, 1),
    guard=False,
    source="arXiv:2104.00298; google/automl efficientnetv2/effnetv2_configs.py",
)

_V1_BASE = _Skeleton(32, (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1))
_V2_BASE = _Skeleton(32, (16, 32, 48, 96, 112, 192), (1, 2, 2, 3, 5, 8))

# Settings are the training and evaluation image sizes in pixels, and the dropout rate.
_V1_SCALED = {  # width and depth coefficients of the base, and settings
    "efficientnet-b0": (1.0, 1.0, (176, 224, 0.2)),  # training size as in the V2 code:
    "efficientnet-b1": (1.0, 1.1, (192, 240, 0.2)),  # int(0.8 * eval) // 16 * 16
    "efficientnet-b2": (1.1, 1.2, (208, 260, 0.3)),
    "efficientnet-b3": (1.2, 1.4, (240, 300, 0.3)),
    "efficientnet-b4": (1.4, 1.8, (304, 380, 0.4)),
    "efficientnet-b5": (1.6, 2.2, (352, 456, 0.4)),
    "efficientnet-b6": (1.8, 2.6, (416, 528, 0.5)),
    "efficientnet-b7": (2.0, 3.1, (480, 600, 0.5)),
}
_V2_SIZES = {
    "efficientnetv2-s": (
        _Skeleton(24, (24, 48, 64, 128, 160, 256), (2, 4, 4, 6, 9, 15)),
        (300, 384, 0.2),
    ),
    "efficientnetv2-m": (
        _Skeleton(24, (24, 48, 80, 160, 176, 304, 512), (3, 5, 5, 7, 14, 18, 5)),
        (384, 480, 0.3),
    ),
    "efficientnetv2-l": (
        _Skeleton(32, (32, 64, 96, 192, 224, 384, 640), (4, 7, 7, 10, 19, 25, 7)),
        (384, 480, 0.4),
    ),
    "efficientnetv2-xl": (
        _Skeleton(32, (32, 64, 96, 192, 256, 512, 640), (4, 8, 8, 16, 24, 32, 8)),
        (384, 512, 0.4),
    ),
}
_V2_SCALED = {
    "efficientnetv2-b0": (1.0, 1.0, (192, 224, 0.2)),
    "efficientnetv2-b1": (1.0, 1.1, (192, 240, 0.2)),
    "efficientnetv2-b2": (1.1, 1.2, (208, 260, 0.3)),
    "efficientnetv2-b3": (1.2, 1.4, (240, 300, 0.3)),
}


def published_names() -> tuple[str, ...]:
    """Return every name that `published` accepts: small to large, V1 before V2."""
    return (*_V1_SCALED, *_V2_SIZES, *_V2_SCALED)


def published(name: str) -> PublishedNetwork:
    """Return the published network `name`.

    Where paper and released code disagree, this follows the code, which its author calls the
    source of truth (github.com/google/automl/issues/999).

    Raises:
        ValueError: If the name is unknown; the message lists the known names.
    """
    generation = _V1 if name in _V1_SCALED else _V2
    if name in _V2_SIZES:
        skeleton, settings = _V2_SIZES[name]
    elif name in published_names():
        width, depth, settings = (_V1_SCALED | _V2_SCALED)[name]
        base = _V1_BASE if generation is _V1 else _V2_BASE
        skeleton = _scaled(base, width, depth, guard=generation.guard)
    else:
        known = ", ".join(published_names())
        nearest = did_you_mean(name, published_names())
        raise ValueError(f"published network must be one of {known}, got {shown(name)}{nearest}")
    train_size, eval_size, dropout = settings
    return PublishedNetwork(
        name=name,
        architecture=_architecture(generation, skeleton),
        train_size=train_size,
        eval_size=eval_size,
        dropout=dropout,
        source=generation.source,
    )


def round_width(width: int, multiplier: float, *, guard: bool = True) -> int:
    """Return `width` * `multiplier`, rounded to the nearest multiple of 8 and at least 8.

    Args:
        width: Channels of the base network.
        multiplier: Width coefficient, > 0.
        guard: Round up where rounding would lose more than a tenth. The first EfficientNet
            does, the code of EfficientNetV2 does not: 16 * 1.2 is 24 with and 16 without it.

    Source: `round_filters` of tensorflow/tpu models/official/efficientnet/efficientnet_model.py
        (with guard) and of google/automl efficientnetv2/effnetv2_model.py (without).
    """
    exact = width * multiplier
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if guard and rounded < 0.9 * exact else rounded


def round_depth(depth: int | Fraction, multiplier: float) -> int:
    """Return `depth` * `multiplier` layers, rounded up.

    The product uses the decimal digits of `multiplier`: in binary 10 * 1.1 is slightly above 11
    and would become 12.

    Source: `round_repeats` of google/automl efficientnetv2/effnetv2_model.py.
    """
    return math.ceil(depth * decimal_fraction(multiplier))


def decimal_fraction(number: float) -> Fraction:
    """Return the fraction that the shortest decimal form of `number` stands for."""
    return Fraction(str(number))


def _scaled(base: _Skeleton, width: float, depth: float, *, guard: bool) -> _Skeleton:
    return _Skeleton(
        stem=round_width(base.stem, width, guard=guard),
        widths=tuple(round_width(channels, width, guard=guard) for channels in base.widths),
        depths=tuple(round_depth(blocks, depth) for blocks in base.depths),
        head=round_width(base.head, width, guard=guard),
    )


def _architecture(generation: _Generation, skeleton: _Skeleton) -> Architecture:
    rows = (*generation[:4], skeleton.widths, skeleton.depths)
    columns = zip(*rows, strict=False)  # the skeleton may have fewer stages
    stages = tuple(
        Stage(
            block=BlockType.FUSED_MBCONV if letter == "F" else BlockType.MBCONV,
            depth=depth,
            width=width,
            kernel_size=kernel,
            expand_ratio=expansion,
            stride=stride,
            se_ratio=_SE_RATIO[letter],
        )
        for letter, kernel, expansion, stride, width, depth in columns
    )
    return Architecture(stem_width=skeleton.stem, stages=stages, head_width=skeleton.head)
