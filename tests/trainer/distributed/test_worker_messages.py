"""What workers say reaches the display of the driver, and ends the training where it must."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.toys.training import recipe
from trainer.distributed.ray_train import Workers, check_share
from trainer.distributed.worker_messages import (
    MOST_LOSSES,
    Event,
    Mailbox,
    MailDisplay,
    Replay,
    fault_of,
)
from trainer.fit.evaluation import Evaluation
from trainer.fit.loop import DivergedError
from trainer.fit.plan import TrainPlan, make_plan
from trainer.fit.task import FitObserver, StepReport

REPORT = StepReport(
    step=4,
    phase=0,
    loss=1.0,
    top1=0.5,
    learning_rate=0.1,
    applied=True,
    wait_s=0.0,
    images=16,
    train_seconds=1.0,
)
FOUND = Evaluation(top1=0.5, top5=1.0, loss=0.7, num_images=10)


class Notes:
    """A display that notes all it is shown."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def say(self, line: str) -> None:
        self.seen.append(line)

    @contextmanager
    def progress(self, plan: TrainPlan, start: int) -> Iterator[FitObserver]:
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


def replayed(events: Sequence[Event]) -> Replay:
    with Replay(plan(), Notes()) as replay:
        replay.replay(events)
    return replay


def test_the_driver_shows_what_the_first_worker_does() -> None:
    mailbox, notes = Mailbox(), Notes()
    mail = MailDisplay(mailbox.post)
    mail.say("hello")
    with mail.progress(plan(), 3) as observer:
        observer.stepped(REPORT)
        observer.evaluated(4, FOUND, None)
        observer.rewound(0, 0.5)
    mail.send("ended", True)
    with Replay(plan(), notes) as replay:
        replay.replay(mailbox.take(stop=False))
        assert replay.finished
    assert notes.seen == ["hello", ("open", 3), 4, (4, FOUND, None), ("rewound", 0, 0.5), "shut"]
    assert mailbox.take(stop=False) == []


def test_a_stop_request_reaches_the_worker_and_stays() -> None:
    mailbox = Mailbox()
    mail = MailDisplay(mailbox.post)
    assert not mail.should_stop()
    mailbox.take(stop=True)
    mailbox.take(stop=False)
    mail.say("anything")
    assert mail.should_stop()


def test_steps_are_sent_together() -> None:
    posts: list[Sequence[Event]] = []

    def post(events: Sequence[Event]) -> bool:
        posts.append(events)
        return False

    mail = MailDisplay(post)
    mail.should_stop()
    for _ in range(3):
        mail.stepped(REPORT)
    mail.send("ended", False)
    assert [[name for name, _ in events] for events in posts] == [
        [],
        ["stepped", "stepped", "stepped", "ended"],
    ]


@pytest.mark.parametrize("error", [ValueError("no"), OSError("full"), DivergedError("NaN")])
def test_a_fault_ends_the_training_as_it_would_in_one_process(error: Exception) -> None:
    fault = fault_of(error)
    assert fault is not None
    with pytest.raises(type(error), match=str(error)):
        replayed([("failed", fault)])


def test_what_a_dead_neighbour_causes_is_no_fault_of_the_training() -> None:
    assert fault_of(RuntimeError("connection closed by peer")) is None


def test_lost_workers_are_told_and_the_bar_is_opened_anew() -> None:
    notes = Notes()
    with Replay(plan(), notes) as replay:
        replay.replay([("begun", (0,)), ("lost", ("worker 1: died",)), ("begun", (3,))])
    said = "workers lost (worker 1: died); starting them again from the last checkpoint"
    assert notes.seen == [("open", 0), "shut", said, ("open", 3), "shut"]


def test_workers_that_are_lost_again_and_again_end_the_training() -> None:
    loss: Event = ("lost", ("worker 0: segmentation fault",))
    replayed([loss] * MOST_LOSSES)
    with pytest.raises(RuntimeError, match="segmentation fault"):
        replayed([loss] * (MOST_LOSSES + 1))
    begun: list[Event] = [("begun", (0,)), ("stepped", (REPORT,))]
    replayed([*[loss] * MOST_LOSSES, *begun, *[loss] * MOST_LOSSES])


@pytest.mark.parametrize(
    ("batch_size", "count", "message"),
    [
        (16, 3, "16 images does not share out among 3 workers.*--batch-size 15 or 18"),
        (3, 2, "take --batch-size 4 or 6"),
        (4, 4, "at least 2 to each; take --batch-size 8 or 12"),
    ],
)
def test_a_batch_must_share_out(batch_size: int, count: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_share(batch_size, count)


def test_batches_that_share_out() -> None:
    for batch_size, count in ((16, 1), (16, 2), (4, 2), (4096, 8)):
        check_share(batch_size, count)


def test_half_a_gpu_trains_nothing() -> None:
    with pytest.raises(ValueError, match="must be 0 or 1 in a training, got 2"):
        Workers(count=2, gpus=2)
