"""Progress of a search: one live line on a terminal, plain lines elsewhere."""

import math
import time
from collections.abc import Sequence
from typing import Self

from rich.console import Console

from nas.analysis.ranking import best_record
from nas.candidate import Record, State
from nas.dispatch.job_queue import JobObserver
from nas.report.tables import count, milliseconds, percent
from nas.report.time_left import (
    MeasuredJobs,
    SearchWork,
    candidates_left_s,
    finalists_left_s,
)
from search_space.command_line.command import print_lines
from search_space.command_line.progress_line import ProgressLine, clock, time_left_text


class SearchProgress(JobObserver):
    """Shows the number of finished candidates, the time left with the finalists, and the best.

    Args:
        console: Where to show it.
        records: The candidates that a resumed run has already finished.
        work: What the search has to do.
        ends: When the last candidate may begin, on the clock of `time.monotonic`.
    """

    def __init__(
        self,
        console: Console,
        records: Sequence[Record] = (),
        *,
        work: SearchWork,
        ends: float = math.inf,
    ) -> None:
        self._console, self._work, self._ends = console, work, ends
        self._measured = MeasuredJobs(work, records)
        self._known = {record.candidate.number for record in records}
        self._finished = sum(record.outcome.is_charged for record in records)
        self._finals_done = 0
        self._best = best_record(records)
        self._left: float | None = None  # seconds, as of the last event
        self._has_estimated = False
        self._state = "starting"
        self._line = ProgressLine("{task.description}", console)
        self._task = self._line.add_task(
            "search", total=work.budget, seconds_left=self._seconds_left
        )
        self._update()

    def __enter__(self) -> Self:
        self._line.start()  # shows nothing unless on a terminal
        return self

    def __exit__(self, *error: object) -> None:
        self._line.stop()

    def waiting(self, state: str) -> None:
        """Show what the search waits for, until there is a result; off a terminal, in a line."""
        self._state = state
        self._update()
        if not self._console.is_terminal:
            self.note(state)

    def started(self) -> None:
        """Show that the workers start with candidates."""
        self._state = "first candidates"
        self._update()

    def completed(self, record: Record) -> None:
        """Show a finished candidate, or a finished rung of one."""
        is_charged = record.outcome.is_charged
        self._finished += is_charged and record.candidate.number not in self._known
        self._known.add(record.candidate.number)
        self._measured.add(record)
        if record.can_win and (self._best is None or record.rank > self._best.rank):
            self._best = record
        if is_charged:
            self._state = ""
        self._update()
        if is_charged and not self._console.is_terminal:
            self.note(f"{describe(record)}; {self._summary()}")
        self._tell_estimate()

    def advanced(self, done: int, total: int, seconds: float | None = None) -> None:
        """Show how many of the finalists' trainings are done."""
        if seconds is not None:
            self._measured.add_finalist(seconds)
        self._finals_done, self._state = done, ""
        self._finished = max(self._finished, self._work.budget)  # the candidates are over
        self._ends = -math.inf
        self._update()
        self._line.update(self._task, description="finalists", total=total, completed=done)

    def note(self, line: str) -> None:
        """Print a line, on a terminal above the bar."""
        print_lines(self._console, line)

    def _update(self) -> None:
        """Estimate the end again, and show the state as of now."""
        self._left_at = time.monotonic()
        left = self._left_s(self._left_at)
        self._left = None if left is None else sum(left)
        best = () if self._best is None else best_parts(self._best)
        details = (*filter(None, [self._state]), *best)
        self._line.update(self._task, completed=self._finished, details=details)

    def _left_s(self, now: float) -> tuple[float, float] | None:
        """Return the time left of the candidates and of the finalists; None if not known."""
        candidates = candidates_left_s(self._measured)
        finalists = finalists_left_s(self._measured, self._finals_done)
        if candidates is None or finalists is None:
            return None
        return min(candidates, max(0.0, self._ends - now)), finalists

    def _seconds_left(self) -> float | None:
        """Return the time left, which passes between two results too; None if it is over."""
        if not self._left:  # unknown, or zero
            return self._left
        left = self._left_at + self._left - time.monotonic()
        return left if left > 0 else None

    def _tell_estimate(self) -> None:
        """Print the first estimate of the whole in a line."""
        left = self._left_s(time.monotonic())
        if self._has_estimated or left is None:
            return
        self._has_estimated = True
        finalists = f", {clock(left[1])} of it for the finalists" if left[1] else ""
        self.note(f"about {clock(sum(left))} for the rest of the search{finalists}")

    def _summary(self) -> str:
        parts = [f"{self._finished}/{self._work.budget}"]
        if self._best is not None:
            parts.append(f"best {summary(self._best)}")
        parts.append(time_left_text(self._seconds_left()))
        return ", ".join(parts)


def describe(record: Record) -> str:
    """Return one line about a finished candidate."""
    outcome, training = record.outcome, record.outcome.metrics.training
    result = summary(record) if outcome.state is State.COMPLETE else outcome.reason
    rung = f", rung {training.rung.number}" if training and training.rung else ""
    return f"candidate {record.candidate.number}{rung}: {result} in {outcome.seconds:.0f} s"


def best_parts(record: Record) -> tuple[str, ...]:
    """Return the best candidate in short parts, the most important first."""
    costs = record.outcome.costs
    return (
        f"best {percent(record.outcome.training.accuracy)}",
        f"{milliseconds(costs.step_time_s)} a step",
        f"{count(costs.num_params)} params",
        f"reward {record.outcome.reward:.4f}",
    )


def summary(record: Record) -> str:
    """Return reward, accuracy, step time and parameters of a trained candidate."""
    costs = record.outcome.costs
    latency = f"latency {milliseconds(costs.latency.latency_s)}, " if costs.latency else ""
    return (
        f"reward {record.outcome.reward:.4f} "
        f"(accuracy {percent(record.outcome.training.accuracy)}, "
        f"step {milliseconds(costs.step_time_s)} = {costs.relative_step_time:.2f}x, "
        f"{latency}{count(costs.num_params)} params)"
    )
