"""Progress of a search: one live line on a terminal, plain lines elsewhere."""

import math
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from nas.analysis.ranking import best_record
from nas.candidate import Record, State
from nas.dispatch.job_queue import JobObserver
from nas.report.tables import count, duration, milliseconds, percent
from search_space.command_line.command import print_lines
from search_space.command_line.terminal import visible


class SearchProgress(JobObserver):
    """Shows the number of finished candidates, the best one, and the time left.

    Args:
        console: Where to show it.
        records: The candidates that a resumed run has already finished.
        budget: Candidates in total.
        ends: When the last candidate may begin, on the clock of `time.monotonic`.
    """

    def __init__(
        self,
        console: Console,
        records: Sequence[Record] = (),
        *,
        budget: int,
        ends: float = math.inf,
    ) -> None:
        self._console, self._budget, self._ends = console, budget, ends
        self._known = {record.candidate.number for record in records}
        self._finished = sum(record.outcome.is_charged for record in records)
        self._finished_before = self._finished
        self._best = best_record(records)
        self._started = time.monotonic()
        line = Text(self._line())
        self._live = Live(line, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._live.start()  # shows nothing unless on a terminal
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def completed(self, record: Record) -> None:
        """Show a finished candidate, or a finished rung of one."""
        is_charged = record.outcome.is_charged
        self._finished += is_charged and record.candidate.number not in self._known
        self._known.add(record.candidate.number)
        if record.can_win and (self._best is None or record.rank > self._best.rank):
            self._best = record
        if self._console.is_terminal:
            self.note(self._line())
        elif is_charged:
            self.note(f"{describe(record)}; {self._line()}")

    def note(self, line: str) -> None:
        """Show a line; on a terminal it replaces the previous one."""
        if self._console.is_terminal:
            self._live.update(Text(visible(line)))
        else:
            print_lines(self._console, line)

    def _line(self) -> str:
        parts = [f"{self._finished}/{self._budget}"]
        if self._best is not None:
            parts.append(f"best {summary(self._best)}")
        parts.append(self._time_left())
        return ", ".join(parts)

    def _time_left(self) -> str:
        in_this_session = self._finished - self._finished_before
        if in_this_session < 1:
            return "training the first candidates"
        now = time.monotonic()
        seconds = (now - self._started) / in_this_session * (self._budget - self._finished)
        if seconds > self._ends - now:
            return f"{duration(max(0.0, self._ends - now))} of the time budget left"
        return f"{duration(seconds)} left"


def describe(record: Record) -> str:
    """Return one line about a finished candidate."""
    outcome, training = record.outcome, record.outcome.metrics.training
    result = summary(record) if outcome.state is State.COMPLETE else outcome.reason
    rung = f", rung {training.rung.number}" if training and training.rung else ""
    return f"candidate {record.candidate.number}{rung}: {result} in {outcome.seconds:.0f} s"


def summary(record: Record) -> str:
    """Return reward, accuracy, step time and parameters of a trained candidate."""
    costs = record.outcome.costs
    return (
        f"reward {record.outcome.reward:.4f} "
        f"(accuracy {percent(record.outcome.training.accuracy)}, "
        f"step {milliseconds(costs.step_time_s)} = {costs.relative_step_time:.2f}x, "
        f"{count(costs.num_params)} params)"
    )
