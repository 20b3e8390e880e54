"""Parts of networks as values: the stem, the head and the blocks.

The networks of a space share a few hundred parts, so a measurement of each part, such as its
time, gives an estimate for every network of the space.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import product
from typing import Any, Self

from search_space.architecture import Architecture, Stage
from search_space.cost import output_side
from search_space.space import SearchSpace
from search_space.spaces.stage_options import StageOptions

STEM, HEAD = "stem", "head"
_IMAGE_CHANNELS = 3


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Part:
    """A block, the stem or the head, with everything that determines its cost.

    Attributes:
        kind: "stem", "head" or the name of a `BlockType`.
        in_width: Input channels.
        out_width: Output channels; of the head, those of its convolution.
        side: Side of the square input, pixels.
        kernel_size: Side of the spatial convolution, pixels.
        expand_ratio: Hidden channels / input channels; 1 for stem and head.
        stride: Spatial stride.
        se_ratio: Squeezed channels / input channels; 0 for none.
    """

    kind: str
    in_width: int
    out_width: int
    side: int
    kernel_size: int
    expand_ratio: int = 1
    stride: int = 1
    se_ratio: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form; `from_dict` inverts it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a part from `to_dict` output; other keys are ignored."""
        return cls(**{field.name: data[field.name] for field in fields(cls)})


def network_parts(architecture: Architecture, image_size: int) -> tuple[Part, ...]:
    """Return the parts of a network from stem to head, for square images of this side, pixels.

    Equal blocks are repeated.
    """
    width, side = architecture.stem_width, output_side(image_size, 2)
    parts = [_stem(width, image_size)]
    for stage in architecture.stages:
        first = _block(stage, width, side, stage.stride)
        width, side = stage.width, output_side(side, stage.stride)
        parts += [first, *[_block(stage, width, side, 1)] * (stage.depth - 1)]
    return (*parts, _head(width, architecture.head_width, side))


def space_parts(space: SearchSpace, image_size: int) -> tuple[Part, ...]:
    """Return the distinct parts of all networks of `space`, whose last stage may be removable.

    The order is fixed. The images are square, with the side `image_size`, pixels.
    """
    width, side = space.stem_width, output_side(image_size, 2)
    parts = [_stem(width, image_size)]
    for options in space.stages:
        if options.removable:
            parts.append(_head(width, space.head_width, side))
        after = output_side(side, options.stride)
        for stage in _variants(options):
            parts.append(_block(stage, width, side, stage.stride))
            if max(options.depth) > 1:
                parts.append(_block(stage, stage.width, after, 1))
        width, side = options.width, after
    parts.append(_head(width, space.head_width, side))
    return tuple(dict.fromkeys(parts))


def _variants(options: StageOptions) -> Iterator[Stage]:
    """Yield every stage that can be chosen, with depth 1."""
    fields = {**options.open_fields(), "depth": (1,)}
    for chosen in product(*fields.values()):
        yield options.build(dict(zip(fields, chosen, strict=True)))


def _block(stage: Stage, in_width: int, side: int, stride: int) -> Part:
    return Part(
        kind=str(stage.block),
        in_width=in_width,
        out_width=stage.width,
        side=side,
        kernel_size=stage.kernel_size,
        expand_ratio=stage.expand_ratio,
        stride=stride,
        se_ratio=stage.se_ratio,
    )


def _stem(width: int, image_size: int) -> Part:
    return Part(
        kind=STEM,
        in_width=_IMAGE_CHANNELS,
        out_width=width,
        side=image_size,
        kernel_size=3,
        stride=2,
    )


def _head(width: int, head_width: int, side: int) -> Part:
    return Part(kind=HEAD, in_width=width, out_width=head_width, side=side, kernel_size=1)
