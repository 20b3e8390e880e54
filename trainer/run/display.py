"""Output of a training: lines and a progress bar on a console, or nothing."""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich.console import Console
from rich.progress import Progress

from search_space.command_line.command import print_lines
from search_space.command_line.progress_line import clock, time_left_text
from trainer.data.progress import progress_bar
from trainer.fit.evaluation import Evaluation
from trainer.fit.plan import TrainPlan
from trainer.fit.step import StepReport, TrainingObserver
from trainer.run.time_left import TrainingClock

SECONDS_BETWEEN_LINES = 30.0
# Weight of a new step in the exponential moving averages that are shown.
SMOOTHING = 0.05
# Steps and seconds of measuring after which the time of the whole training is told.
STEPS_BEFORE_ESTIMATE, SECONDS_BEFORE_ESTIMATE = 10, 5.0


class TrainDisplay(Protocol):
    """Shows lines, and the progress of a training."""

    def print(self, line: str) -> None:
        """Show a line."""
        ...

    def progress(
        self,
        plan: TrainPlan,  # noqa: ARG002
        start: int,  # noqa: ARG002
        evaluated_images: int = 0,  # noqa: ARG002
    ) -> AbstractContextManager[TrainingObserver | None]:
        """Show the steps from `start` on that the observer receives; None receives none.

        `evaluated_images` is the number of forward passes of an evaluation.
        """
        return nullcontext()


class NoDisplay(TrainDisplay):
    """Shows nothing: the display of all processes but rank 0."""

    def print(self, line: str) -> None:
        """Ignore a line."""


class ConsoleDisplay:
    """Shows a training on a console."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def print(self, line: str) -> None:
        """Print a line, above the progress bar if there is one."""
        print_lines(self.console, line)

    @contextmanager
    def progress(
        self, plan: TrainPlan, start: int, evaluated_images: int = 0
    ) -> Iterator[TrainingObserver]:
        """Show a progress bar; without a terminal print lines at intervals."""
        with progress_bar("training", console=self.console) as bar:
            yield _ConsoleProgress(TrainingClock(plan, evaluated_images), self, bar, start)


class _ConsoleProgress:
    """Shows steps, time left, phase, accuracy, loss, images per second and data wait."""

    def __init__(
        self, clock: TrainingClock, display: ConsoleDisplay, bar: Progress, start: int
    ) -> None:
        self._clock, self._plan, self._display, self._bar = clock, clock.plan, display, bar
        self._left: float | None = None  # seconds, as of the last step
        total = self._plan.total_steps
        self._task = bar.add_task(
            "training", total=total, completed=start, seconds_left=self._seconds_left
        )
        self._loss = self._top1 = self._wait = self._images_per_sec = math.nan
        # `_since` is the end of the last step or evaluation.
        self._started = self._line_at = self._since = time.monotonic()
        self._steps_here, self._has_estimated = 0, False

    def stepped(self, report: StepReport) -> None:
        """Update the bar; without a terminal, print a line at intervals."""
        if not math.isnan(self._wait):  # the first step of a process includes its warm-up
            speed = report.images / report.seconds
            self._images_per_sec = _moving_average(self._images_per_sec, speed)
        self._loss = _moving_average(self._loss, report.loss)
        self._top1 = _moving_average(self._top1, report.top1)
        self._wait = _moving_average(self._wait, report.wait_s)
        if not report.applied:
            self._display.print(
                f"step {report.step}: the gradient is not finite, the step is not applied"
            )
        self._update_time(report)
        details = (*self._position(report), *self._numbers())
        self._bar.update(self._task, completed=report.step, details=details)
        now = self._since
        if self._bar.disable and now - self._line_at >= SECONDS_BETWEEN_LINES:
            self._line_at = now
            left = time_left_text(self._seconds_left())
            steps = f"step {report.step} of {self._plan.total_steps}"
            self._display.print(", ".join((steps, left, *details)))

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Print a line."""
        before, self._since = self._since, time.monotonic()
        self._clock.evaluated(self._since - before)
        epoch = step / self._plan.steps_per_epoch
        phase = self._plan.phase_index(step - 1) + 1
        average = (
            "" if averaged is None else f", averaged {averaged.top1:.2%} / {averaged.top5:.2%}"
        )
        self._display.print(
            f"epoch {epoch:.4g}, step {step}, phase {phase}: {', '.join(self._numbers())}; "
            f"top-1 / top-5 {raw.top1:.2%} / {raw.top5:.2%}{average}"
        )
        self._line_at = self._since

    def rewound(self, step: int, rate_scale: float) -> None:
        """Print a line, and set the bar back."""
        self._bar.update(self._task, completed=step)
        self._display.print(
            f"returned to step {step}, with {rate_scale:.3g} times the learning rate"
        )

    def _update_time(self, report: StepReport) -> None:
        """Estimate the end again, and tell the first estimate in a line."""
        before, self._since = self._since, time.monotonic()
        self._clock.stepped(report, self._since - before)
        self._steps_here += 1
        self._left = left = self._clock.seconds_left(report.step)
        if left is None:
            return
        measured = self._since - self._started >= SECONDS_BEFORE_ESTIMATE
        if not self._has_estimated and measured and self._steps_here > STEPS_BEFORE_ESTIMATE:
            self._has_estimated = True
            self._display.print(
                f"about {clock(left)} for the rest of the training with its evaluations, "
                f"estimated from {self._steps_here} steps"
            )

    def _seconds_left(self) -> float | None:
        """Return the time left, which passes between two steps too; None if it is over."""
        if not self._left:  # unknown, or zero
            return self._left
        left = self._since + self._left - time.monotonic()
        return left if left > 0 else None

    def _position(self, report: StepReport) -> tuple[str, str]:
        epoch = report.step / self._plan.steps_per_epoch
        size = self._plan.phases[report.phase].image_size
        count = len(self._plan.phases)
        return f"phase {report.phase + 1}/{count} at {size} px", f"epoch {epoch:.1f}"

    def _numbers(self) -> tuple[str, ...]:
        measured = not math.isnan(self._images_per_sec)
        return (
            f"loss {self._loss:.3f}",
            f"top-1 {self._top1:.1%}",
            *([f"{self._images_per_sec:,.0f} images/s"] if measured else []),
            f"data wait {self._wait * 1e3:.1f} ms",
        )


def _moving_average(average: float, value: float) -> float:
    """Return the exponential moving average with one more value; ignore values not finite."""
    if not math.isfinite(value):
        return average
    return value if math.isnan(average) else average + SMOOTHING * (value - average)
