"""JSON and YAML files are bounded in size, depth and content, whatever they hold."""

import json
from pathlib import Path
from typing import Any

import pytest

from search_space.text_files import MAX_BYTES, parse_json, parse_yaml, read_text

# Each level has nine times the values of the one before: 9**8 texts in 285 characters.
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [x, 2.5, null, true]\n", {"a": 1, "b": ["x", 2.5, None, True]}),
        ("", None),
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("a: &x {b: 1}\nc: {<<: *x, d: 2}\n", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("a: 2001-12-14\n", {"a": "2001-12-14"}),  # PyYAML alone makes a date of it
        ("1e-1", "1e-1"),  # YAML 1.1: a float needs a dot
    ],
)
def test_usual_yaml_has_its_usual_values(text: str, value: object) -> None:
    assert parse_yaml(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, r"stands for more than 100000 values, in line 6, column 4"),
        ("a: &a [*a]", "refers to what it is part of, in line 1"),
        ("[" * 100_000, "nested deeper than 50"),
        ("- " * 200 + "1", "nested deeper than 50"),
        ("a: 1\nb: 2\na: 3", "the key 'a' is given twice, in line 3"),
        ("yes: 1", "a key must be text, in quotes where needed, got 'yes'"),
        ("1: 2", "a key must be text"),
        ("? [a]\n: 2", "a key must be text"),
        ("a: !!python/object/apply:os.system [ls]", "tag .*os.system' is not allowed"),
        ("a: !!binary aGk=", "tag .*binary' is not allowed"),
        ("!!set {a}", "tag .*set' is not allowed"),
        ("a: !!timestamp 2001-12-14", "tag .*timestamp' is not allowed"),
        ("a: " + "1" * 10_000, "number '1+\\.*1+' is too long"),
        ("a: !!bool maybe", "does not fit its tag"),
        ("a: !!int ''", "does not fit its tag"),
        ("a: !!int x", "invalid literal"),
        ("a: 1\n--- {}\n", "document"),
        ("a: b\x00", "special characters"),
        ("a: *" + "q" * 100_000, "undefined alias"),
        ("x" * 300_000, "longer than 256 KiB"),
        ("a: [", "flow"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_other_yaml_is_one_short_error(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_yaml(text)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, "é"]}, 10**18, [], "text"])
def test_usual_json_has_its_usual_value(value: Any) -> None:
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested deeper than 50"),
        ("[" * 60 + "]" * 60, "nested deeper than 50"),
        ('{"a": 1, "b": 2, "a": 1}', "the key 'a' is given twice"),
        ("1" * 10_000, "too long"),
        ("1e999", "numbers must be finite, got '1e999'"),
        ("NaN", "numbers must be finite, got NaN"),
        ("-Infinity", "numbers must be finite, got -Infinity"),
        ("", "Expecting value"),
        (b"\xff\xfe{}", "utf"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_other_json_is_one_short_error(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse_json(text)
    assert len(str(caught.value)) < 500


def test_depth_is_allowed_up_to_fifty() -> None:
    assert parse_json("[" * 50 + "]" * 50) == parse_yaml("[" * 50 + "]" * 50)


def test_the_mark_of_utf_8_is_no_part_of_a_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": "\xc3\xa9"}')
    assert parse_json(read_text(path)) == {"a": "é"}


def test_other_encodings_and_larger_files_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes('{"a": 1}'.encode("utf-16"))
    with pytest.raises(ValueError, match=r"a\.json is not UTF-8 text"):
        read_text(path)
    path.write_bytes(b" " * (MAX_BYTES + 1))
    with pytest.raises(ValueError, match=r"a\.json is larger than 10 MiB"):
        read_text(path)


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(ValueError, match=r"/dev/zero is larger than 10 MiB"):
        read_text("/dev/zero")
