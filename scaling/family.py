"""The family rule of EfficientNetV2: from the searched network to a larger or smaller one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from scaling.image_size import SizeLimits, scaled_sizes
from scaling.named_sizes import (
    EXTRA_BASE_LAYERS,
    LAST_STAGE_DEEPENING,
    LAST_STAGE_WIDENING,
    Rung,
    is_larger,
    rung,
    scales_stem_and_head,
)
from scaling.source import ScaledNetwork, Source, describe, used_constants
from search_space.architecture import Architecture, Stage
from search_space.published import decimal_fraction, round_depth, round_width
from search_space.space import ImageSize


@dataclass(frozen=True, slots=True, kw_only=True)
class _BaseStage:
    """A stage with its layers and channels before they were multiplied.

    `was` are layers and channels of the source's stage, or None where the stage is new.
    """

    stage: Stage
    depth: Fraction
    width: int
    was: tuple[int, int] | None


def scale(
    architecture: Architecture,
    target: str = "M",
    *,
    counts_as: str | None = None,
    image_size: ImageSize | None = None,
    limits: SizeLimits | None = None,
    dropped_last_stage: bool | None = None,
) -> ScaledNetwork:
    """Scale a network to a named size of its family: B0 B1 B2 B3 S M L XL.

    See `scale_source` for the rule and `scaling.source.describe` for the defaults: a searched
    network counts as S.

    Raises:
        ValueError: If a name is unknown, or the cap lies below the source's own image sizes.
    """
    source = describe(
        architecture,
        counts_as=counts_as,
        image_size=image_size,
        dropped_last_stage=dropped_last_stage,
    )
    return scale_source(source, target, limits or SizeLimits())


def scale_source(source: Source, target: str, limits: SizeLimits) -> ScaledNetwork:
    """Undo the multipliers of what `source` counts as, and apply those of `target`.

    Between, from M on, one more base layer goes into the last-but-one stage, and a last stage of
    stride 1 is added where the source dropped it. Stem and head are left alone, except among B0
    to B3. No stage of a larger target is smaller than the source's, nor larger of a smaller one.

    Source: arXiv:2104.00298, section 3.3; effnetv2_configs.py of google/automl efficientnetv2.
    """
    came, to = rung(source.counts_as), rung(target)
    sizes = scaled_sizes(
        source.image_size,
        Fraction(source.image_size.eval * to.eval_size, came.eval_size),
        limits,
    )
    architecture = source.architecture if came == to else _rebuilt(source, came, to)
    added = len(architecture.stages) > len(source.architecture.stages)
    return ScaledNetwork(
        architecture=architecture,
        train_size=sizes.train,
        eval_size=sizes.eval,
        rule="family",
        constants={
            **used_constants(source, limits),
            "target": to.name,
            "width": {"from": came.width, "to": to.width},
            "depth": {"from": came.depth, "to": to.depth},
            "eval_size": {"from": came.eval_size, "to": to.eval_size},
            "extra_base_layers": _extra_layers(came, to),
            "new_last_stage": added,
            "stem_and_head_scaled": scales_stem_and_head(came.name, to.name) and came != to,
        },
    )


def base_depth(depth: int, multiplier: float) -> Fraction:
    """Base layers that `multiplier` turned into `depth`.

    The whole number that rounds up to `depth`, so that 6 = ceil(1.8 * 3) comes from 3; where no
    whole number does (1, 3 and 5 under 1.8), the quotient itself.
    """
    below = math.floor(depth / decimal_fraction(multiplier))
    if below and round_depth(below, multiplier) == depth:
        return Fraction(below)
    return depth / decimal_fraction(multiplier)


def base_width(width: int, multiplier: float) -> int:
    """Base channels that `multiplier` turned into `width`.

    The nearest number of the form 4, 5, 6 or 7 times a power of two. All stages of both
    published base networks are of this form (16 24 32 40 48 80 96 112 192 320), and rounding to
    multiples of 8 (or by the authors' hand, 136 to 128) has blurred `width` by less than the
    distance of two neighbours. A multiplier of 1 has nothing to undo.
    """
    if multiplier == 1.0:
        return width
    quotient = width / decimal_fraction(multiplier)
    step = 1 << max(0, int(quotient).bit_length() - 3)
    return max(1, math.floor(quotient / step + Fraction(1, 2))) * step


def _rebuilt(source: Source, came: Rung, to: Rung) -> Architecture:
    old = source.architecture
    bases = [
        _BaseStage(
            stage=stage,
            depth=base_depth(stage.depth, came.depth),
            width=base_width(stage.width, came.width),
            was=(stage.depth, stage.width),
        )
        for stage in old.stages
    ]
    growing = is_larger(to.name, came.name)
    stages = tuple(
        _multiplied(base, to, guard=source.guard, growing=growing)
        for base in _loaded(bases, _extra_layers(came, to), dropped=source.dropped_last_stage)
    )
    stem, head = old.stem_width, old.head_width
    if scales_stem_and_head(came.name, to.name):
        ratio = float(decimal_fraction(to.width) / decimal_fraction(came.width))
        stem, head = (round_width(width, ratio, guard=source.guard) for width in (stem, head))
    return Architecture(stem_width=stem, stages=stages, head_width=head)


def _extra_layers(came: Rung, to: Rung) -> int:
    """Base layers that the last-but-one stage wins, or loses on the way down."""
    return EXTRA_BASE_LAYERS * (int(to.back_loaded) - int(came.back_loaded))


def _loaded(bases: Sequence[_BaseStage], extra: int, *, dropped: bool) -> list[_BaseStage]:
    """Move the depth to the back (`extra` > 0), or undo that (< 0)."""
    bases = list(bases)
    if not extra:
        return bases
    has_tail = not dropped and len(bases) > 1
    place = max(0, len(bases) - (3 if has_tail else 2))  # before the last of those with a stride
    depth = max(bases[place].depth + extra, Fraction(1))
    bases[place] = replace(bases[place], depth=depth)
    if extra > 0 and dropped:
        return [*bases, _new_last(bases[-1])]
    return bases[:-1] if extra < 0 and has_tail else bases


def _new_last(last: _BaseStage) -> _BaseStage:
    """A stage of stride 1 in the manner of the one before it, as in the published networks."""
    return _BaseStage(
        stage=replace(last.stage, stride=1),
        depth=last.depth * LAST_STAGE_DEEPENING,
        width=round(last.width * LAST_STAGE_WIDENING),
        was=None,
    )


def _multiplied(base: _BaseStage, to: Rung, *, guard: bool, growing: bool) -> Stage:
    depth = round_depth(base.depth, to.depth)
    width = round_width(base.width, to.width, guard=guard)
    if base.was is not None:
        bound = max if growing else min
        depth, width = bound(depth, base.was[0]), bound(width, base.was[1])
    return replace(base.stage, depth=depth, width=width)
