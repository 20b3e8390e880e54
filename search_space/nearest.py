"""Finding the points of a search space that are nearest to given networks."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations, product

from search_space.architecture import Architecture, BlockType, Stage
from search_space.architecture_file import load_architecture
from search_space.space import SearchSpace
from search_space.spaces.decision import Choice
from search_space.spaces.stage_options import FIXED_FIELDS, StageOptions

_MAX_STAGES = 16  # of a network; matching more stages takes too long


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestPoint:
    """The point of a space that is nearest to a network.

    Attributes:
        choices: Canonical choices of the point.
        key: Key of the point's network.
        changes: The differences from the network, one short phrase each; empty if there are none.
        source: Name or path of the network, if it has one.
    """

    choices: dict[str, Choice]
    key: str
    changes: tuple[str, ...]
    source: str = ""

    def note(self) -> str:
        """Return one line about the point as the start of a search."""
        if not self.changes:
            return f"starts from {self.source} ({self.key})"
        return f"starts near {self.source} ({self.key}): {', '.join(self.changes)}"


def start_points(sources: Iterable[str], space: SearchSpace) -> tuple[NearestPoint, ...]:
    """Return the points of `space` that a search tries before its sampler proposes candidates.

    The sources are published names, architecture files or run folders.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a source is not a network.
    """
    return tuple(
        replace(nearest(space, load_architecture(source).architecture), source=source)
        for source in sources
    )


def nearest(space: SearchSpace, architecture: Architecture) -> NearestPoint:
    """Map `architecture` into `space`; a point of the space is mapped to itself.

    The stages of the network are matched to those of the space in order, so that as few strides
    as possible differ; of equal matches the earliest is taken. In a matched stage each decision
    takes the option nearest to the network's value (the smaller of two equally near ones) and
    never depth 0. An unmatched stage of the space is removed if it is removable; otherwise it
    takes the values of the backbone, with MBConv. An unmatched stage of the network is left out.
    Widths, strides and squeeze-excite are those of the space.

    Raises:
        ValueError: If `architecture` has more than 16 stages.
    """
    stages = architecture.stages
    if len(stages) > _MAX_STAGES:
        raise ValueError(
            f"architecture {architecture.key} must have at most {_MAX_STAGES} stages to be "
            f"mapped into a space, got {len(stages)}"
        )
    matches = _matches(space.stages, stages)
    choices: dict[str, Choice] = {}
    changes = [
        f"{field} {was} -> {now}"
        for field in ("stem_width", "head_width")
        if (was := getattr(architecture, field)) != (now := getattr(space, field))
    ]
    for number, options in enumerate(space.stages, start=1):
        stage = stages[matches[number - 1]] if number - 1 in matches else None
        chosen = _stage_choices(options, stage)
        choices |= {f"stage{number}.{field}": value for field, value in chosen.items()}
        if stage is not None:
            point = options.build(chosen)
            changes += [
                f"stage{number}.{field} {was} -> {now}"
                for field in (*chosen, *FIXED_FIELDS)
                if (was := getattr(stage, field)) != (now := getattr(point, field))
            ]
        elif chosen["depth"]:
            changes.append(f"stage{number} is the backbone's")
    left_out = sorted(set(range(len(stages))) - set(matches.values()))
    changes += [f"stage {index + 1} of {len(stages)} left out" for index in left_out]
    canonical = space.canonical(choices)
    return NearestPoint(choices=canonical, key=space.key(canonical), changes=tuple(changes))


def _matches(options: Sequence[StageOptions], stages: Sequence[Stage]) -> dict[int, int]:
    """Return a mapping from the index of a space's stage to that of a network's, in order."""
    size = min(len(options), len(stages))

    def stride_differences(match: tuple[tuple[int, ...], tuple[int, ...]]) -> int:
        pairs = zip(*match, strict=True)
        return sum(options[ours].stride != stages[theirs].stride for ours, theirs in pairs)

    candidates = product(
        combinations(range(len(options)), size), combinations(range(len(stages)), size)
    )
    return dict(zip(*min(candidates, key=stride_differences), strict=True))


def _stage_choices(options: StageOptions, stage: Stage | None) -> dict[str, Choice]:
    wanted = BlockType.MBCONV if stage is None else stage.block
    block = str(wanted) if wanted in options.block else options.block[0]
    if stage is None:
        depth = 0 if options.removable else options.backbone.depth
        return {**asdict(options.backbone), "depth": depth, "block": block}
    return {
        "depth": _closest([depth for depth in options.depth if depth], stage.depth),
        "block": block,
        "kernel_size": _closest(options.kernel_size, stage.kernel_size),
        "expand_ratio": _closest(options.expand_ratio, stage.expand_ratio),
    }


def _closest(options: Sequence[int], value: int) -> int:
    return min(options, key=lambda option: (abs(option - value), option))
