"""Search spaces: one canonical set of choices for each network."""

import itertools
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from search_space.architecture import Architecture, BlockType
from search_space.cost import count_params
from search_space.published import published
from search_space.space import ImageSize, SearchSpace
from search_space.spaces.decision import Choice
from search_space.spaces.stage_options import Backbone, StageOptions
from tests.strategies import architectures, choices, spaces

PACKAGED = ("efficientnet-b4", "efficientnetv2-s", "tiny")


def _stage(*, depth: tuple[int, ...], width: int = 16, stride: int = 1) -> StageOptions:
    return StageOptions(
        width=width,
        stride=stride,
        backbone=Backbone(depth=max(depth), kernel_size=3, expand_ratio=4),
        depth=depth,
        block=("mbconv", "fused_mbconv"),
        kernel_size=(3, 5),
        expand_ratio=(4,),
        se_ratio={"mbconv": 0.25, "fused_mbconv": 0.0},
    )


def _space(*stages: StageOptions) -> SearchSpace:
    return SearchSpace(
        name="by-hand",
        stem_width=8,
        head_width=32,
        stages=stages,
        image_size=ImageSize(train=32, eval=40),
        proxy_image_size=24,
    )


HAND = _space(_stage(depth=(2,)), _stage(depth=(0, 1, 3), width=24))


def _networks(space: SearchSpace) -> set[Architecture]:
    """Return every network, from every combination of options."""
    decisions = space.decisions()
    names = [decision.name for decision in decisions]
    return {
        space.architecture(dict(zip(names, combination, strict=True)))
        for combination in itertools.product(*(decision.options for decision in decisions))
    }


def test_a_space_by_hand_has_the_size_worked_out_on_paper() -> None:
    # stage 1: 2 blocks * 2 kernels = 4; stage 2: removed, or 2 depths * 4 = 8, so 9
    assert HAND.size() == 36


@given(spaces())
@settings(max_examples=40, deadline=None)
def test_size_is_the_number_of_distinct_networks(space: SearchSpace) -> None:
    combinations = 1
    for decision in space.decisions():
        combinations *= len(decision.options)
    assume(combinations <= 4000)
    assert space.size() == len(_networks(space))


def test_packaged_spaces_have_the_sizes_worked_out_on_paper() -> None:
    # 12 = 2 blocks * 2 kernels * 3 expansions; the last stage counts 12 * (depths - 1) + 1
    assert SearchSpace.load("efficientnet-b4").size() == 12**6 * (3 * 4**3 * 5**2) * 37
    assert SearchSpace.load("efficientnetv2-s").size() == 12**6 * (3 * 4**3 * 5**2) * 25
    assert SearchSpace.load("tiny").size() == 12**4 * 3**4 * 25


def test_decisions_come_stage_by_stage_with_depth_first() -> None:
    assert [decision.name for decision in HAND.decisions()] == [
        f"stage{number}.{field}"
        for number in (1, 2)
        for field in ("depth", "block", "kernel_size", "expand_ratio")
    ]
    requirements = [decision.requires for decision in HAND.decisions()]
    assert requirements == [None] * 5 + ["stage2.depth"] * 3


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_choices_and_architecture_are_inverse(data: st.DataObject) -> None:
    space = data.draw(spaces())
    chosen = data.draw(choices(space))
    architecture = space.architecture(chosen)
    assert space.contains(architecture)
    assert space.choices(architecture) == chosen
    assert list(space.choices(architecture)) == list(chosen)
    assert space.key(chosen) == architecture.key


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_equal_networks_have_equal_canonical_choices(data: st.DataObject) -> None:
    space = data.draw(spaces())
    one, other = data.draw(choices(space)), data.draw(choices(space))
    assert (one == other) == (space.key(one) == space.key(other))
    assert space.canonical(one) == one


def test_a_removed_stage_has_no_other_choices() -> None:
    chosen: dict[str, Choice] = {
        "stage2.kernel_size": 5,
        "stage2.depth": 0,
        "stage1.expand_ratio": 4,
        "stage1.kernel_size": 3,
        "stage1.block": "mbconv",
        "stage1.depth": 2,
    }
    canonical = HAND.canonical(chosen)
    assert list(canonical) == [
        "stage1.depth",
        "stage1.block",
        "stage1.kernel_size",
        "stage1.expand_ratio",
        "stage2.depth",
    ]
    assert len(HAND.architecture(chosen).stages) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stage2.depth": 1}, r"lacks decision stage2\.block"),
        ({"stage1.depth": 3}, r"choices\.stage1\.depth must be one of \[2\], got 3"),
        ({"stage1.block": "dense"}, r"choices\.stage1\.block must be one of .*'mbconv'.*"),
        ({"stage2.depth": False}, r"choices\.stage2\.depth must be one of .*got False"),
        ({"stage9.depth": 1}, r"unknown decisions \['stage9\.depth'\]"),
    ],
)
def test_wrong_choices_are_rejected_by_name(change: dict[str, Choice], message: str) -> None:
    removed = next(
        chosen for seed in range(99) if len(chosen := HAND.sample(random.Random(seed))) == 5
    )
    with pytest.raises(ValueError, match=message):
        HAND.architecture({**removed, **change})


