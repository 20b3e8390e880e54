"""Events of workers: shown by the display of the driver, or the end of the training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.toys.training import recipe
from trainer.distributed.ray_train import Workers, check_share
from trainer.distributed.worker_messages import (
    MAX_LOSSES,
    Event,
    EventQueue,
    EventReplay,
    RemoteDisplay,
    fatal_error,
)
from trainer.fit.evaluation import Evaluation
from trainer.fit.loop import DivergedError
from trainer.fit.plan import TrainPlan, make_plan
from trainer.fit.step import StepReport, TrainingObserver

REPORT = StepReport(
    step=4,
    phase=0,
    loss=1.0,
    top1=0.5,
    learning_rate=0.1,
    applied=True,
    wait_s=0.0,
    images=16,
    seconds=1.0,
    train_seconds=1.0,
)
FOUND = Evaluation(top1=0.5, top5=1.0, loss=0.7, num_images=10)


class Notes:
    """A display that records everything."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def print(self, line: str) -> None:
        self.seen.append(line)

    @contextmanager
    def progress(
        self, plan: TrainPlan, start: int, evaluated_images: int = 0
    ) -> Iterator[TrainingObserver]:
        self.seen.append(("open", start))
        yield self
        self.seen.append("shut")

    def stepped(self, report: StepReport) -> None:
        self.seen.append(report.step)

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        self.seen.append((step, raw, averaged))

    def rewound(self, step: int, rate_scale: float) -> None:
        self.seen.append(("rewound", step, rate_scale))


def plan() -> TrainPlan:
    return make_plan(recipe(), num_images=52, train_size=16, eval_size=16, seed=0)


def replayed(events: Sequence[Event]) -> EventReplay:
    with EventReplay(plan(), Notes()) as replay:
        replay.replay(events)
    return replay


def test_the_driver_shows_the_events_of_the_first_worker() -> None:
    queue, notes = EventQueue(), Notes()
    remote = RemoteDisplay(queue)
    remote.print("hello")
    with remote.progress(plan(), 3) as observer:
        observer.stepped(REPORT)
        observer.evaluated(4, FOUND, None)
        observer.rewound(0, 0.5)
    remote.send("ended", True)
    with EventReplay(plan(), notes) as replay:
        replay.replay(queue.take(stop=False))
        assert replay.finished
    assert notes.seen == ["hello", ("open", 3), 4, (4, FOUND, None), ("rewound", 0, 0.5), "shut"]
    assert queue.take(stop=False) == []


def test_a_stop_request_reaches_the_worker_and_stays() -> None:
    queue = EventQueue()
    remote = RemoteDisplay(queue)
    assert not remote.requested()
    queue.take(stop=True)
    queue.take(stop=False)
    remote.print("anything")
    assert remote.requested()


def test_steps_are_sent_together() -> None:
    puts: list[Sequence[Event]] = []

    class Recording(EventQueue):
        def put(self, events: Sequence[Event]) -> bool:
            puts.append(events)
            return False

    remote = RemoteDisplay(Recording())
    remote.requested()
    for _ in range(3):
        remote.stepped(REPORT)
    remote.send("ended", False)
    assert [[name for name, _ in events] for events in puts] == [
        [],
        ["stepped", "stepped", "stepped", "ended"],
    ]


@pytest.mark.parametrize("error", [ValueError("no"), OSError("full"), DivergedError("NaN")])
def test_a_fatal_error_ends_the_training_as_in_one_process(error: Exception) -> None:
    fatal = fatal_error(error)
    assert fatal is not None
    with pytest.raises(type(error), match=str(error)):
        replayed([("failed", fatal)])


def test_an_error_caused_by_another_workers_death_is_not_fatal() -> None:
    assert fatal_error(RuntimeError("connection closed by peer")) is None


def test_lost_workers_are_reported_and_a_new_bar_is_opened() -> None:
    notes = Notes()
    with EventReplay(plan(), notes) as replay:
        replay.replay([("begun", (0,)), ("lost", ("worker 1: died",)), ("begun", (3,))])
    said = "workers lost (worker 1: died); starting them again from the last checkpoint"
    assert notes.seen == [("open", 0), "shut", said, ("open", 3), "shut"]


def test_repeated_losses_of_workers_end_the_training() -> None:
    loss: Event = ("lost", ("worker 0: segmentation fault",))
    replayed([loss] * MAX_LOSSES)
    with pytest.raises(RuntimeError, match="segmentation fault"):
        replayed([loss] * (MAX_LOSSES + 1))
    begun: list[Event] = [("begun", (0,)), ("stepped", (REPORT,))]
    replayed([*[loss] * MAX_LOSSES, *begun, *[loss] * MAX_LOSSES])


@pytest.mark.parametrize(
    ("batch_size", "count", "message"),
    [
        (16, 3, "16 images cannot be divided equally among 3 workers.*--batch-size 15 or 18"),
        (3, 2, "use --batch-size 4 or 6"),
        (4, 4, "at least 2 for each; use --batch-size 8 or 12"),
    ],
)
def test_an_indivisible_batch_is_refused(batch_size: int, count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_share(batch_size, count)


def test_divisible_batches_are_accepted() -> None:
    for batch_size, count in ((16, 1), (16, 2), (4, 2), (4096, 8)):
        check_share(batch_size, count)


def test_other_numbers_of_gpus_are_refused() -> None:
    with pytest.raises(ValueError, match="must be 0 or 1 in a training, got 2"):
        Workers(count=2, gpus=2)
