"""The evaluator of a worker: rungs, full trainings, and candidates that are not trained."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.candidate import Candidate, State
from nas.costs.constraint import Constraint
from nas.costs.predictor import CostPredictor
from nas.engine.job import Job, Training
from nas.engine.pruning import PruningThreshold
from nas.evaluation.evaluator import Evaluator, EvaluatorFactory, RungCheckpoints
from nas.evaluation.prediction_files import PredictionFiles
from nas.metrics import DeviceSeconds, Metrics, ReachedRung
from nas.settings.config import ProgressiveConfig, SearchConfig
from search_space.space import SearchSpace
from tests.nas.nas_records import choices
from tests.toys.training import SIZE, images
from trainer.config import ProxyConfig, TimingConfig
from trainer.data.holdout import holdout
from trainer.proxy.task import ProxyTask

TINY = SearchSpace.load("tiny")
CHOSEN = choices(1)
CONFIG = SearchConfig(
    fidelity="progressive",
    progressive=ProgressiveConfig(rungs=2),
    proxy=ProxyConfig(
        image_size=SIZE,
        epochs=2,
        batch_size=16,
        holdout=0.25,
        timing=TimingConfig(warmup_steps=1, blocks=3, block_seconds=0.001, max_spread=100),
    ),
)


@pytest.fixture
def worker(tmp_path: Path) -> Evaluator:
    torch.set_num_threads(1)
    return evaluator(CONFIG, RungCheckpoints(folder=tmp_path))


def evaluator(config: SearchConfig, checkpoints: RungCheckpoints | None = None) -> Evaluator:
    task = ProxyTask(
        config=config.proxy,
        images=images(),
        reference=TINY.reference(),
        device=torch.device("cpu"),
    )
    predictor = CostPredictor(TINY, config.proxy, task.images.num_classes)
    factory = EvaluatorFactory(
        config=config, images=Path("unused"), predictor=predictor, checkpoints=checkpoints
    )
    return Evaluator(factory=factory, task=task)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def job(
    rung: int, *, known: Metrics | None = None, threshold: PruningThreshold | None = None
) -> Job:
    return Job(
        number=3,
        choices=CHOSEN,
        key=TINY.key(CHOSEN),
        rung=rung,
        num_rungs=2,
        known=known or Metrics(),
        threshold=threshold or PruningThreshold(),
    )


def test_a_candidate_climbs_from_its_checkpoint_or_from_the_start_to_the_same_end(
    worker: Evaluator, tmp_path: Path
) -> None:
    first = worker(job(0))
    assert first.state is State.COMPLETE
    assert first.training.rung == ReachedRung(number=0, image_size=8, trained_again=0)
    assert first.costs.timing.image_size == SIZE  # the step is timed at the full size
    assert names(tmp_path) == ["3-r0.pt"]
    known = first.metrics
    second = worker(job(1, known=known))
    assert second.training.rung == ReachedRung(number=1, image_size=SIZE, trained_again=0)
    assert second.costs == first.costs
    assert names(tmp_path) == ["3-r0.pt"]  # no rung follows the last one
    (tmp_path / "3-r0.pt").unlink()
    again = worker(job(1, known=known))
    assert again.training.rung == ReachedRung(number=1, image_size=SIZE, trained_again=1)
    assert again.training.accuracy == second.training.accuracy
    assert again.training.train_loss == second.training.train_loss
    assert again.reward == second.reward


def test_seconds_add_up(worker: Evaluator) -> None:
    first = worker(job(0)).metrics
    before = first.device_seconds
    seconds = worker(job(1, known=first)).metrics.device_seconds
    assert before is not None
    assert seconds is not None
    assert seconds.timing is not None
    parts = [seconds.timing, seconds.by_rung[0], seconds.by_rung[1]]
    assert all(part > 0 for part in parts)
    assert seconds.total == pytest.approx(sum(parts))
    assert (before.timing, dict(before.by_rung)) == (parts[0], {0: parts[1]})


def test_what_cannot_win_is_timed_and_not_trained(worker: Evaluator, tmp_path: Path) -> None:
    outcome = worker(job(0, threshold=PruningThreshold(accuracy=0.5, reward=0.9)))
    assert outcome.state is State.DROPPED
    assert outcome.reward == 0.0
    assert outcome.reason.startswith("not trained: with 50.0 % accuracy its reward would be ")
    assert outcome.costs.step_time_s > 0
    assert outcome.metrics.training is None
    seconds = outcome.metrics.device_seconds
    assert seconds is not None
    assert seconds == DeviceSeconds(total=seconds.total, timing=seconds.total)
    assert not names(tmp_path)


def test_what_breaks_a_limit_by_its_measured_time_is_not_trained(
    worker: Evaluator, tmp_path: Path
) -> None:
    strict = CONFIG.model_copy(update={"constraints": (Constraint.parse("step_time < 0.0001"),)})
    outcome = evaluator(strict, worker.factory.checkpoints)(job(0))
    assert outcome.state is State.INFEASIBLE
    assert outcome.reward == 0.0
    assert outcome.is_charged  # it cost a timing
    assert outcome.costs.relative_step_time > 0
    assert outcome.reason.startswith("measured step_time ")
    assert outcome.metrics.training is None
    assert outcome.metrics.device_seconds is not None
    assert not outcome.metrics.device_seconds.by_rung
    assert not names(tmp_path)


def test_a_latency_is_measured_if_a_constraint_limits_it_and_kept_at_later_rungs(
    worker: Evaluator, tmp_path: Path
) -> None:
    assert worker(job(0)).costs.latency is None
    limited = CONFIG.model_copy(update={"constraints": (Constraint.parse("latency < 1000"),)})
    checkpoints = RungCheckpoints(folder=tmp_path)
    first = evaluator(limited, checkpoints)(job(0))
    latency = first.costs.latency
    assert first.state is State.COMPLETE
    assert latency is not None
    assert latency.latency_s > 0
    assert latency.relative_latency == pytest.approx(
        latency.latency_s / latency.reference_latency_s
    )
    assert first.metrics.to_dict()["latency_threads"] == 1
    known = Metrics.from_dict(first.metrics.to_dict())
    assert evaluator(limited, checkpoints)(job(1, known=known)).costs.latency == latency


def test_what_breaks_a_limit_by_its_measured_latency_is_not_trained() -> None:
    texts = ("latency < 0.0001", "latency > 1us")
    strict = CONFIG.model_copy(update={"constraints": tuple(map(Constraint.parse, texts))})
    outcome = evaluator(strict)(job(0))
    assert outcome.state is State.INFEASIBLE
    assert outcome.is_charged
    assert outcome.reason.startswith("measured latency ")
    assert outcome.reason.endswith("of the reference violates 'latency < 0.0001'")
    assert outcome.costs.latency is not None
    assert outcome.metrics.training is None


def test_a_worker_without_the_folder_returns_its_outcome(tmp_path: Path) -> None:
    away = RungCheckpoints(folder=tmp_path / "elsewhere")
    assert not away.folder.exists()
    away.tidy([])
    assert not away.folder.exists()


def test_only_what_is_in_use_is_kept(tmp_path: Path) -> None:
    checkpoints = RungCheckpoints(folder=tmp_path)
    for name in ("1-r0.pt", "1-r1.pt", "12-r0.pt", ".7-r0.pt.99.tmp"):
        (tmp_path / name).touch()
    checkpoints.tidy([(1, 1), (5, 0)])
    assert names(tmp_path) == [".7-r0.pt.99.tmp", "1-r1.pt"]
    checkpoints.prepare()
    assert names(tmp_path) == ["1-r1.pt"]


FULL = CONFIG.model_copy(update={"fidelity": "full"})


def test_a_full_training_is_one_rung_and_its_files_know_no_rungs() -> None:
    torch.set_num_threads(1)
    candidate = Candidate(number=3, choices=CHOSEN, key=TINY.key(CHOSEN))
    outcome = evaluator(FULL)(Job(**candidate.to_dict()))
    assert outcome.state is State.COMPLETE
    assert outcome.training.rung is None
    assert not {name for name in outcome.metrics.to_dict() if "rung" in name}
    seconds = outcome.metrics.device_seconds
    assert seconds is not None
    assert (seconds.timing, dict(seconds.by_rung)) == (None, {})
    assert seconds.total > 0
    plain = evaluator(FULL)(candidate)  # as Ray Tune's trainables hand it over
    assert plain.training.accuracy == outcome.training.accuracy
    assert plain.training.train_loss == outcome.training.train_loss


def test_a_training_has_its_own_seed_and_epochs_and_no_constraints() -> None:
    torch.set_num_threads(1)
    texts = ("step_time < 0.0001", "latency < 0.0001")
    strict = FULL.model_copy(update={"constraints": tuple(map(Constraint.parse, texts))})
    candidate = Candidate(number=3, choices=CHOSEN, key=TINY.key(CHOSEN))
    same = evaluator(strict)(Training.of(candidate, seed=0, epochs=2))
    full = evaluator(FULL)(candidate)
    assert same.state is State.COMPLETE
    assert same.training.train_loss == full.training.train_loss
    other = evaluator(strict)(Training.of(candidate, seed=1, epochs=2))
    longer = evaluator(strict)(Training.of(candidate, seed=0, epochs=3))
    assert len({one.training.train_loss for one in (same, other, longer)}) == 3


def test_the_predictions_of_a_finalist_are_kept_and_have_its_accuracy(
    worker: Evaluator, tmp_path: Path
) -> None:
    files = PredictionFiles.of_run(tmp_path, "this run")
    files.folder.mkdir()
    keeping = replace(worker, factory=replace(worker.factory, predictions=files))
    keeping(job(0))  # a candidate of the search is no finalist
    assert not names(files.folder)
    training = Training(number=3, choices=CHOSEN, key=TINY.key(CHOSEN), seed=5, epochs=1)
    outcome = keeping(training)
    found = files.find(training)
    assert found is not None
    assert found.accuracy == outcome.training.accuracy
    split = worker.task.images.splits["train"]
    _, held_out = holdout(split, size=0.25, seed=5)  # other images than with the search's seed
    assert found.positions.tolist() == held_out.tolist()
    assert found.labels.tolist() == split.labels[held_out].tolist()
