"""Where a training shows itself: on a console, elsewhere, or nowhere."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from rich.console import Console

from trainer.fit_task import FitObserver
from trainer.train_observers import Observers
from trainer.train_plan import TrainPlan
from trainer.train_progress import TrainProgress


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
