"""Messages show the beginning of a value, however large it is, and the nearest known name."""

import pytest

from search_space.checks import did_you_mean, require, require_int, require_keys, shown


@pytest.mark.parametrize(
    "value", [1, 2.5, None, True, "text", "it's", [1, 2], (1,), {"b": 1, "a": [2]}, b"x", -7]
)
def test_a_small_value_is_shown_as_it_is(value: object) -> None:
    assert shown(value) == repr(value)


def bomb() -> list[object]:
    value: list[object] = ["x"] * 9
    for _ in range(30):
        value = [value] * 9  # 9**31 texts
    return value


@pytest.mark.parametrize(
    "value",
    [
        bomb(),
        "x" * 10**7,
        b"x" * 10**7,
        list(range(10**6)),
        {str(number): number for number in range(10**5)},
        10**10_000,  # Python refuses to write it: it has more than 4300 digits
        -(10**10_000),
        {10**5000: [10**5000]},
    ],
    ids=["nested", "text", "bytes", "list", "dict", "number", "negative", "number in a dict"],
)
def test_a_large_value_is_shown_in_part(value: object) -> None:
    assert len(shown(value)) <= 100
    with pytest.raises(ValueError, match=r"^size must be small, got ") as caught:
        require(False, "size", "small", value)
    assert len(str(caught.value)) < 130


def test_a_huge_number_is_refused_like_a_small_one() -> None:
    # 10**10000 has 10000 * log2(10) = 33219.3 bits, which is 33220 whole ones.
    with pytest.raises(ValueError, match=r"size must be a whole number >= 1, got .* 33220 bits"):
        require_int("size", -(10**10_000), 1)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("budgt", "; did you mean budget?"),
        ("Budget", "; did you mean budget?"),
        ("image-size", "; did you mean image_size?"),
        ("epoch", "; did you mean epochs?"),
        ("zzz", ""),
        ("", ""),
        ("b" * 10**6, ""),
        (None, ""),
    ],
    ids=lambda value: str(value)[:20],
)
def test_the_nearest_known_name_is_suggested(name: object, nearest: str) -> None:
    assert did_you_mean(name, ["budget", "image_size", "epochs"]) == nearest


def test_an_unknown_key_is_named_with_the_nearest_known_one() -> None:
    with pytest.raises(ValueError, match=r"unknown keys \['dept'\].*did you mean depth\?"):
        require_keys("stage", {"dept": 1}, ("depth", "width"))
