"""Output of a training: lines and a progress bar on a console, or nothing."""

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich.console import Console
from rich.progress import Progress, TextColumn

from search_space.command_line.command import print_lines
from trainer.data.progress import progress_bar
from trainer.fit.evaluation import Evaluation
from trainer.fit.plan import TrainPlan
from trainer.fit.step import StepReport, TrainingObserver

SECONDS_BETWEEN_LINES = 30.0
# Weight of a new step in the exponential moving averages that are shown.
SMOOTHING = 0.05


class TrainDisplay(Protocol):
    """Shows lines, and the progress of a training."""

    def print(self, line: str) -> None:
        """Show a line."""
        ...

    def progress(
        self,
        plan: TrainPlan,  # noqa: ARG002
        start: int,  # noqa: ARG002
    ) -> AbstractContextManager[TrainingObserver | None]:
        """Show the steps from `start` on that the observer receives; None receives none."""
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
    def progress(self, plan: TrainPlan, start: int) -> Iterator[TrainingObserver]:
        """Show a progress bar; without a terminal print lines at intervals."""
        numbers = TextColumn("{task.fields[numbers]}", markup=False)
        with progress_bar("{task.description}", numbers, console=self.console) as bar:
            yield _ConsoleProgress(plan, self, bar, start)


class _ConsoleProgress:
    """Shows steps, phase, loss, accuracy, images per second, data wait and time left."""

    def __init__(
        self, plan: TrainPlan, display: ConsoleDisplay, bar: Progress, start: int
    ) -> None:
        self._plan, self._display, self._bar = plan, display, bar
        total = plan.total_steps
        self._task = bar.add_task("training", total=total, completed=start, numbers="")
        self._loss = self._top1 = self._wait = self._images_per_sec = math.nan
        self._line_at = time.monotonic()

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
        numbers, position = self._numbers(), self._position(report)
        self._bar.update(self._task, completed=report.step, description=position, numbers=numbers)
        now = time.monotonic()
        if self._bar.disable and now - self._line_at >= SECONDS_BETWEEN_LINES:
            self._line_at = now
            self._display.print(
                f"{position}, step {report.step} of {self._plan.total_steps}, {numbers}"
            )

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Print a line."""
        epoch = step / self._plan.steps_per_epoch
        phase = self._plan.phase_index(step - 1) + 1
        average = (
            "" if averaged is None else f", averaged {averaged.top1:.2%} / {averaged.top5:.2%}"
        )
        self._display.print(
            f"epoch {epoch:.4g}, step {step}, phase {phase}: {self._numbers()}; "
            f"top-1 / top-5 {raw.top1:.2%} / {raw.top5:.2%}{average}"
        )
        self._line_at = time.monotonic()

    def rewound(self, step: int, rate_scale: float) -> None:
        """Print a line, and set the bar back."""
        self._bar.update(self._task, completed=step)
        self._display.print(
            f"returned to step {step}, with {rate_scale:.3g} times the learning rate"
        )

    def _position(self, report: StepReport) -> str:
        epoch = report.step / self._plan.steps_per_epoch
        size = self._plan.phases[report.phase].image_size
        count = len(self._plan.phases)
        return f"epoch {epoch:.4g}, phase {report.phase + 1}/{count} at {size} px"

    def _numbers(self) -> str:
        measured = not math.isnan(self._images_per_sec)
        speed = f"{self._images_per_sec:,.0f} images/s, " if measured else ""
        return (
            f"loss {self._loss:.3f}, top-1 {self._top1:.1%}, {speed}"
            f"data wait {self._wait * 1e3:.1f} ms"
        )


def _moving_average(average: float, value: float) -> float:
    """Return the exponential moving average with one more value; ignore values not finite."""
    if not math.isfinite(value):
        return average
    return value if math.isnan(average) else average + SMOOTHING * (value - average)
