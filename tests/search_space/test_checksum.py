"""A checksum in a JSON object or a YAML text shows every flipped bit."""

import json
import zlib

import pytest

from search_space.checksum import (
    has_right_comment,
    is_intact,
    parse_sealed,
    sealed,
    split_seal,
    with_comment,
)

VALUE = {"name": "é", "accuracy": 0.1234567890123, "steps": [1, 2]}


@pytest.mark.parametrize("indent", [None, 1])
def test_the_value_is_read_back(indent: int | None) -> None:
    text = sealed(json.dumps(VALUE, indent=indent)) + "\n"
    assert is_intact(text.encode())
    assert parse_sealed(text.encode()) == VALUE
    assert json.loads(text).keys() == {*VALUE, "crc32"}  # readers of JSON see one more key


def test_the_checksum_is_zlibs_of_the_bytes_before_it() -> None:
    before = b'{"a":1'
    text = sealed('{"a":1}')
    assert text == f'{{"a":1,"crc32":"{zlib.crc32(before):08x}"}}'
    # The check value of CRC-32 (ISO 3309) in the catalogue of parametrised CRC algorithms.
    assert zlib.crc32(b"123456789") == 0xCBF43926


def test_an_object_without_checksum_is_read_and_not_intact() -> None:
    assert parse_sealed(b'{"a": 1}') == {"a": 1}
    assert split_seal(b'{"a": 1}') == (b'{"a": 1}', "")
    assert not is_intact(b'{"a": 1}')


def test_every_flipped_bit_is_noticed() -> None:
    data = sealed(json.dumps(VALUE), "7").encode()
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        assert not is_intact(bytes(changed), "7")


def test_an_object_in_another_place_is_noticed() -> None:
    data = sealed('{"a":1}', "7").encode()
    assert is_intact(data, "7")
    assert not is_intact(data, "8")
    assert not is_intact(data)


def test_a_damaged_object_is_refused() -> None:
    with pytest.raises(ValueError, match="checksum"):
        parse_sealed(sealed('{"a":1}').encode().replace(b":1", b":2"))


def test_a_comment_has_the_checksum_of_the_text_before() -> None:
    text = with_comment("budget: 5\n")
    assert has_right_comment(text)
    assert not has_right_comment(text.replace("5", "7", 1))
    assert has_right_comment("budget: 5\n") is None  # of earlier versions
