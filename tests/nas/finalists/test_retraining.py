"""The queue of trainings: each is done once, also when workers or the driver die."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from nas.candidate import Outcome, Record, State
from nas.dispatch.result_files import Evaluate, ResultFiles
from nas.execution.ray_actors import run_with_actors
from nas.finalists.training_queue import TrainingQueue, missing_trainings
from tests.toys.observer import ToyObserver
from tests.toys.retraining import traced, trainings
from tests.toys.workers import make_that_dies
from trainer.cluster.ray_session import RaySession, ray_session

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def session() -> Iterator[RaySession]:
    with ray_session(workers=2, logical_cpus=2) as session:
        yield session


def results_in(folder: Path) -> ResultFiles:
    return ResultFiles(folder=folder, run_id="toy")


def test_all_are_done_and_on_file_and_nothing_is_done_again(
    session: RaySession, tmp_path: Path
) -> None:
    results, done = results_in(tmp_path), list[str]()

    def note(record: Record) -> None:
        assert results.find(record.candidate) == record.outcome  # on disk before it is observed
        done.append(record.candidate.file_stem)

    def run(count: int) -> None:
        queue = TrainingQueue(trainings(count), results, observer=ToyObserver(note))
        run_with_actors(queue, session, traced(tmp_path, 0.0))

    run(4)
    assert sorted(done) == [
        "0-seed1-epochs4",
        "0-seed2-epochs4",
        "1-seed1-epochs4",
        "1-seed2-epochs4",
    ]
    assert missing_trainings(trainings(4), results) == ()
    run(6)
    assert len(done) == 6
    assert Counter((tmp_path / "evaluated.txt").read_text().split()) == Counter(done)
    assert not list(tmp_path.glob("*.lock"))


def test_a_training_that_kills_its_workers_fails_and_the_others_go_on(
    session: RaySession, tmp_path: Path
) -> None:
    ends: dict[str, Outcome] = {}
    make: partial[Evaluate] = partial(make_that_dies, 1)
    observer = ToyObserver(lambda end: ends.update({end.candidate.file_stem: end.outcome}))
    run_with_actors(
        TrainingQueue(trainings(4), results_in(tmp_path), observer=observer), session, make
    )
    assert {label for label, end in ends.items() if end.state is State.FAIL} == {
        "1-seed1-epochs4",
        "1-seed2-epochs4",
    }
    assert ends["1-seed1-epochs4"].reason.startswith("worker died 3 times")
    assert len(ends) == 4


@pytest.mark.slow
def test_kills_lose_and_repeat_nothing_and_a_stop_says_so(tmp_path: Path) -> None:
    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.toys.retraining", str(tmp_path)]
        return subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def finished() -> int:
        return len(list((tmp_path / "finalists").glob("*.json")))

    rng = random.Random(0)
    for number in (signal.SIGKILL, signal.SIGKILL, signal.SIGINT):
        process, before = start(), finished()
        while finished() == before and process.poll() is None:
            time.sleep(0.02)
        time.sleep(rng.uniform(0.0, 0.8))
        os.kill(process.pid, number)
        output = process.communicate(timeout=120)[0]
    assert output.endswith("stopped by SIGINT\n")
    assert process.returncode == 130
    assert start().communicate(timeout=120)[0].endswith("stopped by None\n")
    labels = Counter((tmp_path / "evaluated.txt").read_text().split())
    assert set(labels) == {training.file_stem for training in trainings(12)}
    # A training may be cut between its end and its result's being on disk.
    assert labels.total() <= len(trainings(12)) + 1, labels
    assert missing_trainings(trainings(12), results_in(tmp_path / "finalists")) == ()
