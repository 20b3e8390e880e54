"""Files of a run: readable by other tools, and complete."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from nas.analysis.ranking import best_record
from nas.metrics import Metric, Metrics
from nas.run_folder.files import trials_table
from nas.settings.config import SearchConfig
from search_space.architecture_file import load_architecture
from tests.nas.nas_records import CONFIG, TINY, choices, failed, infeasible, run_files, trained
from tests.toys.metrics import LATENCY, with_metrics
from tests.toys.training import images
from trainer.environment import recorded_notes


def test_the_best_has_the_highest_reward_and_is_the_earliest_of_equals() -> None:
    records = [trained(3, 0.5), trained(1, 0.7), trained(2, 0.7), failed(0)]
    best = best_record(records)
    assert best is not None
    assert best.candidate.number == 1


def test_there_is_no_best_without_a_trained_candidate() -> None:
    assert best_record([failed(0), infeasible(1)]) is None


def test_pandas_reads_one_row_a_candidate_from_trials_csv(tmp_path: Path) -> None:
    records = [failed(2), trained(0, 0.25, accuracy=0.3), infeasible(1)]
    table = pd.read_csv(run_files(tmp_path).write_trials(records))
    assert list(table["number"]) == [0, 1, 2]
    assert list(table["state"]) == ["COMPLETE", "INFEASIBLE", "FAIL"]
    assert list(table["reward"]) == [0.25, 0.0, 0.0]
    assert table.loc[0, "key"] == TINY.key(choices(1))
    assert table.loc[0, "num_params"] == 123_456
    assert table.loc[0, "stage1.block"] == "mbconv"
    assert table.loc[2, "reason"] == "the loss was not finite by step 50"
    assert table["stage5.kernel_size"].isna().loc[0]  # a removed stage has no other choices
    design = ["key", "accuracy", "step_time_s", "relative_step_time", "num_params", "macs"]
    design += ["peak_memory_bytes", "reward", "state", "reason", "seconds", "worker"]
    assert set(design) | {decision.name for decision in TINY.decisions()} <= set(table.columns)


def test_whole_numbers_stay_whole_beside_empty_cells(tmp_path: Path) -> None:
    with_last = trained(1, 0.3)
    chosen = choices(1, last=2)
    candidate = replace(with_last.candidate, choices=chosen, key=TINY.key(chosen))
    records = [trained(0, 0.2), replace(with_last, candidate=candidate)]
    rows = run_files(tmp_path).write_trials(records).read_text().splitlines()
    column = rows[0].split(",").index("stage5.kernel_size")
    assert [row.split(",")[column] for row in rows[1:]] == ["", "3"]


def test_columns_of_whole_numbers_stay_whole() -> None:
    counted: dict[str, Metric] = {"held_out_images": 75, "share": 1.0, "at_chance": False}
    outcome = replace(trained(0, 0.5).outcome, metrics=Metrics.from_dict(counted))
    table = trials_table([replace(trained(0, 0.5), outcome=outcome), failed(1)], TINY)
    cells = table.to_csv(index=False, columns=["held_out_images", "share", "at_chance"])
    assert cells.splitlines()[1:] == ["75,1.0,False", ",,"]


def test_trials_csv_without_candidates_has_its_columns(tmp_path: Path) -> None:
    table = pd.read_csv(run_files(tmp_path).write_trials([]))
    assert len(table) == 0
    assert "stage1.block" in table.columns


def test_best_json_is_an_architecture_file_of_the_winner(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    run_files(folder).write_best(trained(4, 0.6, accuracy=0.7, depth=2))
    file = load_architecture(folder)  # as nas-scale --from RUN reads it
    assert file.architecture == TINY.architecture(choices(2))
    assert (file.train_size, file.eval_size) == (48, 48)
    assert file.metrics["reward"] == 0.6
    assert file.metrics["accuracy"] == 0.7
    assert file.provenance["candidate"] == 4
    raw = json.loads((folder / "best.json").read_text())
    assert raw["schema"] == "nas.architecture/1"
    assert raw["key"] == file.architecture.key


def test_best_json_names_the_ledger_that_it_is_of(tmp_path: Path) -> None:
    assert run_files(tmp_path).architecture_file(trained(4, 0.6)).provenance["ledger"] is None
    content = b'{"event":"header"}\n{"event":"asked"}\n{"event":"told","number":0}\n'
    (tmp_path / "ledger.jsonl").write_bytes(content)
    file = run_files(tmp_path).architecture_file(trained(4, 0.6))
    assert file.provenance["ledger"] == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "candidates": 1,
    }


def test_a_latency_that_a_constraint_limits_is_in_the_table_and_with_the_winner(
    tmp_path: Path,
) -> None:
    winner = with_metrics(trained(4, 0.6), **LATENCY)
    table = trials_table([failed(1), winner], TINY)
    assert list(table["latency_s"])[1] == 0.024
    assert list(table.columns)[-len(LATENCY) :] == list(LATENCY)
    plain, limited = (
        run_files(tmp_path).architecture_file(one) for one in (trained(4, 0.6), winner)
    )
    assert limited.metrics == {**plain.metrics, "latency_s": 0.024, "relative_latency": 1.5}


def test_config_yaml_contains_all_settings(tmp_path: Path) -> None:
    path = run_files(tmp_path).write_config()
    assert SearchConfig.model_validate(yaml.safe_load(path.read_text())) == CONFIG


def test_environment_json_contains_versions_and_command(tmp_path: Path) -> None:
    path = run_files(tmp_path).write_environment(images())
    environment = json.loads(path.read_text())
    assert set(environment["packages"]) >= {"torch", "ray", "optuna"}
    assert environment["seed"] == 0
    assert environment["command"]
    assert environment["images"]["counts"] == {"train": 52, "test": 30}
    assert environment["images"]["notes"] == []


def test_environment_json_keeps_the_notes_on_the_images(tmp_path: Path) -> None:
    copied = "30 of 30 test images are copies of training images"
    noted = replace(images(), notes=(copied,), class_names=("left", "right"))
    run_files(tmp_path).write_environment(noted)
    first, second = recorded_notes(tmp_path)
    assert first == copied
    assert "'left' and 'right' may be each other's mirror image" in second


@pytest.mark.parametrize("content", ["{}", '{"images": {"notes": 3}}', '{"images": [1]}', "no"])
def test_an_environment_without_notes_has_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "environment.json").write_text(content)
    assert recorded_notes(tmp_path) == []


@pytest.mark.parametrize("name", ["budget", "workers", "executor", "address"])
def test_settings_of_the_execution_may_change_when_a_run_resumes(name: str) -> None:
    assert name not in CONFIG.identity()


def test_nested_settings_are_named_in_a_runs_identity() -> None:
    identity = CONFIG.identity()
    assert identity["proxy.image_size"] == 24
    assert identity["proxy.timing.blocks"] == 9
