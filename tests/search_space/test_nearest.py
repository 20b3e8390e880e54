import random
from typing import Any

import pytest

from search_space.architecture import Architecture, BlockType, Stage
from search_space.nearest import nearest
from search_space.published import published
from search_space.space import SearchSpace

SPACES = [SearchSpace.load(name) for name in ("tiny", "efficientnet-b4", "efficientnetv2-s")]
every_space = pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)


@every_space
def test_a_point_of_the_space_is_its_own_nearest(space: SearchSpace) -> None:
    rng = random.Random(0)
    for _ in range(50):
        choices = space.sample(rng)
        point = nearest(space, space.architecture(choices))
        assert (point.choices, point.changes) == (choices, ())


@every_space
@pytest.mark.parametrize("name", ["efficientnetv2-s", "efficientnetv2-xl", "efficientnet-b0"])
def test_the_nearest_of_another_network_is_a_point_that_maps_to_itself(
    space: SearchSpace, name: str
) -> None:
    point = nearest(space, published(name).architecture)
    assert space.canonical(point.choices) == point.choices
    assert nearest(space, space.architecture(point.choices)).choices == point.choices


def test_changes_are_listed_field_by_field() -> None:
    (space,) = (one for one in SPACES if one.name == "efficientnetv2-s")
    v2_m = published("efficientnetv2-m").architecture  # depths 3 5 5 7 14 18 5, other widths
    point = nearest(space, v2_m)
    assert [point.choices[f"stage{n}.depth"] for n in range(1, 8)] == [3, 5, 5, 7, 9, 15, 2]
    assert [text for text in point.changes if "depth" in text] == [
        "stage5.depth 14 -> 9",
        "stage6.depth 18 -> 15",
        "stage7.depth 5 -> 2",
    ]
    assert "stage4.width 160 -> 128" in point.changes
    assert not [text for text in point.changes if "block" in text or "kernel" in text]


def test_stages_are_matched_by_their_strides_and_the_rest_is_listed() -> None:
    (tiny,) = (one for one in SPACES if one.name == "tiny")  # strides 1 2 2 1 1
    plain: dict[str, Any] = {
        "block": BlockType.FUSED_MBCONV,
        "kernel_size": 5,
        "expand_ratio": 6,
        "width": 24,
    }
    strides = (1, 2, 2, 2, 1)
    stages = tuple(
        Stage(depth=d, stride=s, **plain) for d, s in zip(range(1, 6), strides, strict=True)
    )
    five = nearest(tiny, Architecture(stem_width=16, stages=stages, head_width=256))
    assert [five.choices[f"stage{n}.depth"] for n in range(1, 6)] == [1, 2, 3, 3, 2]
    assert "stage4.stride 2 -> 1" in five.changes
    # Six stages of strides 1 2 2 2 1 1 fit without one of stride 2: the last, so that the first
    # stages stay in place.
    six = Architecture(stem_width=16, stages=(*stages, stages[4]), head_width=256)
    fitted = nearest(tiny, six)
    assert [text for text in fitted.changes if "left out" in text] == ["stage 4 of 6 left out"]
    assert not [text for text in fitted.changes if "stride" in text]
    two = nearest(tiny, Architecture(stem_width=16, stages=stages[:2], head_width=256))
    assert [text for text in two.changes if "backbone" in text] == [
        "stage3 is the backbone's",
        "stage4 is the backbone's",
    ]
    assert two.choices["stage5.depth"] == 0


def test_too_many_stages_are_rejected() -> None:
    stage = Stage(block=BlockType.MBCONV, depth=1, width=8)
    with pytest.raises(ValueError, match=r"must have at most 16 stages .* got 17"):
        nearest(SPACES[0], Architecture(stem_width=16, stages=(stage,) * 17))
