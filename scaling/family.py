"""The family rule of EfficientNetV2: scaling the searched network to a named size."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from scaling.image_size import SizeLimits, scaled_sizes
from scaling.named_sizes import (
    EXTRA_BASE_LAYERS,
    LAST_STAGE_DEPTH_RATIO,
    LAST_STAGE_WIDTH_RATIO,
    SIZES,
    NamedSize,
    named_size,
    scales_stem_and_head,
)
from scaling.source import ScaledNetwork, ScalingSource, scaling_source, used_constants
from search_space.architecture import Architecture, Stage
from search_space.published import decimal_fraction, round_depth, round_width
from search_space.space import ImageSize


@dataclass(frozen=True, slots=True, kw_only=True)
class _BaseStage:
    """A stage of the common base network.

    Attributes:
        source: The stage of the source, or of the one before for a new stage.
        depth: Layers of the base network.
        width: Channels of the base network.
        is_new: Whether the source lacks this stage.
    """

    source: Stage
    depth: Fraction
    width: int
    is_new: bool = False


def scale(
    architecture: Architecture,
    target: str = "M",
    *,
    base_size: str | None = None,
    image_size: ImageSize | None = None,
    limits: SizeLimits | None = None,
    dropped_last_stage: bool | None = None,
) -> ScaledNetwork:
    """Scale a network to a named size of its family: B0 B1 B2 B3 S M L XL.

    See `scale_source` for the rule and `scaling.source.scaling_source` for the defaults: a
    searched network counts as S.

    Raises:
        ValueError: If a name is unknown, or an image size of the source exceeds the cap.
    """
    source = scaling_source(
        architecture,
        base_size=base_size,
        image_size=image_size,
        dropped_last_stage=dropped_last_stage,
    )
    return scale_source(source, target, limits or SizeLimits())


def scale_source(source: ScalingSource, target: str, limits: SizeLimits) -> ScaledNetwork:
    """Replace the multipliers of the source's named size by those of `target`.

    From M on, the last-but-one stage has one more base layer, and a last stage of stride 1 is
    added if the source's search removed it. Stem and head stay, except among B0 to B3. With a
    larger target no stage becomes smaller than the source's, with a smaller one none larger.

    Source: arXiv:2104.00298, section 3.3; effnetv2_configs.py of google/automl efficientnetv2.
    """
    old, new = named_size(source.base_size), named_size(target)
    eval_size = Fraction(source.image_size.eval * new.eval_size, old.eval_size)
    sizes = scaled_sizes(source.image_size, eval_size, limits)
    architecture = source.architecture if old == new else _scaled(source, old, new)
    return ScaledNetwork(
        architecture=architecture,
        train_size=sizes.train,
        eval_size=sizes.eval,
        rule="family",
        constants={
            **used_constants(source, limits),
            "target": new.name,
            "width": {"from": old.width, "to": new.width},
            "depth": {"from": old.depth, "to": new.depth},
            "eval_size": {"from": old.eval_size, "to": new.eval_size},
            "extra_base_layers": _extra_layers(old, new),
            "new_last_stage": len(architecture.stages) > len(source.architecture.stages),
            "stem_and_head_scaled": scales_stem_and_head(old.name, new.name) and old != new,
        },
    )


def base_depth(depth: int, multiplier: float) -> Fraction:
    """Return the base layers that `multiplier` turned into `depth`.

    This is the whole number that rounds up to `depth`, so that 6 = ceil(1.8 * 3) comes from 3;
    if no whole number does (1, 3 and 5 under 1.8), it is the quotient.
    """
    quotient = depth / decimal_fraction(multiplier)
    below = math.floor(quotient)
    return Fraction(below) if below and round_depth(below, multiplier) == depth else quotient


def base_width(width: int, multiplier: float) -> int:
    """Return the base channels that `multiplier` turned into `width`.

    This is the nearest number of the form 4, 5, 6 or 7 times a power of two. All stages of both
    published base networks are of this form (16 24 32 40 48 80 96 112 192 320), and rounding to
    multiples of 8 (or by the authors' hand, 136 to 128) changed `width` by less than the
    distance of two neighbours. With a multiplier of 1 it is `width`.
    """
    if multiplier == 1.0:
        return width
    quotient = width / decimal_fraction(multiplier)
    step = 1 << max(0, int(quotient).bit_length() - 3)
    return max(1, math.floor(quotient / step + Fraction(1, 2))) * step


def _scaled(source: ScalingSource, old: NamedSize, new: NamedSize) -> Architecture:
    guard = source.round_up_guard
    bases = [
        _BaseStage(
            source=stage,
            depth=base_depth(stage.depth, old.depth),
            width=base_width(stage.width, old.width),
        )
        for stage in source.architecture.stages
    ]
    bases = _back_loaded(bases, _extra_layers(old, new), dropped=source.dropped_last_stage)
    bound = max if SIZES.index(new) > SIZES.index(old) else min
    stages = []
    for base in bases:
        depth = round_depth(base.depth, new.depth)
        width = round_width(base.width, new.width, guard=guard)
        if not base.is_new:
            depth, width = bound(depth, base.source.depth), bound(width, base.source.width)
        stages.append(replace(base.source, depth=depth, width=width))
    stem, head = source.architecture.stem_width, source.architecture.head_width
    if scales_stem_and_head(old.name, new.name):
        ratio = float(decimal_fraction(new.width) / decimal_fraction(old.width))
        stem, head = (round_width(width, ratio, guard=guard) for width in (stem, head))
    return Architecture(stem_width=stem, stages=tuple(stages), head_width=head)


def _extra_layers(old: NamedSize, new: NamedSize) -> int:
    """Return the base layers that are added to the last-but-one stage; negative if removed."""
    return EXTRA_BASE_LAYERS * (int(new.back_loaded) - int(old.back_loaded))


def _back_loaded(bases: list[_BaseStage], extra: int, *, dropped: bool) -> list[_BaseStage]:
    """Add `extra` base layers near the end and a missing last stage; remove both if negative."""
    if not extra:
        return bases
    has_tail = not dropped and len(bases) > 1
    place = max(0, len(bases) - (3 if has_tail else 2))  # the last but one with a stride
    depth = max(bases[place].depth + extra, Fraction(1))
    bases[place] = replace(bases[place], depth=depth)
    if extra > 0 and dropped:
        # A stage of stride 1 like the one before it, as in the published networks.
        source, depth = replace(bases[-1].source, stride=1), bases[-1].depth
        width = round(bases[-1].width * LAST_STAGE_WIDTH_RATIO)
        depth *= LAST_STAGE_DEPTH_RATIO
        return [*bases, _BaseStage(source=source, depth=depth, width=width, is_new=True)]
    return bases[:-1] if extra < 0 and has_tail else bases
