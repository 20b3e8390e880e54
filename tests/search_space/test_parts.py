"""Parts: every network of a space consists of the space's parts."""

import random
from itertools import pairwise

import pytest

from search_space.parts import HEAD, STEM, Part, network_parts, space_parts
from search_space.space import SearchSpace


@pytest.mark.parametrize("name", ["tiny", "efficientnetv2-s", "efficientnet-b4"])
def test_every_network_is_made_of_the_spaces_parts(name: str) -> None:
    space, rng = SearchSpace.load(name), random.Random(0)
    known = set(space_parts(space, 64))
    used: set[Part] = set()
    for _ in range(400):
        used |= set(network_parts(space.architecture(space.sample(rng)), 64))
    assert used <= known
    if name == "tiny":  # 400 of its networks contain all of its parts
        assert used == known


def test_the_parts_of_tiny_are_those_counted_by_hand() -> None:
    # 2 blocks x 2 kernels x 3 expansions = 12 variants. Stage 1 keeps width and side, so its
    # first and its later blocks are alike; stages 2 to 5 have two positions. Two heads, because
    # stage 5 may be missing, and one stem.
    parts = space_parts(SearchSpace.load("tiny"), 32)
    assert len(parts) == len(set(parts)) == 12 + 4 * 24 + 2 + 1


def test_the_output_of_each_part_fits_the_next() -> None:
    space, rng = SearchSpace.load("tiny"), random.Random(1)
    for _ in range(50):
        architecture = space.architecture(space.sample(rng))
        parts = network_parts(architecture, 25)
        assert (parts[0].kind, parts[-1].kind) == (STEM, HEAD)
        assert len(parts) == 2 + sum(stage.depth for stage in architecture.stages)
        for one, following in pairwise(parts):
            assert following.in_width == one.out_width
            assert following.side == -(-one.side // one.stride)


def test_a_part_round_trips_through_json() -> None:
    for part in space_parts(SearchSpace.load("tiny"), 32):
        assert Part.from_dict(part.to_dict()) == part
