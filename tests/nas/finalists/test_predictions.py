"""The predictions of the finalists' trainings: found, missing and damaged files."""

from pathlib import Path

import numpy as np
import pytest

from nas.candidate import Outcome
from nas.finalists.finalist_round import FinalistRound
from nas.finalists.predictions import read_predictions
from tests.nas.nas_records import CONFIG, trained
from trainer.proxy.predictions import Predictions

RECORDS = [trained(0, 0.8), trained(1, 0.7)]


def predictions(position: int) -> Predictions:
    return Predictions(
        positions=np.array([position]),
        labels=np.array([0]),
        predicted=np.array([1]),
        confidence=np.array([0.75], dtype=np.float32),
        label_probability=np.array([0.25], dtype=np.float32),
    )


@pytest.fixture
def last(tmp_path: Path) -> FinalistRound:
    config = CONFIG.model_copy(update={"finalists": 2, "finalist_seeds": 2})
    last = FinalistRound.of_run(tmp_path, config, "this run")
    last.results.folder.mkdir()
    last.predictions.folder.mkdir()
    return last


def test_a_run_of_an_earlier_version_has_none(last: FinalistRound) -> None:
    for training in last.trainings(RECORDS):
        last.results.save(training, trained(0, 0.0).outcome)
    last.predictions.folder.rmdir()
    found = read_predictions(last, RECORDS)
    assert (found.found, found.missing, found.damaged) == ((), 4, ())


def test_what_is_missing_and_what_is_damaged_is_told(last: FinalistRound) -> None:
    whole, bare, broken, failed = last.trainings(RECORDS)
    for training in (whole, bare, broken):
        last.results.save(training, trained(0, 0.0).outcome)
    last.results.save(failed, Outcome.failed("out of memory"))
    last.predictions.save(whole, predictions(7))
    last.predictions.save(broken, predictions(8))
    last.predictions.path(broken).write_bytes(b"PK\x03\x04")
    found = read_predictions(last, RECORDS)
    assert [one.positions.tolist() for one in found.found] == [[7]]
    assert found.missing == 1
    (said,) = found.damaged
    assert str(last.predictions.path(broken)) in said


def test_trainings_that_are_not_done_count_nowhere(last: FinalistRound) -> None:
    found = read_predictions(last, RECORDS)
    assert (found.found, found.missing, found.damaged) == ((), 0, ())
