"""The published networks by name: EfficientNet B0-B7, EfficientNetV2 S, M, L, XL and B0-B3."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from search_space.architecture import Architecture, BlockType, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNetwork:
    """A network that others have published, and the settings it was published with.

    Attributes:
        name: The name that `published` answers to.
        architecture: The network itself.
        train_size: Largest training image side, pixels.
        eval_size: Evaluation image side, pixels.
        dropout: Dropout rate before the classifier.
        source: Paper and code that the rows were read from.
    """

    name: str
    architecture: Architecture
    train_size: int
    eval_size: int
    dropout: float
    source: str


class _Layout(NamedTuple):
    """What all networks of a generation share; one entry per stage, first to last."""

    blocks: str  # F: Fused-MBConv, M: MBConv
    kernels: tuple[int, ...]
    expansions: tuple[int, ...]
    strides: tuple[int, ...]


class _Skeleton(NamedTuple):
    """How wide and how deep; a row with fewer stages than its layout lacks the last ones."""

    stem: int
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    head: int = 1280


class _Settings(NamedTuple):
    """Image sizes in pixels, and the dropout rate."""

    train: int
    eval: int
    dropout: float


_SE_RATIO = {"M": 0.25, "F": 0.0}  # no released network has squeeze-excite in Fused-MBConv

_V1 = _Layout("MMMMMMM", (3, 3, 5, 3, 5, 5, 3), (1, 6, 6, 6, 6, 6, 6), (1, 2, 2, 2, 1, 2, 1))
_V2 = _Layout("FFFMMMM", (3, 3, 3, 3, 3, 3, 3), (1, 4, 4, 4, 6, 6, 6), (1, 2, 2, 2, 1, 2, 1))

_V1_BASE = _Skeleton(32, (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1))
_V2_BASE = _Skeleton(32, (16, 32, 48, 96, 112, 192), (1, 2, 2, 3, 5, 8))

_V1_SCALED = {  # width and depth coefficients over the base
    "efficientnet-b0": (1.0, 1.0, _Settings(176, 224, 0.2)),  # train as the V2 code trains them:
    "efficientnet-b1": (1.0, 1.1, _Settings(192, 240, 0.2)),  # int(0.8 * eval) // 16 * 16
    "efficientnet-b2": (1.1, 1.2, _Settings(208, 260, 0.3)),
    "efficientnet-b3": (1.2, 1.4, _Settings(240, 300, 0.3)),
    "efficientnet-b4": (1.4, 1.8, _Settings(304, 380, 0.4)),
    "efficientnet-b5": (1.6, 2.2, _Settings(352, 456, 0.4)),
    "efficientnet-b6": (1.8, 2.6, _Settings(416, 528, 0.5)),
    "efficientnet-b7": (2.0, 3.1, _Settings(480, 600, 0.5)),
}
_V2_SIZES = {
    "efficientnetv2-s": (
        _Skeleton(24, (24, 48, 64, 128, 160, 256), (2, 4, 4, 6, 9, 15)),
        _Settings(300, 384, 0.2),
    ),
    "efficientnetv2-m": (
        _Skeleton(24, (24, 48, 80, 160, 176, 304, 512), (3, 5, 5, 7, 14, 18, 5)),
        _Settings(384, 480, 0.3),
    ),
    "efficientnetv2-l": (
        _Skeleton(32, (32, 64, 96, 192, 224, 384, 640), (4, 7, 7, 10, 19, 25, 7)),
        _Settings(384, 480, 0.4),
    ),
    "efficientnetv2-xl": (
        _Skeleton(32, (32, 64, 96, 192, 256, 512, 640), (4, 8, 8, 16, 24, 32, 8)),
        _Settings(384, 512, 0.4),
    ),
}
_V2_SCALED = {
    "efficientnetv2-b0": (1.0, 1.0, _Settings(192, 224, 0.2)),
    "efficientnetv2-b1": (1.0, 1.1, _Settings(192, 240, 0.2)),
    "efficientnetv2-b2": (1.1, 1.2, _Settings(208, 260, 0.3)),
    "efficientnetv2-b3": (1.2, 1.4, _Settings(240, 300, 0.3)),
}

_V1_SOURCE = (
    "arXiv:1905.11946; tensorflow/tpu models/official/efficientnet/efficientnet_builder.py"
)
_V2_SOURCE = "arXiv:2104.00298; google/automl efficientnetv2/effnetv2_configs.py"


def published_names() -> tuple[str, ...]:
    """Every name that `published` knows: small to large, V1 before V2."""
    return (*_V1_SCALED, *_V2_SIZES, *_V2_SCALED)


def published(name: str) -> PublishedNetwork:
    """The published network called `name`.

    Where paper and released code disagree the code is followed; its author names it the source
    of truth (github.com/google/automl/issues/999).

    Raises:
        ValueError: If nothing was published under `name`; the message lists the known names.
    """
    if name in _V1_SCALED:
        width, depth, settings = _V1_SCALED[name]
        layout, source = _V1, _V1_SOURCE
        skeleton = _scaled(_V1_BASE, width, depth, guard=True)
    elif name in _V2_SCALED:
        width, depth, settings = _V2_SCALED[name]
        layout, source = _V2, _V2_SOURCE
        skeleton = _scaled(_V2_BASE, width, depth, guard=False)
    elif name in _V2_SIZES:
        skeleton, settings = _V2_SIZES[name]
        layout, source = _V2, _V2_SOURCE
    else:
        known = ", ".join(published_names())
        raise ValueError(f"published network must be one of {known}, got {name!r}")
    return PublishedNetwork(
        name=name,
        architecture=_architecture(layout, skeleton),
        train_size=settings.train,
        eval_size=settings.eval,
        dropout=settings.dropout,
        source=source,
    )


def round_width(width: int, multiplier: float, *, guard: bool = True) -> int:
    """Channels `width` * `multiplier`, rounded to the nearest multiple of 8 and at least 8.

    Args:
        width: Channels of the base network.
        multiplier: Width coefficient, > 0.
        guard: Go one step up where rounding would lose more than a tenth. The first
            EfficientNet does, the code of EfficientNetV2 does not: 16 * 1.2 is 24 or 16.

    Source: `round_filters` of tensorflow/tpu models/official/efficientnet/efficientnet_model.py
        (guard) and of google/automl efficientnetv2/effnetv2_model.py (none).
    """
    exact = width * multiplier
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if guard and rounded < 0.9 * exact else rounded


def round_depth(depth: int, multiplier: float) -> int:
    """Blocks `depth` * `multiplier`, rounded up.

    Source: `round_repeats` of google/automl efficientnetv2/effnetv2_model.py.
    """
    return math.ceil(multiplier * depth)


def _scaled(base: _Skeleton, width: float, depth: float, *, guard: bool) -> _Skeleton:
    return _Skeleton(
        stem=round_width(base.stem, width, guard=guard),
        widths=tuple(round_width(channels, width, guard=guard) for channels in base.widths),
        depths=tuple(round_depth(blocks, depth) for blocks in base.depths),
        head=round_width(base.head, width, guard=guard),
    )


def _architecture(layout: _Layout, skeleton: _Skeleton) -> Architecture:
    columns = zip(*layout, skeleton.widths, skeleton.depths, strict=False)  # may end early
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
