"""Defaults of settings that are not given, and how flags, files and defaults combine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.settings.defaults import check_files, complete_config, default_name
from nas.settings.flags import given_settings, search_parser, typed_names
from tests.nas.nas_records import run_files


def given(**flags: Any) -> dict[str, Any]:
    """Return the settings that flags give."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    return given_settings(search_parser("nas-search").parse_args(words))


def test_defaults_are_the_exponents_of_the_paper_and_embedded_images() -> None:
    config = complete_config(given())
    assert (config.w, config.v) == (-0.07, -0.05)
    assert (config.data, config.space, config.budget) == ("digits-scenes", "tiny", 16)
    assert not config.proxy.flip  # a mirrored digit is not a digit


def test_other_images_have_ten_epochs_and_flips() -> None:
    config = complete_config(given(data="somewhere"))
    assert config.proxy.epochs == 10
    assert config.proxy.flip
    assert config.proxy.image_size == 32  # the reduced size of the tiny space
    other = complete_config(given(data="somewhere", space="efficientnet-b4"))
    assert other.proxy.image_size == 128


def test_flags_override_the_file_and_the_file_overrides_defaults(tmp_path: Path) -> None:
    file = tmp_path / "search.yaml"
    file.write_text("budget: 5\nw: -0.5\nproxy: {epochs: 7, learning_rate: 1e-1}\n")
    config = complete_config(given(config=file, budget=9, image_size=40))
    assert (config.budget, config.w) == (9, -0.5)
    assert (config.proxy.epochs, config.proxy.image_size) == (7, 40)
    assert config.proxy.learning_rate == 0.1  # YAML parses 1e-1 as text


def test_finalists_on_embedded_images_train_briefly_unless_epochs_are_given() -> None:
    assert complete_config(given()).epochs_of_finalists == 4
    assert complete_config(given(epochs=5)).epochs_of_finalists == 10
    assert complete_config(given(finalist_epochs=7)).epochs_of_finalists == 7
    assert complete_config(given(data="somewhere")).epochs_of_finalists == 20


def test_the_trainings_have_the_seed_of_the_search() -> None:
    settings = {**given(), "seed": 5}
    assert complete_config(settings).proxy.seed == 5


def test_the_seed_flag_overrides_both_seeds_of_a_file(tmp_path: Path) -> None:
    config = complete_config({**given(), "seed": 5})
    file = replace(run_files(tmp_path), config=config).write_config()
    again = complete_config(given(config=file))
    assert (again.seed, again.proxy.seed) == (5, 5)
    other = complete_config(given(config=file, seed=7))
    assert (other.seed, other.proxy.seed) == (7, 7)


def test_workers_are_at_most_the_candidates() -> None:
    assert complete_config(given(budget=1)).workers == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("budgt: 5", r"setting budgt: not permitted, .*did you mean budget\?"),
        ("budget: 0", "setting budget: .*greater than or equal to 1, got 0"),
        ("w: 0.5", "setting w: .*less than or equal to 0, got 0.5"),
        ("proxy: {epochs: many}", "setting proxy.epochs: .*integer"),
        ("proxy: {epoch: 3}", r"setting proxy.epoch: .*did you mean proxy.epochs\?"),
        ("{sampler: tpe, sampler_options: {seed: 3}}", "give it with --seed"),
        ("space: tinny", r"search space .*; did you mean tiny\?"),
        (
            "constraints: ['speed < 3']",
            "one of params, macs, step_time, latency, memory, got 'speed'",
        ),
        (
            "{sampler: evolution, sampler_options: {popolation: 5}}",
            r"evolution takes population, tournament.*; did you mean population\?",
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
def test_an_invalid_file_is_rejected_by_name(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "search.yaml"
    file.write_text(text)
    with pytest.raises(ValueError, match=message):
        complete_config(given(config=file))


@pytest.mark.parametrize(
    ("flags", "file", "message"),
    [
        (["--w", "0.5"], "budget: 3", r"^--w: Input should be less .*, got 0.5$"),
        (["--learning-rate", "-1"], "", r"^--learning-rate: .*, got -1.0$"),
        (["--learning-rate", "0.1"], "w: 0.5", r"^/.*/s.yaml: setting w: .*, got 0.5$"),
        ([], "proxy: {epochs: 0}", r"^/.*/s.yaml: setting proxy.epochs: .*, got 0$"),
        ([], "progressive: {eat: 2}", r"s.yaml: setting progressive.eat: .*progressive.eta\?$"),
        (["--constraint", "params < 3X"], "", "^--constraint: constraint's unit must be"),
        (["--holdout", "0"], "proxy: {holdout: 3}", "^--holdout: .*, got 0$"),
        (["--time-budget", "soon"], "", "^--time-budget: must be a time"),
    ],
)
def test_an_error_names_what_the_user_typed(
    tmp_path: Path, flags: list[str], file: str, message: str
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(file or "{}")
    parser = search_parser("nas-search")
    args = parser.parse_args([*flags, "--config", str(path)])
    with pytest.raises(ValueError, match=message):
        complete_config(given_settings(args), typed_names(parser, args))


def test_the_default_name_consists_of_settings() -> None:
    config = complete_config(given(data="/data/flowers/"))
    assert default_name(config) == "flowers-tiny-auto-0"
    rungs = complete_config(given(data="/data/flowers/", fidelity="progressive"))
    assert default_name(rungs) == "flowers-tiny-auto-progressive-0"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"start_from": ["nonsuch"]}, "nonsuch"),
        ({"step_time_table": "/nowhere/table.json"}, "/nowhere/table.json"),
    ],
)
def test_a_missing_file_is_reported_before_images_are_decoded(
    setting: dict[str, Any], message: str
) -> None:
    config = complete_config(given()).model_copy(update=setting)
    with pytest.raises((ValueError, OSError), match=message):
        check_files(config)
    check_files(config.model_copy(update={"start_from": [], "step_time_table": "auto"}))


@pytest.mark.parametrize(
    ("flag", "variable", "used"),
    [
        (None, "sqlite:///a.db", "sqlite:///a.db"),
        ("sqlite:///b.db", "sqlite:///a.db", "sqlite:///b.db"),
        (None, "", None),
        ("mysql://me:***@host/db", "mysql://me:secret@host/db", "mysql://me:secret@host/db"),
    ],
)
def test_the_mirror_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, flag: str | None, variable: str, used: str | None
) -> None:
    monkeypatch.setenv("NAS_MIRROR", variable)
    monkeypatch.setattr("nas.settings.defaults.check_url", lambda _url: None)
    settings = given() if flag is None else given(mirror=flag)
    assert complete_config(settings).mirror == used


def test_a_masked_password_is_not_replaced_by_that_of_another_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NAS_MIRROR", "mysql://me:secret@other/db")
    with pytest.raises(ValueError, match=r"was masked .* NAS_MIRROR"):
        complete_config(given(mirror="mysql://me:***@host/db"))
