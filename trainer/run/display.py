"""Where a training shows itself: on a console, elsewhere, or nowhere."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich.console import Console

from trainer.fit.evaluation import Evaluation
from trainer.fit.plan import TrainPlan
from trainer.fit.task import FitObserver, StepReport
from trainer.run.progress import TrainProgress


class TrainDisplay(Protocol):
    """Takes lines, and gives an observer that shows how far the training is."""

    def say(self, line: str) -> None:
        """Show a line."""
        ...

    def progress(self, plan: TrainPlan, start: int) -> AbstractContextManager[FitObserver]:
        """Show the steps from `start` on, for as long as the context is held."""
        ...


class ConsoleDisplay:
    """Shows a training on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, highlight=False, soft_wrap=True, markup=False)

    @contextmanager
    def progress(self, plan: TrainPlan, start: int) -> Iterator[FitObserver]:
        """Show a bar, or lines where there is no terminal."""
        with TrainProgress(plan, self._console, start=start) as shown:
            yield shown


class NoDisplay:
    """Shows nothing: that of all processes but one."""

    def say(self, line: str) -> None:
        """Drop a line."""

    def progress(self, plan: TrainPlan, start: int) -> AbstractContextManager[FitObserver]:
        """Show nothing."""
        del plan, start
        return nullcontext(Observers(()))


class Observers:
    """Passes what happens on to several observers."""

    def __init__(self, observers: tuple[FitObserver, ...]) -> None:
        self._observers = observers

    def stepped(self, report: StepReport) -> None:
        """Pass a step on."""
        for observer in self._observers:
            observer.stepped(report)

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Pass an evaluation on."""
        for observer in self._observers:
            observer.evaluated(step, raw, averaged)

    def rewound(self, step: int, rate_scale: float) -> None:
        """Pass a rewind on."""
        for observer in self._observers:
            observer.rewound(step, rate_scale)
