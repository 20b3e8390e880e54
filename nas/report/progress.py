"""What a search says while it runs: one live line on a terminal, plain lines elsewhere."""

import math
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from nas.analysis.ranking import best_record
from nas.candidate import Record, State
from nas.engine.job_queue import JobObserver


class SearchProgress(JobObserver):
    """Shows how far the search is, the best so far, and the time left.

    Args:
        console: Where to show it; a terminal gets one line that is drawn anew.
        budget: Candidates in total.
        ends: When no more candidates are begun, on `time.monotonic`'s clock.
    """

    def __init__(self, console: Console, *, budget: int, ends: float = math.inf) -> None:
        self._console, self._budget, self._ends = console, budget, ends
        self._live = Live(console=console, refresh_per_second=4, transient=True)
        self._started = time.monotonic()
        self._finished_before = self._finished = 0
        self._known: set[int] = set()
        self._best: Record | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def start(self, records: Sequence[Record]) -> None:
        """Take note of what a resumed run has finished already."""
        self._known = {record.candidate.number for record in records}
        self._finished = self._finished_before = sum(map(_is_charged, records))
        self._best = best_record(records)
        self._started = time.monotonic()
        if self._console.is_terminal:
            self._live.update(Text(self._line()))

    def completed(self, record: Record) -> None:
        """Show that `record` has come in, or has come further."""
        self._finished += _is_charged(record) and record.candidate.number not in self._known
        self._known.add(record.candidate.number)
        if record.can_win and (self._best is None or record.rank > self._best.rank):
            self._best = record
        if self._console.is_terminal:
            self._live.update(Text(self._line()))
        elif _is_charged(record):
            self._console.print(
                f"{describe(record)}; {self._line()}", highlight=False, soft_wrap=True
            )

    def note(self, line: str) -> None:
        """Show a line about something other than a candidate's first training."""
        if self._console.is_terminal:
            self._live.update(Text(line))
        else:
            self._console.print(line, highlight=False, soft_wrap=True)

    def _line(self) -> str:
        parts = [f"{self._finished}/{self._budget}"]
        if self._best is not None:
            parts.append(f"best {summary(self._best)}")
        parts.append(self._time_left())
        return ", ".join(parts)

    def _time_left(self) -> str:
        here = self._finished - self._finished_before
        if here < 1:
            return "training the first candidates"
        now = time.monotonic()
        seconds = (now - self._started) / here * (self._budget - self._finished)
        if seconds > self._ends - now:
            return f"{duration(max(0.0, self._ends - now))} of the time budget left"
        return f"{duration(seconds)} left"


def describe(record: Record) -> str:
    """Return one line about a candidate that has come in."""
    outcome = record.outcome
    what = summary(record) if outcome.state is State.COMPLETE else outcome.reason
    training = outcome.metrics.training
    rung = f", rung {training.rung.number}" if training and training.rung else ""
    return f"candidate {record.candidate.number}{rung}: {what} in {outcome.seconds:.0f} s"


def summary(record: Record) -> str:
    """Return a trained candidate's reward, accuracy, step time and parameters."""
    training, costs = record.outcome.training, record.outcome.costs
    return (
        f"reward {record.outcome.reward:.4f} (accuracy {100 * training.accuracy:.2f} %, "
        f"step {1e3 * costs.step_time_s:.1f} ms = {costs.relative_step_time:.2f}x, "
        f"{count(costs.num_params)} params)"
    )


def count(number: int) -> str:
    """Return a count in thousands, millions or billions, three digits."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def duration(seconds: float) -> str:
    """Return hours:minutes:seconds, without hours where there are none."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _is_charged(record: Record) -> bool:
    return record.outcome.is_charged
