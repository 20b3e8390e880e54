"""How far a training is: bars on a terminal, a line now and then elsewhere."""

import math
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trainer.fit.evaluation import Evaluation
from trainer.fit.plan import TrainPlan
from trainer.fit.task import StepReport

SECONDS_BETWEEN_LINES = 30.0
# How much a new step counts in the shown means.
SMOOTHING = 0.05


class TrainProgress:
    """Shows steps, phase, loss, accuracy, images per second, data wait and time left."""

    def __init__(self, plan: TrainPlan, console: Console, *, start: int) -> None:
        self._plan, self._console = plan, console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[numbers]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(
            "training", total=plan.total_steps, completed=start, numbers=""
        )
        self._loss = self._top1 = self._wait = self._pace = float("nan")
        self._seconds: float | None = None
        self._line_at = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def stepped(self, report: StepReport) -> None:
        """Move the bar; where there is none, write a line now and then."""
        self._loss = _mean(self._loss, report.loss)
        self._top1 = _mean(self._top1, report.top1)
        self._wait = _mean(self._wait, report.wait_s)
        if self._seconds is not None and report.train_seconds > self._seconds:
            self._pace = _mean(self._pace, report.images / (report.train_seconds - self._seconds))
        self._seconds = report.train_seconds
        if not report.applied:
            self.say(f"step {report.step}: the gradient is not finite, the step is not applied")
        self._bar.update(
            self._task,
            completed=report.step,
            description=self._place(report),
            numbers=self._numbers(),
        )
        now = time.monotonic()
        if not self._console.is_terminal and now - self._line_at >= SECONDS_BETWEEN_LINES:
            self._line_at = now
            steps = f"step {report.step} of {self._plan.total_steps}"
            self.say(f"{self._place(report)}, {steps}, {self._numbers()}")

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Write a line."""
        epoch = step / self._plan.steps_per_epoch
        phase = self._plan.phase_index(step - 1) + 1
        average = (
            "" if averaged is None else f", averaged {averaged.top1:.2%} / {averaged.top5:.2%}"
        )
        self.say(
            f"epoch {epoch:.4g}, step {step}, phase {phase}: {self._numbers()}; "
            f"top-1 / top-5 {raw.top1:.2%} / {raw.top5:.2%}{average}"
        )
        self._line_at = time.monotonic()

    def rewound(self, step: int, rate_scale: float) -> None:
        """Write a line, and move the bar back."""
        self._seconds = None
        self._bar.update(self._task, completed=step)
        self.say(f"gone back to step {step}, with {rate_scale:.3g} times the learning rate")

    def say(self, line: str) -> None:
        """Write a line above the bar."""
        self._console.print(line, highlight=False, soft_wrap=True, markup=False)

    def _place(self, report: StepReport) -> str:
        epoch = report.step / self._plan.steps_per_epoch
        size = self._plan.phases[report.phase].image_size
        count = len(self._plan.phases)
        return f"epoch {epoch:.4g}, phase {report.phase + 1}/{count} at {size} px"

    def _numbers(self) -> str:
        # Of the first step here nobody knows when it began.
        pace = "" if math.isnan(self._pace) else f"{self._pace:,.0f} images/s, "
        return (
            f"loss {self._loss:.3f}, top-1 {self._top1:.1%}, {pace}"
            f"data wait {self._wait * 1e3:.1f} ms"
        )


def _mean(before: float, now: float) -> float:
    """Mix a new value into a running mean; what is not a number does not stay."""
    if now != now or now in (float("inf"), float("-inf")):
        return before
    return now if before != before else before + SMOOTHING * (now - before)
