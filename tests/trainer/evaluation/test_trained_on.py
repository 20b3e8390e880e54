"""What a training recorded: read from its files, and nothing from values of another form."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.toys.model import toy_model
from trainer.config import ReadingConfig
from trainer.evaluation.trained_on import TrainedOn, trained_on

FACTS: dict[str, Any] = {
    "content": "0123",
    "reading": {"fit": "pad"},
    "evaluated_on": "holdout",
    "num_evaluated": 14,
    "seed": 3,
    "holdout": 0.25,
    "precision": "bf16",
}


def test_the_model_file_holds_what_is_independent_of_the_place(tmp_path: Path) -> None:
    found = trained_on(tmp_path / "model.pt", toy_model(training=FACTS))
    assert found == TrainedOn(
        content="0123",
        reading=ReadingConfig(fit="pad"),
        evaluated_on="holdout",
        num_evaluated=14,
        seed=3,
        holdout=0.25,
        precision="bf16",
    )


def test_the_run_folder_holds_the_place_and_of_earlier_versions_the_rest(tmp_path: Path) -> None:
    images = {"data": "/photos", "cache": "/cache/16px-0", "reading": {"fit": "squash"}}
    (tmp_path / "environment.json").write_text(json.dumps({"images": images}))
    (tmp_path / "config.yaml").write_text("seed: 5\nrecipe:\n  holdout: 100\n")
    (tmp_path / "summary.json").write_text(json.dumps({"evaluated_on": "holdout"}))
    found = trained_on(tmp_path / "model.pt", toy_model())
    assert (found.data, found.cache) == ("/photos", Path("/cache/16px-0"))
    assert (found.seed, found.holdout, found.evaluated_on) == (5, 100, "holdout")
    assert found.reading == ReadingConfig(fit="squash")


def test_values_of_another_form_are_not_known(tmp_path: Path) -> None:
    wrong = {**{name: [1] for name in FACTS}, "reading": {}, "seed": True}
    (tmp_path / "environment.json").write_text('{"images": {"data": 7, "cache": ""}}')
    found = trained_on(tmp_path / "model.pt", toy_model(training=wrong))
    assert found == TrainedOn(recorded={"data": 7, "cache": ""})


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{")
    with pytest.raises(ValueError, match=r"summary\.json is damaged: "):
        trained_on(tmp_path / "model.pt", toy_model())
    message = r"model\.pt: reading: setting fit: Input should be"
    with pytest.raises(ValueError, match=message):
        trained_on(tmp_path / "model.pt", toy_model(training={"reading": {"fit": "stretch"}}))
