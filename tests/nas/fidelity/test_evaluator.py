"""What a worker does with a rung: train on, or from the start, or not at all."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.candidate import Candidate, State
from nas.costs.constraint import Constraint
from nas.fidelity.checkpoints import RungCheckpoints
from nas.fidelity.evaluator import RungWorker
from nas.fidelity.job import RungJob
from nas.fidelity.pruning import Bar
from nas.metrics import DeviceSeconds, Metrics, ReachedRung
from nas.settings.config import SearchConfig
from nas.settings.fidelity_config import ProgressiveConfig
from search_space.space import SearchSpace
from tests.nas.nas_records import choices
from tests.toys.training import SIZE, images
from trainer.config import ProxyConfig, TimingConfig
from trainer.proxy.rungs import ladder_rungs
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
def worker(tmp_path: Path) -> RungWorker:
    torch.set_num_threads(1)
    return RungWorker(
        config=CONFIG,
        space=TINY,
        task=ProxyTask(
            config=CONFIG.proxy,
            images=images(),
            reference=TINY.reference(),
            device=torch.device("cpu"),
        ),
        rungs=ladder_rungs(CONFIG.proxy, CONFIG.progressive),
        checkpoints=RungCheckpoints(folder=tmp_path),
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def job(rung: int, *, known: Metrics | None = None, bar: Bar | None = None) -> RungJob:
    return RungJob(
        number=3,
        choices=CHOSEN,
        key=TINY.key(CHOSEN),
        rung=rung,
        known=known or Metrics(),
        bar=bar or Bar(),
    )


def test_a_candidate_climbs_from_its_checkpoint_or_from_the_start_to_the_same_end(
    worker: RungWorker, tmp_path: Path
) -> None:
    first = worker.evaluate(job(0))
    assert first.state is State.COMPLETE
    assert first.training.rung == ReachedRung(number=0, image_size=8, trained_again=0)
    assert first.costs.timing.image_size == SIZE  # the step is timed at the full size
    assert names(tmp_path) == ["3-r0.pt"]
    known = first.metrics
    second = worker.evaluate(job(1, known=known))
    assert second.training.rung == ReachedRung(number=1, image_size=SIZE, trained_again=0)
    assert second.costs == first.costs
    assert names(tmp_path) == ["3-r0.pt"]  # nobody goes on from the last rung
    (tmp_path / "3-r0.pt").unlink()
    again = worker.evaluate(job(1, known=known))
    assert again.training.rung == ReachedRung(number=1, image_size=SIZE, trained_again=1)
    assert again.training.accuracy == second.training.accuracy
    assert again.training.train_loss == second.training.train_loss
    assert again.reward == second.reward


def test_seconds_add_up(worker: RungWorker) -> None:
    first = worker.evaluate(job(0)).metrics
    before = first.device_seconds
    seconds = worker.evaluate(job(1, known=first)).metrics.device_seconds
    assert before is not None
    assert seconds is not None
    assert seconds.timing is not None
    parts = [seconds.timing, seconds.by_rung[0], seconds.by_rung[1]]
    assert all(part > 0 for part in parts)
    assert seconds.total == pytest.approx(sum(parts))
    assert (before.timing, dict(before.by_rung)) == (parts[0], {0: parts[1]})


def test_what_cannot_win_is_timed_and_not_trained(worker: RungWorker, tmp_path: Path) -> None:
    outcome = worker.evaluate(job(0, bar=Bar(accuracy=0.5, reward=0.9)))
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
    worker: RungWorker, tmp_path: Path
) -> None:
    strict = CONFIG.model_copy(update={"constraints": (Constraint.parse("step_time < 0.0001"),)})
    outcome = replace(worker, config=strict).evaluate(job(0))
    assert outcome.state is State.INFEASIBLE
    assert outcome.is_charged  # it cost a timing
    assert outcome.reason.startswith("measured step_time ")
    assert outcome.metrics.training is None
    assert outcome.metrics.device_seconds is not None
    assert not outcome.metrics.device_seconds.by_rung
    assert not names(tmp_path)


def test_a_worker_without_the_folder_returns_its_outcome(tmp_path: Path) -> None:
    away = RungCheckpoints(folder=tmp_path / "elsewhere")
    assert not away.folder.exists()
    away.tidy([])
    away.remove_drafts()
    assert not away.folder.exists()


def test_only_what_is_in_use_is_kept(tmp_path: Path) -> None:
    checkpoints = RungCheckpoints(folder=tmp_path)
    for name in ("1-r0.pt", "1-r1.pt", "12-r0.pt", ".7-r0.pt.99.tmp"):
        (tmp_path / name).touch()
    checkpoints.tidy([(1, 1), (5, 0)])
    assert names(tmp_path) == [".7-r0.pt.99.tmp", "1-r1.pt"]
    checkpoints.remove_drafts()
    assert names(tmp_path) == ["1-r1.pt"]


def test_whole_candidates_are_not_its_business(worker: RungWorker) -> None:
    with pytest.raises(TypeError, match="works on RungJob"):
        worker.evaluate(Candidate(number=0, choices=CHOSEN, key="k"))
