"""The point of a space that is nearest to a network from elsewhere."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from search_space.architecture import Architecture, BlockType, Stage
from search_space.space import SearchSpace
from search_space.spaces.decision import Choice
from search_space.spaces.stage_options import StageOptions

_MOST_STAGES = 16  # of a network; beyond, matching its stages would take long
_FIXED = ("width", "stride", "se_ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestPoint:
    """A point of a space that stands for a network.

    Attributes:
        choices: Canonical choices of the point.
        changes: What differs from the network, one short phrase each; empty if nothing does.
    """

    choices: dict[str, Choice]
    changes: tuple[str, ...]


def nearest(space: SearchSpace, architecture: Architecture) -> NearestPoint:
    """Map `architecture` into `space`; a point of the space is its own nearest.

    Its stages are matched to the space's in order, so that as few strides as possible differ,
    and the earliest where that leaves a choice. In a matched stage each decision takes the
    option nearest to the network's (the smaller of two as near), and never depth 0. A stage of
    the space without a match is removed if it may be, and else the backbone's, with MBConv. A
    stage of the network without a match is left out. Widths, strides and squeeze-excite are the
    space's.

    Raises:
        ValueError: If `architecture` has more than 16 stages.
    """
    if len(architecture.stages) > _MOST_STAGES:
        raise ValueError(
            f"architecture {architecture.key} must have at most {_MOST_STAGES} stages to be "
            f"mapped into a space, got {len(architecture.stages)}"
        )
    matches = _matches(space.stages, architecture.stages)
    choices: dict[str, Choice] = {}
    changes: list[str] = []
    for number, options in enumerate(space.stages, start=1):
        index = matches.get(number - 1)
        stage = None if index is None else architecture.stages[index]
        chosen = _stage_choices(options, stage)
        choices |= {f"stage{number}.{field}": value for field, value in chosen.items()}
        if stage is not None:
            changes += [
                f"stage{number}.{field} {getattr(stage, field)} -> {value}"
                for field, value in chosen.items()
                if getattr(stage, field) != value
            ]
        elif chosen["depth"]:
            changes.append(f"stage{number} is the backbone's")
    point = space.architecture(choices)
    changes += [
        f"stage {index + 1} of {len(architecture.stages)} left out"
        for index in range(len(architecture.stages))
        if index not in matches.values()
    ]
    changes += _fixed_changes(space, architecture, point, matches)
    return NearestPoint(choices=space.canonical(choices), changes=tuple(changes))


def _matches(options: Sequence[StageOptions], stages: Sequence[Stage]) -> dict[int, int]:
    """Return index of the space's stage -> index of the network's, in order."""
    size = min(len(options), len(stages))

    def strange(match: tuple[tuple[int, ...], tuple[int, ...]]) -> int:
        pairs = zip(*match, strict=True)
        return sum(options[ours].stride != stages[theirs].stride for ours, theirs in pairs)

    ours = combinations(range(len(options)), size)
    candidates = [
        (mine, theirs) for mine in ours for theirs in combinations(range(len(stages)), size)
    ]
    return dict(zip(*min(candidates, key=strange), strict=True))


def _stage_choices(options: StageOptions, stage: Stage | None) -> dict[str, Choice]:
    if stage is None:
        depth = 0 if options.removable else options.backbone.depth
        block = str(BlockType.MBCONV)
        fallback = block if block in options.block else options.block[0]
        return {**options.backbone.fields(), "depth": depth, "block": fallback}
    return {
        "depth": _closest([depth for depth in options.depth if depth], stage.depth),
        "block": str(stage.block) if stage.block in options.block else options.block[0],
        "kernel_size": _closest(options.kernel_size, stage.kernel_size),
        "expand_ratio": _closest(options.expand_ratio, stage.expand_ratio),
    }


def _closest(options: Sequence[int], value: int) -> int:
    return min(options, key=lambda option: (abs(option - value), option))


def _fixed_changes(
    space: SearchSpace, architecture: Architecture, point: Architecture, matches: dict[int, int]
) -> Iterator[str]:
    """What the skeleton does not leave open, and has otherwise."""
    for field in ("stem_width", "head_width"):
        was, now = getattr(architecture, field), getattr(point, field)
        if was != now:
            yield f"{field} {was} -> {now}"
    for ours, theirs in matches.items():
        options, stage = space.stages[ours], architecture.stages[theirs]
        block = str(stage.block) if stage.block in options.block else options.block[0]
        now = {
            "width": options.width,
            "stride": options.stride,
            "se_ratio": options.se_ratio[block],
        }
        for field in _FIXED:
            if getattr(stage, field) != now[field]:
                yield f"stage{ours + 1}.{field} {getattr(stage, field)} -> {now[field]}"
