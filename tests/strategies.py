"""Hypothesis strategies for architectures, search spaces and the choices in them."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from search_space.architecture import Architecture, BlockType, Stage
from search_space.space import ImageSize, SearchSpace
from search_space.spaces.decision import Choice
from search_space.spaces.stage_options import Backbone, StageOptions

KERNELS = (3, 5, 7)
EXPANSIONS = (1, 2, 4, 6)


def widths(largest: int = 64) -> SearchStrategy[int]:
    """Multiples of 8 up to `largest`."""
    return st.integers(1, largest // 8).map(lambda eighths: 8 * eighths)


def stages(*, max_depth: int = 3, max_width: int = 64) -> SearchStrategy[Stage]:
    """Any stage, small enough to build."""
    return st.builds(
        Stage,
        block=st.sampled_from(BlockType),
        depth=st.integers(1, max_depth),
        width=widths(max_width),
        kernel_size=st.sampled_from(KERNELS),
        expand_ratio=st.sampled_from(EXPANSIONS),
        stride=st.sampled_from((1, 2)),
        se_ratio=st.sampled_from((0.0, 0.25, 0.1)),
    )


def architectures(*, max_stages: int = 4, max_depth: int = 3) -> SearchStrategy[Architecture]:
    """Any network of a few small stages."""
    return st.builds(
        Architecture,
        stem_width=widths(32),
        stages=st.lists(stages(max_depth=max_depth), min_size=1, max_size=max_stages).map(tuple),
        head_width=widths(128),
    )


@st.composite
def stage_options(draw: st.DrawFn, *, removable: bool = False) -> StageOptions:
    """The open and the fixed fields of one stage; a removable one has stride 1."""

    def some(options: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(draw(st.lists(st.sampled_from(options), min_size=1, unique=True)))

    depth = some((1, 2, 3))
    if removable:
        depth = (0, *depth)
    kernels, expansions = some(KERNELS), some(EXPANSIONS)
    blocks = draw(st.sampled_from((("mbconv",), ("mbconv", "fused_mbconv"), ("fused_mbconv",))))
    return StageOptions(
        width=draw(widths()),
        stride=1 if removable else draw(st.sampled_from((1, 2))),
        backbone=Backbone(depth=depth[-1], kernel_size=kernels[0], expand_ratio=expansions[0]),
        depth=depth,
        block=blocks,
        kernel_size=kernels,
        expand_ratio=expansions,
        se_ratio={"mbconv": draw(st.sampled_from((0.0, 0.25))), "fused_mbconv": 0.0},
    )


@st.composite
def spaces(draw: st.DrawFn, *, max_stages: int = 3) -> SearchSpace:
    """Any space of a few small stages, about half of them with a removable last one."""
    fixed = draw(st.lists(stage_options(), min_size=1, max_size=max_stages - 1))
    last = draw(st.lists(stage_options(removable=True), max_size=1))
    return SearchSpace(
        name="drawn",
        stem_width=draw(widths(32)),
        head_width=draw(widths(128)),
        stages=(*fixed, *last),
        image_size=ImageSize(train=64, eval=80),
        proxy_image_size=32,
    )


@st.composite
def choices(draw: st.DrawFn, space: SearchSpace) -> dict[str, Choice]:
    """Canonical choices in `space`."""
    drawn = {
        decision.name: draw(st.sampled_from(decision.options)) for decision in space.decisions()
    }
    return space.canonical(drawn)
