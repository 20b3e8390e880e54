"""What the workers of a training tell the process that was started, and what it does with it."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from trainer.fit.evaluation import Evaluation
from trainer.fit.loop import DivergedError
from trainer.fit.plan import TrainPlan
from trainer.fit.task import FitObserver, StepReport
from trainer.run.display import TrainDisplay

Event = tuple[str, tuple[Any, ...]]

SECONDS_BETWEEN_POSTS = 0.25
# So often the workers may be lost without a step between before it is taken for our fault.
MOST_LOSSES = 3
# What ends a training for good. Anything else is a worker that is lost.
FAULTS = {kind.__name__: kind for kind in (ValueError, OSError, DivergedError)}


class Mailbox:
    """Lies between the workers and the driver; carries a wish to stop the other way."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._stop = False

    def post(self, events: Sequence[Event]) -> bool:
        """Leave events; return whether the training is to stop."""
        self._events.extend(events)
        return self._stop

    def take(self, stop: bool) -> list[Event]:
        """Take the events away, in order, and say whether the training is to stop."""
        self._stop = self._stop or stop
        events, self._events = self._events, []
        return events


class MailDisplay:
    """The display of the worker of rank 0: all of it goes to the driver, a few times a second.

    Args:
        post: Leaves events in the mailbox and returns whether the training is to stop.
    """

    def __init__(self, post: Callable[[Sequence[Event]], bool]) -> None:
        self._post = post
        self._events: list[Event] = []
        self._posted_at = float("-inf")
        self._stop = False

    def say(self, line: str) -> None:
        """Send a line."""
        self.send("say", line)

    @contextmanager
    def progress(self, plan: TrainPlan, start: int) -> Iterator[FitObserver]:
        """Send every step from `start` on."""
        del plan  # the driver has its own
        self.send("begun", start)
        try:
            yield self
        finally:
            self.flush()

    def stepped(self, report: StepReport) -> None:
        """Send a step, together with others."""
        self._events.append(("stepped", (report,)))

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Send an evaluation."""
        self.send("evaluated", step, raw, averaged)

    def rewound(self, step: int, rate_scale: float) -> None:
        """Send a rewind."""
        self.send("rewound", step, rate_scale)

    def send(self, name: str, *values: Any) -> None:
        """Send an event now, after those that wait."""
        self._events.append((name, values))
        self.flush()

    def should_stop(self) -> bool:
        """Whether the driver was asked to stop, as of the last post."""
        if time.monotonic() - self._posted_at >= SECONDS_BETWEEN_POSTS:
            self.flush()
        return self._stop

    def flush(self) -> None:
        """Send what waits."""
        events, self._events = self._events, []
        self._stop = self._post(events)
        self._posted_at = time.monotonic()


class Replay:
    """The driver's side: shows what the workers send, and knows how the training ended.

    Use it as a context manager.

    Attributes:
        finished: Whether the last step is done; None as long as no worker has said how it ended.
    """

    def __init__(self, plan: TrainPlan, display: TrainDisplay) -> None:
        self.finished: bool | None = None
        self._plan, self._display = plan, display
        self._shown = ExitStack()
        self._observer: FitObserver | None = None
        self._losses = 0

    def __enter__(self) -> "Replay":
        return self

    def __exit__(self, *_: object) -> None:
        self._shown.close()

    def replay(self, events: Sequence[Event]) -> None:
        """Show events.

        Raises:
            ValueError: As in a worker; so do OSError and DivergedError.
            RuntimeError: If the workers are lost again and again without a step between.
        """
        for name, values in events:
            if name == "say":
                self._display.say(*values)
            elif name == "begun":
                self._shown.close()
                self._observer = self._shown.enter_context(
                    self._display.progress(self._plan, *values)
                )
            elif name == "ended":
                (self.finished,) = values
            elif name == "failed":
                kind, message = values
                raise FAULTS[kind](message)
            elif name == "lost":
                self._lost(*values)
            elif self._observer is not None:
                self._losses = 0 if name == "stepped" else self._losses
                getattr(self._observer, name)(*values)

    def _lost(self, reason: str) -> None:
        self._shown.close()
        self._observer = None
        self._losses += 1
        if self._losses > MOST_LOSSES:
            raise RuntimeError(
                f"the workers were lost {self._losses} times without a step between; "
                f"the last time:\n{reason}"
            )
        last = reason.strip().splitlines()[-1] if reason.strip() else "no reason known"
        self._display.say(f"workers lost ({last}); starting them again from the last checkpoint")


def fault_of(error: BaseException) -> tuple[str, str] | None:
    """Return the kind and the message of a fault that ends a training for good, or None."""
    for name, kind in FAULTS.items():
        if isinstance(error, kind):
            return name, str(error)
    return None
