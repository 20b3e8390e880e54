"""Flags and settings of a search in rungs."""

import pytest

from nas.settings.config import SearchConfig
from nas.settings.flags import search_parser
from nas.settings.from_flags import complete_config, given_settings


def config(*flags: str) -> SearchConfig:
    return complete_config(given_settings(search_parser("nas-search").parse_args(flags)))


def test_flags_reach_the_rungs() -> None:
    found = config(
        "--fidelity", "progressive", "--eta", "4", "--rungs", "2", "--accuracy-bound", "0.8"
    )  # fmt: skip
    assert found.fidelity == "progressive"
    rungs = found.progressive
    assert (rungs.eta, rungs.rungs, rungs.accuracy_bound, rungs.prune) == (4, 2, 0.8, "reward")


def test_full_is_the_default_and_its_runs_are_what_they_were() -> None:
    assert config().fidelity == "full"
    assert not [name for name in config().identity() if "fidelity" in name or "progress" in name]


def test_a_run_in_rungs_says_so() -> None:
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
def test_what_cannot_be_is_refused_in_one_line(flags: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        config("--fidelity", "progressive", *flags)
    assert "\n" not in str(raised.value)
