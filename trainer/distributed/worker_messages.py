"""Events from the workers of a training to its driver, and their handling there."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

from trainer.fit.evaluation import Evaluation
from trainer.fit.loop import DivergedError
from trainer.fit.plan import TrainPlan
from trainer.fit.step import StepReport, TrainingObserver
from trainer.run.display import TrainDisplay

# Name and arguments of an event.
Event = tuple[str, tuple[Any, ...]]

SECONDS_BETWEEN_PUTS = 0.25
# Losses of workers without a step between them, after which the training fails.
MAX_LOSSES = 3
# Errors that end a training. After any other error of a worker the workers are started again.
FATAL_ERRORS = {kind.__name__: kind for kind in (ValueError, OSError, DivergedError)}


class EventQueue:
    """Queue of events from workers to driver; also passes the stop request to the workers."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._stop = False

    def put(self, events: Sequence[Event]) -> bool:
        """Append events; return whether the training is to stop."""
        self._events.extend(events)
        return self._stop

    def take(self, stop: bool) -> list[Event]:
        """Remove and return all events in order; request a stop if `stop` is set."""
        self._stop = self._stop or stop
        events, self._events = self._events, []
        return events


class RemoteDisplay:
    """Display and observer of the worker of rank 0, which sends everything to the driver's queue.

    It is a `TrainDisplay`, a `TrainingObserver`, and the `StopCondition` of this worker.
    """

    def __init__(self, queue: EventQueue) -> None:
        self._queue = queue
        self._events: list[Event] = []
        self._sending = threading.RLock()  # lines about a wait come from another thread
        self._put_at = float("-inf")
        self._stop = False

    def print(self, line: str) -> None:
        """Send a line."""
        self.send("print", line)

    @contextmanager
    def progress(
        self,
        plan: TrainPlan,  # noqa: ARG002
        start: int,
        evaluated_images: int = 0,
    ) -> Iterator[TrainingObserver]:
        """Send every step from `start` on."""
        self.send("begun", start, evaluated_images)
        try:
            yield self
        finally:
            self.flush()

    def stepped(self, report: StepReport) -> None:
        """Send a step, together with later events."""
        with self._sending:
            self._events.append(("stepped", (report,)))

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Send an evaluation."""
        self.send("evaluated", step, raw, averaged)

    def rewound(self, step: int, rate_scale: float) -> None:
        """Send a rewind."""
        self.send("rewound", step, rate_scale)

    def send(self, name: str, *values: Any) -> None:
        """Send an event now, after the waiting ones."""
        with self._sending:
            self._events.append((name, values))
            self.flush()

    def requested(self) -> bool:
        """Return whether the driver has requested a stop, as of the last transfer."""
        if time.monotonic() - self._put_at >= SECONDS_BETWEEN_PUTS:
            self.flush()
        return self._stop

    def flush(self) -> None:
        """Send the waiting events."""
        with self._sending:
            events, self._events = self._events, []
            self._stop = self._queue.put(events)
            self._put_at = time.monotonic()


class EventReplay:
    """Passes the workers' events to a display, and keeps how the training ended.

    Use it as a context manager.

    Attributes:
        finished: Whether the last step is done; None until a worker reports its end.
    """

    def __init__(self, plan: TrainPlan, display: TrainDisplay) -> None:
        self.finished: bool | None = None
        self._plan, self._display = plan, display
        self._progress = ExitStack()
        self._observer: TrainingObserver | None = None
        self._losses = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.close()

    def replay(self, events: Sequence[Event]) -> None:
        """Handle events.

        Raises:
            ValueError: As in a worker; so do OSError and DivergedError.
            RuntimeError: If the workers are lost more than `MAX_LOSSES` times without a step.
        """
        for name, values in events:
            if name == "print":
                self._display.print(*values)
            elif name == "begun":
                self._progress.close()
                self._observer = self._progress.enter_context(
                    self._display.progress(self._plan, *values)
                )
            elif name == "ended":
                (self.finished,) = values
            elif name == "failed":
                kind, message = values
                raise FATAL_ERRORS[kind](message)
            elif name == "lost":
                self._count_loss(*values)
            elif self._observer is not None:
                self._losses = 0 if name == "stepped" else self._losses
                getattr(self._observer, name)(*values)

    def _count_loss(self, reason: str) -> None:
        self._progress.close()
        self._observer = None
        self._losses += 1
        if self._losses > MAX_LOSSES:
            raise RuntimeError(
                f"the workers were lost {self._losses} times without a step between; "
                f"the last time:\n{reason}"
            )
        last = reason.strip().splitlines()[-1] if reason.strip() else "no reason known"
        self._display.print(f"workers lost ({last}); starting them again from the last checkpoint")


def fatal_error(error: BaseException) -> tuple[str, str] | None:
    """Return name and message of an error that ends a training, or None for another error."""
    for name, kind in FATAL_ERRORS.items():
        if isinstance(error, kind):
            return name, str(error)
    return None
