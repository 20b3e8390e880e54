"""Flags made from the fields of a pydantic model."""

from typing import Literal

import pytest
from pydantic import BaseModel, Field

from search_space.command_line.command import CommandParser
from search_space.command_line.flags import add_flags


class Example(BaseModel):
    epochs: int = Field(default=3, ge=1, description="Passes over the images.")
    max_images: int | None = Field(default=None, ge=2, description="Largest number of images.")
    rate: float = Field(description="Learning rate, 100 % of it.")
    kind: Literal["sgd", "adam"] = Field(default="sgd", description="Optimizer.")
    limits: tuple[str, ...] = Field(default=(), description="Limit.")
    options: dict[str, int] = Field(default_factory=dict, description="Option.")
    file: str | None = Field(default=None, description="File (default: a new one).")


def parser(**defaults: str) -> CommandParser:
    made = CommandParser(prog="nas-test")
    add_flags(
        made, Example, Example.model_fields, {"file": "PATH"}, defaults=defaults, prefix="a."
    )
    return made


def test_values_have_the_type_of_their_field() -> None:
    words = ["--epochs", "5", "--max-images", "7", "--rate", "0.5", "--kind", "adam"]
    words += ["--limit", "x", "--limit", "y", "--option", "n=1", "--file", "f"]
    assert vars(parser().parse_args(words)) == {
        "a.epochs": 5,
        "a.max_images": 7,
        "a.rate": 0.5,
        "a.kind": "adam",
        "a.limits": ["x", "y"],
        "a.options": ["n=1"],
        "a.file": "f",
    }


def test_flags_that_are_not_given_are_none() -> None:
    assert set(vars(parser().parse_args([])).values()) == {None}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", "0"], "argument --epochs: must be at least 1, got 0"),
        (["--epochs", "x"], "argument --epochs: invalid whole number value: 'x'"),
        (["--max-images", "1"], "argument --max-images: must be at least 2, got 1"),
        (["--rate", "fast"], "argument --rate: invalid float value: 'fast'"),
        (["--kind", "lamb"], "argument --kind: invalid choice: 'lamb'"),
    ],
)
def test_values_of_another_type_are_one_line_and_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        parser().parse_args(words)
    error = capsys.readouterr().err
    assert (stopped.value.code, error.count("\n")) == (2, 1)
    assert message in error


def test_the_help_shows_description_and_default_of_the_field() -> None:
    lines = parser(max_images="all").format_help().split("options:")[1]
    assert " ".join(lines.split()) == (
        "-h, --help show this help message and exit "
        "--epochs EPOCHS Passes over the images (default: 3) "
        "--max-images MAX_IMAGES Largest number of images (default: all) "
        "--rate RATE Learning rate, 100 % of it "
        "--kind {sgd,adam} Optimizer (default: sgd) "
        "--limit LIMIT Limit; may be repeated "
        "--option OPTION Option; may be repeated "
        "--file PATH File (default: a new one)"
    )


class Switches(BaseModel):
    mirror: bool = Field(default=True, description="Mirror 50 % of the images.")
    quick: bool = Field(default=False, description="Use less time.")


def test_a_given_default_replaces_that_of_the_description() -> None:
    text = " ".join(parser(file="that of the run").format_help().split())
    assert "--file PATH File (default: that of the run)" in text
    assert "a new one" not in text


def test_a_flag_without_a_value_says_what_it_does_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made = CommandParser(prog="nas-test")
    add_flags(made, Switches, Switches.model_fields)
    assert vars(made.parse_args(["--no-mirror", "--quick"])) == {"mirror": False, "quick": True}
    with pytest.raises(SystemExit):
        made.parse_args(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "--no-mirror Do not mirror 50 % of the images" in shown
    assert "--quick Use less time" in shown