@given(spaces(), architectures())
@settings(max_examples=40, deadline=None)
def test_membership_means_that_choices_exist(space: SearchSpace, other: Architecture) -> None:
    if space.contains(other):
        assert space.architecture(space.choices(other)) == other
    else:
        with pytest.raises(ValueError, match="must be a point of drawn"):
            space.choices(other)


def test_what_the_skeleton_fixes_cannot_differ() -> None:
    point = HAND.architecture(HAND.sample(random.Random(0)))
    first, *rest = point.stages
    others = [
        replace(point, stem_width=16),
        replace(point, head_width=64),
        replace(point, stages=(replace(first, width=32), *rest)),
        replace(point, stages=(replace(first, stride=2), *rest)),
        replace(point, stages=(replace(first, se_ratio=0.5), *rest)),
        replace(point, stages=(replace(first, kernel_size=7), *rest)),
        replace(point, stages=(first, *rest, first)),
    ]
    assert HAND.contains(point)
    assert not any(HAND.contains(other) for other in others)


def test_sampling_is_uniform_over_networks() -> None:
    rng, draws = random.Random(0), 36 * 200
    counts = Counter(HAND.key(HAND.sample(rng)) for _ in range(draws))
    assert len(counts) == 36
    chi_square = sum((count - 200) ** 2 / 200 for count in counts.values())
    assert chi_square < 66.6  # the 0.999 quantile for 35 degrees of freedom


def test_the_same_generator_gives_the_same_samples() -> None:
    space = SearchSpace.load("tiny")
    one, other = random.Random(3), random.Random(3)
    for _ in range(5):
        assert space.sample(one) == space.sample(other)


@given(st.data(), st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_mutation_changes_exactly_one_decision(data: st.DataObject, seed: int) -> None:
    space = data.draw(spaces())
    assume(space.size() > 1)
    chosen = data.draw(choices(space))
    mutant = space.mutate(chosen, random.Random(seed))
    assert space.canonical(mutant) == mutant
    changed = [name for name in chosen.keys() & mutant.keys() if chosen[name] != mutant[name]]
    assert len(changed) == 1
    if chosen.keys() != mutant.keys():  # a stage was removed or added
        assert changed == [f"stage{len(space.stages)}.depth"]
        assert 0 in (chosen[changed[0]], mutant[changed[0]])


def test_mutation_reaches_every_neighbour() -> None:
    chosen = HAND.choices(HAND.reference())
    rng = random.Random(0)
    mutants = {HAND.key(HAND.mutate(chosen, rng)) for _ in range(400)}
    # block and kernel of both stages, and depth 1 or 0 for the second; one kernel is fixed
    assert len(mutants) == 6


def test_a_space_of_one_network_cannot_mutate() -> None:
    stage = replace(_stage(depth=(2,)), block=("mbconv",), kernel_size=(3,))
    space = _space(stage)
    assert space.size() == 1
    with pytest.raises(ValueError, match="must have two options somewhere"):
        space.mutate(space.sample(random.Random(0)), random.Random(0))


def test_the_reference_of_efficientnet_b4_is_the_published_network() -> None:
    network, space = published("efficientnet-b4"), SearchSpace.load("efficientnet-b4")
    assert space.reference() == network.architecture
    assert space.contains(network.architecture)
    assert space.image_size == ImageSize(train=network.train_size, eval=network.eval_size)


def test_the_published_efficientnetv2_s_is_a_point_of_its_space() -> None:
    network, space = published("efficientnetv2-s"), SearchSpace.load("efficientnetv2-s")
    assert space.contains(network.architecture)
    assert space.image_size == ImageSize(train=network.train_size, eval=network.eval_size)


def test_the_reference_of_efficientnetv2_s_has_mbconv_in_every_stage() -> None:
    found = published("efficientnetv2-s").architecture
    expected = replace(
        found,
        stages=tuple(
            replace(stage, block=BlockType.MBCONV, se_ratio=0.25) for stage in found.stages
        ),
    )
    assert SearchSpace.load("efficientnetv2-s").reference() == expected


@pytest.mark.parametrize("name", PACKAGED)
def test_the_reference_of_every_packaged_space_is_a_point_of_it(name: str) -> None:
    space = SearchSpace.load(name)
    assert space.name == name
    assert space.contains(space.reference())
    assert {stage.block for stage in space.reference().stages} == {BlockType.MBCONV}


def test_tiny_networks_have_about_a_twentieth_to_one_and_a_half_million_params() -> None:
    space, rng = SearchSpace.load("tiny"), random.Random(0)
    params = [count_params(space.architecture(space.sample(rng)), 10) for _ in range(500)]
    assert 30_000 < min(params) < 70_000
    assert 1_000_000 < max(params) < 2_000_000


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ((), "at least one Stage"),
        ((_stage(depth=(0, 1)),), r"stages\[1\]\.depth must be >= 1"),
        (
            (_stage(depth=(1,)), _stage(depth=(0, 1)), _stage(depth=(1,))),
            r"stages\[2\]\.depth must be >= 1 in every stage but the last",
        ),
    ],
)
def test_skeletons_that_are_no_network_are_rejected(
    stages: tuple[StageOptions, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        _space(*stages)
