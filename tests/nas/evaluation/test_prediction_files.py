"""Files of predictions: what is read is what was written, and nothing of another run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas.engine.job import Training
from nas.evaluation.prediction_files import PredictionFiles
from trainer.proxy.predictions import Predictions

TRAINING = Training(number=4, choices={"width": 8}, key="k4", seed=2, epochs=6)
PREDICTIONS = Predictions(
    positions=np.array([3, 900]),
    labels=np.array([0, 1]),
    predicted=np.array([1, 1]),
    confidence=np.array([0.75, 1.0], dtype=np.float32),
    label_probability=np.array([0.25, 1.0], dtype=np.float32),
)


@pytest.fixture
def files(tmp_path: Path) -> PredictionFiles:
    found = PredictionFiles.of_run(tmp_path, "this run")
    found.folder.mkdir()
    return found


def test_what_is_read_is_what_was_written(files: PredictionFiles) -> None:
    assert files.find(TRAINING) is None
    files.save(TRAINING, PREDICTIONS)
    assert [path.name for path in files.folder.iterdir()] == ["4-seed2-epochs6.pt"]
    found = files.find(TRAINING)
    assert found is not None
    for name in Predictions.__slots__:
        before, after = getattr(PREDICTIONS, name), getattr(found, name)
        assert after.dtype == before.dtype
        assert after.tolist() == before.tolist()
    assert found.accuracy == 0.5


def test_files_of_another_run_or_network_are_not_read(files: PredictionFiles) -> None:
    files.save(TRAINING, PREDICTIONS)
    assert replace(files, run_id="another run").find(TRAINING) is None
    assert files.find(replace(TRAINING, key="k5")) is None


def test_without_the_folder_nothing_is_written(tmp_path: Path) -> None:
    away = PredictionFiles.of_run(tmp_path / "elsewhere", "this run")
    away.save(TRAINING, PREDICTIONS)
    assert not any(tmp_path.iterdir())
    assert away.find(TRAINING) is None


def test_a_flipped_bit_is_noticed(files: PredictionFiles) -> None:
    files.save(TRAINING, PREDICTIONS)
    path = files.path(TRAINING)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"4-seed2-epochs6\.pt.*damaged"):
        files.find(TRAINING)


def test_predictions_have_equal_lengths_and_an_image() -> None:
    with pytest.raises(ValueError, match="equal length"):
        replace(PREDICTIONS, labels=np.array([0]))
    nothing = {name: getattr(PREDICTIONS, name)[:0] for name in Predictions.__slots__}
    with pytest.raises(ValueError, match="at least one image"):
        Predictions(**nothing)
