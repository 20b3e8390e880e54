"""Defaults of settings that are not given, and how flags, files and defaults combine."""

from pathlib import Path
from typing import Any

import pytest

from nas.run_folder.files import write_config
from nas.settings.defaults import check_files, complete_config, default_name
from nas.settings.flags import given_settings, search_parser


def given(**flags: Any) -> dict[str, Any]:
    """Return the settings that flags give."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    return given_settings(search_parser("nas-search").parse_args(words))


def test_the_defaults_are_the_papers_exponents_and_the_embedded_images() -> None:
    config = complete_config(given())
    assert (config.w, config.v) == (-0.07, -0.05)
    assert (config.data, config.space, config.budget) == ("digits-scenes", "tiny", 16)
    assert not config.proxy.flip  # a mirrored digit is no digit


def test_real_images_get_the_papers_ten_epochs_and_flips() -> None:
    config = complete_config(given(data="somewhere"))
    assert config.proxy.epochs == 10
    assert config.proxy.flip
    assert config.proxy.image_size == 32  # the reduced size of the tiny space
    other = complete_config(given(data="somewhere", space="efficientnet-b4"))
    assert other.proxy.image_size == 128


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text("budget: 5\nw: -0.5\nproxy: {epochs: 7, learning_rate: 1e-1}\n")
    config = complete_config(given(config=file, budget=9, image_size=40))
    assert (config.budget, config.w) == (9, -0.5)
    assert (config.proxy.epochs, config.proxy.image_size) == (7, 40)
    assert config.proxy.learning_rate == 0.1  # YAML reads 1e-1 as text


def test_the_finals_of_the_embedded_images_are_short_unless_somebody_asks_for_epochs() -> None:
    assert complete_config(given()).epochs_of_finalists == 4
    assert complete_config(given(epochs=5)).epochs_of_finalists == 10
    assert complete_config(given(finalist_epochs=7)).epochs_of_finalists == 7
    assert complete_config(given(data="somewhere")).epochs_of_finalists == 20


def test_the_seed_reaches_the_trainings() -> None:
    settings = {**given(), "seed": 5}
    assert complete_config(settings).proxy.seed == 5


def test_a_seed_that_is_typed_wins_over_both_of_a_runs_config(tmp_path: Path) -> None:
    file = write_config(tmp_path, complete_config({**given(), "seed": 5}))
    again = complete_config(given(config=file))
    assert (again.seed, again.proxy.seed) == (5, 5)
    other = complete_config(given(config=file, seed=7))
    assert (other.seed, other.proxy.seed) == (7, 7)


def test_no_more_workers_than_candidates() -> None:
    assert complete_config(given(budget=1)).workers == 1


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("budgt: 5", "setting budgt: .*not permitted"),
        ("budget: 0", "setting budget: .*greater than or equal to 1, got 0"),
        ("w: 0.5", "setting w: .*less than or equal to 0, got 0.5"),
        ("proxy: {epochs: many}", "setting proxy.epochs: .*integer"),
        ("constraints: ['speed < 3']", "one of params, macs, step_time, memory, got 'speed'"),
        (
            "{sampler: evolution, sampler_options: {popolation: 5}}",
            "evolution takes population, tournament",
        ),
        (
            "{sampler: evolution, sampler_options: {population: x}}",
            "population must be a whole number >= 2, got 'x'",
        ),
        ("{sampler: tpe, sampler_options: {candidates: 0}}", "candidates must be .* >= 1, got 0"),
        ("budget: many", "setting budget: .*got 'many'"),
        ("gpus_per_worker: a", "setting gpus_per_worker: .*got 'a'"),
        ("w: -.inf", "setting w: .*finite"),
        (
            "{sampler: evolution, sampler_options: {population: 1}}",
            "population must be a whole number >= 2, got 1",
        ),
        ("proxy: 5", "proxy must hold settings by name, got 5"),
        ("- budget", "must hold settings by name"),
        ("a: [", "is not YAML"),
        ("space: nowhere", "nowhere"),
    ],
)
def test_a_bad_file_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        complete_config(given(config=file))


def test_a_run_is_called_by_what_it_searches() -> None:
    config = complete_config(given(data="/data/flowers/"))
    assert default_name(config) == "flowers-tiny-auto-0"
    rungs = complete_config(given(data="/data/flowers/", fidelity="progressive"))
    assert default_name(rungs) == "flowers-tiny-auto-progressive-0"


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"start_from": ["nonsuch"]}, "nonsuch"),
        ({"step_time_table": "/nowhere/table.json"}, "/nowhere/table.json"),
    ],
)
def test_a_file_that_is_not_there_is_found_before_images_are_decoded(
    setting: dict[str, Any], complaint: str
) -> None:
    config = complete_config(given()).model_copy(update=setting)
    with pytest.raises((ValueError, OSError), match=complaint):
        check_files(config)
    check_files(config.model_copy(update={"start_from": [], "step_time_table": "auto"}))
