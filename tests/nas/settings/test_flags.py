"""Flags of nas-search, and the settings that they give."""

import re
from typing import get_args

import pytest

from nas.samplers import sampler_names
from nas.settings.config import SearchConfig
from nas.settings.defaults import complete_config
from nas.settings.flags import given_settings, search_parser

# Flags that other scripts rely on, and all others.
FLAGS = """
    --budget --data --space --sampler --sampler-option --seed --w --v --constraint
    --step-time-table --start-from --fit --group-column --skip-damaged --strict
    --epochs --image-size --batch-size --max-images --holdout --optimizer
    --learning-rate --no-flip --precision --fidelity --rungs --eta --accuracy-bound --prune
    --finalists
    --finalist-seeds --finalist-epochs --proxy-check --proxy-check-epochs --reweigh --name --out
    --workers --gpus-per-worker --max-concurrent --executor --address --mirror --tracker
    --dashboard
    --config --time-budget --candidate-timeout --max-failures --worker-memory
"""


def config(*flags: str) -> SearchConfig:
    return complete_config(given_settings(search_parser("nas-search").parse_args(flags)))


def test_the_help_lists_every_flag_and_no_default_twice() -> None:
    text = search_parser("nas-search").format_help()
    assert re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE) == FLAGS.split()
    for entry in re.split(r"^  --", text, flags=re.MULTILINE)[1:]:
        assert entry.count("(default") <= 1, entry
    words = " ".join(text.split())
    assert "(default: 10; 3 for digits-scenes; 4 for digits)" in words
    assert "(default: 20x)" in words
    assert "None" not in text


def test_samplers_are_those_that_can_be_made() -> None:
    assert get_args(SearchConfig.model_fields["sampler"].annotation) == sampler_names()


def test_flags_reach_the_rungs() -> None:
    found = config(
        "--fidelity", "progressive", "--eta", "4", "--rungs", "2", "--accuracy-bound", "0.8"
    )  # fmt: skip
    assert found.fidelity == "progressive"
    rungs = found.progressive
    assert (rungs.eta, rungs.rungs, rungs.accuracy_bound, rungs.prune) == (4, 2, 0.8, "reward")


def test_fidelity_full_is_the_default_and_not_in_the_identity() -> None:
    assert config().fidelity == "full"
    assert not [name for name in config().identity() if "fidelity" in name or "progress" in name]


def test_fidelity_progressive_is_in_the_identity() -> None:
    identity = config("--fidelity", "progressive", "--eta", "4").identity()
    assert identity["fidelity"] == "progressive"
    assert identity["progressive.eta"] == 4


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--executor", "tune"), "--fidelity progressive needs --executor actors, got tune"),
        (("--epochs", "2"), "--epochs must be at least the rungs, 3, got 2"),
        (("--accuracy-bound", "1.5"), "accuracy_bound"),
    ],
)
def test_settings_that_contradict_each_other_are_one_line(
    flags: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        config("--fidelity", "progressive", *flags)
    assert "\n" not in str(raised.value)


def test_flags_that_may_be_repeated_are_collected() -> None:
    found = config(
        *("--constraint", "params < 3M", "--constraint", "macs<1G"),
        *("--start-from", "efficientnet-b0, efficientnetv2-s", "--start-from", "best.json"),
    )
    assert [str(constraint) for constraint in found.constraints] == ["params < 3M", "macs<1G"]
    assert found.start_from == ("efficientnet-b0", "efficientnetv2-s", "best.json")


def test_sampler_options_are_numbers_by_name() -> None:
    words = ["--sampler-option", "population=20", "--sampler-option", "tournament=3"]
    options = given_settings(
        search_parser("nas-search").parse_args(["--sampler", "evolution", *words])
    )
    assert options["sampler_options"] == {"population": 20, "tournament": 3}
    assert complete_config(options).identity()["sampler_options.population"] == 20


@pytest.mark.parametrize("text", ["population", "population=", "=20"])
def test_an_option_without_name_or_value_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="must read NAME=VALUE"):
        config("--sampler-option", text)
