"""Origins of cached images: every text comes back, also one that is not UTF-8."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.data.cache.origins import Origins, packed


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=5))
def test_every_origin_comes_back(names: list[bytes]) -> None:
    texts = [os.fsdecode(name) for name in names]
    text, ends = packed(texts)
    origins = Origins(text=text, ends=ends)
    assert [origins[index] for index in range(len(texts))] == texts


def test_an_origin_beyond_the_images_is_an_error() -> None:
    text, ends = packed(["a"])
    with pytest.raises(IndexError, match=r"in \[0, 1\), got 1"):
        Origins(text=text, ends=ends)[1]
