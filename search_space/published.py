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
    """The columns of one published row; one entry per stage, first to last."""

    blocks: str  # F: Fused-MBConv, M: MBConv
    kernels: tuple[int, ...]
    expansions: tuple[int, ...]
    strides: tuple[int, ...]


class _Sizes(NamedTuple):
    """What S, M, L and XL do not share."""

    stem: int
    widths: tuple[int, ...]
    depths: tuple[int, ...]
    train: int
    eval: int
    dropout: float


class _Scaled(NamedTuple):
    """Coefficients over a base row, with the image sizes that go with them."""

    width: float
    depth: float
    train: int
    eval: int
    dropout: float


_SE_RATIO = {"M": 0.25, "F": 0.0}  # no released network has squeeze-excite in Fused-MBConv

_V1 = _Layout("MMMMMMM", (3, 3, 5, 3, 5, 5, 3), (1, 6, 6, 6, 6, 6, 6), (1, 2, 2, 2, 1, 2, 1))
_V2 = _Layout("FFFMMMM", (3, 3, 3, 3, 3, 3, 3), (1, 4, 4, 4, 6, 6, 6), (1, 2, 2, 2, 1, 2, 1))

_V1_BASE = _Sizes(32, (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1), 176, 224, 0.2)
_V2_BASE = _Sizes(32, (16, 32, 48, 96, 112, 192), (1, 2, 2, 3, 5, 8), 192, 224, 0.2)

_V1_SCALED = {  # train size: int(0.8 * eval) // 16 * 16, as the V2 code trains them
    "efficientnet-b0": _Scaled(1.0, 1.0, 176, 224, 0.2),
    "efficientnet-b1": _Scaled(1.0, 1.1, 192, 240, 0.2),
    "efficientnet-b2": _Scaled(1.1, 1.2, 208, 260, 0.3),
    "efficientnet-b3": _Scaled(1.2, 1.4, 240, 300, 0.3),
    "efficientnet-b4": _Scaled(1.4, 1.8, 304, 380, 0.4),
    "efficientnet-b5": _Scaled(1.6, 2.2, 352, 456, 0.4),
    "efficientnet-b6": _Scaled(1.8, 2.6, 416, 528, 0.5),
    "efficientnet-b7": _Scaled(2.0, 3.1, 480, 600, 0.5),
}
_V2_SIZES = {
    "efficientnetv2-s": _Sizes(
        24, (24, 48, 64, 128, 160, 256), (2, 4, 4, 6, 9, 15), 300, 384, 0.2
    ),
    "efficientnetv2-m": _Sizes(
        24, (24, 48, 80, 160, 176, 304, 512), (3, 5, 5, 7, 14, 18, 5), 384, 480, 0.3
    ),
    "efficientnetv2-l": _Sizes(
        32, (32, 64, 96, 192, 224, 384, 640), (4, 7, 7, 10, 19, 25, 7), 384, 480, 0.4
    ),
    "efficientnetv2-xl": _Sizes(
        32, (32, 64, 96, 192, 256, 512, 640), (4, 8, 8, 16, 24, 32, 8), 384, 512, 0.4
    ),
}
_V2_SCALED = {
    "efficientnetv2-b0": _Scaled(1.0, 1.0, 192, 224, 0.2),
    "efficientnetv2-b1": _Scaled(1.0, 1.1, 192, 240, 0.2),
    "efficientnetv2-b2": _Scaled(1.1, 1.2, 208, 260, 0.3),
    "efficientnetv2-b3": _Scaled(1.2, 1.4, 240, 300, 0.3),
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
        sizes = _scaled(_V1_BASE, _V1_SCALED[name], guard=True)
        layout, source, head = _V1, _V1_SOURCE, round_width(1280, _V1_SCALED[name].width)
    elif name in _V2_SCALED:
        sizes = _scaled(_V2_BASE, _V2_SCALED[name], guard=False)
        layout, source = _V2, _V2_SOURCE
        head = round_width(1280, _V2_SCALED[name].width, guard=False)
    elif name in _V2_SIZES:
        sizes, layout, source, head = _V2_SIZES[name], _V2, _V2_SOURCE, 1280
    else:
        known = ", ".join(published_names())
        raise ValueError(f"published network must be one of {known}, got {name!r}")
    return PublishedNetwork(
        name=name,
        architecture=Architecture(
            stem_width=sizes.stem, stages=_stages(layout, sizes), head_width=head
        ),
        train_size=sizes.train,
        eval_size=sizes.eval,
        dropout=sizes.dropout,
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


def _scaled(base: _Sizes, by: _Scaled, *, guard: bool) -> _Sizes:
    return _Sizes(
        stem=round_width(base.stem, by.width, guard=guard),
        widths=tuple(round_width(width, by.width, guard=guard) for width in base.widths),
        depths=tuple(round_depth(depth, by.depth) for depth in base.depths),
        train=by.train,
        eval=by.eval,
        dropout=by.dropout,
    )


def _stages(layout: _Layout, sizes: _Sizes) -> tuple[Stage, ...]:
    """Join the columns; a row without a seventh stage simply ends early."""
    return tuple(
        Stage(
            block=BlockType.FUSED_MBCONV if letter == "F" else BlockType.MBCONV,
            depth=depth,
            width=width,
            kernel_size=kernel,
            expand_ratio=expansion,
            stride=stride,
            se_ratio=_SE_RATIO[letter],
        )
        for letter, kernel, expansion, stride, width, depth in zip(
            *layout, sizes.widths, sizes.depths, strict=False
        )
    )
