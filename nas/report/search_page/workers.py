"""What each worker did over time, from the ledger's times and the durations in the workers.

The ledger has the time at which an outcome was recorded, and the outcome has its duration in the
worker: a candidate began at the difference. Time between sessions, in which no process searched,
is left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nas.candidate import Outcome, State
from nas.engine.events import Event, Opened, RungTold, Told
from nas.report.frame.chart import Axis, ChartRow, Color, Rows, Span
from nas.report.search_page.plain_names import STATES
from nas.report.search_page.search_run import SearchRun
from nas.report.tables import percent
from search_space.command_line.progress_line import clock
from search_space.counted import counted

MAX_ROWS = 48  # workers that are drawn
_COLORS: dict[State, Color] = {
    State.COMPLETE: "one",
    State.DROPPED: "five",
    State.INFEASIBLE: "six",
    State.FAIL: "two",
}
_FINALIST: Color = "four"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A stretch of time in which a worker tried a candidate.

    Attributes:
        worker: The process, such as "node/pid".
        start: Seconds in sessions since the search began.
        end: The same, of the recorded end.
        label: What it did.
        result: What came of it.
        color: Colour of its bar.
        wait_s: Part of it in which other processes held the device, seconds.
    """

    worker: str
    start: float
    end: float
    label: str
    result: str
    color: Color
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The work of all workers of a search.

    Attributes:
        work: The stretches, by their end.
        seconds: Length of all sessions together.
        sessions: Number of sessions in which something was done.
        workers: Workers that the settings ask for.
        unknown: Finalists' trainings whose time is not known.
    """

    work: tuple[Work, ...]
    seconds: float
    sessions: int
    workers: int
    unknown: int

    @property
    def utilisation(self) -> float:
        """Share of the workers' time in which they tried candidates, in [0, 1]."""
        busy = sum(one.end - one.start for one in self.work)
        return min(1.0, busy / (self.seconds * self.workers)) if self.seconds else 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The workers, in the order in which they finished their first work."""
        return tuple(dict.fromkeys(one.worker for one in self.work))

    @property
    def left_out(self) -> str:
        """A sentence on workers that are not drawn; empty if all are."""
        more = len(self.names) - MAX_ROWS
        return f"The first {MAX_ROWS} of {len(self.names)} workers are drawn." if more > 0 else ""

    @property
    def line(self) -> str:
        """What is known, in words."""
        sessions = counted(self.sessions, "session")
        workers = "1 worker was" if self.workers == 1 else f"{self.workers} workers were"
        wait = sum(one.wait_s for one in self.work)
        waited = f" In {clock(wait)} of it, other processes held the device." if wait else ""
        return (
            f"{workers} busy for {percent(self.utilisation)} of {clock(self.seconds)} "
            f"in {sessions}.{waited}"
        )


def timeline(run: SearchRun) -> Timeline | None:
    """Return the work of all workers, or None if the ledger has no outcome of a worker."""
    sessions = _sessions(run)
    sessions_clock = _Clock(sessions)
    work = [_of_event(event, sessions_clock) for session in sessions for event in session.events]
    known = [one for one in run.trainings if one.time is not None and one.worker]
    finals = [
        Work(
            worker=one.worker,
            start=max(0.0, sessions_clock.at(one.time or 0.0) - one.seconds),
            end=sessions_clock.at(one.time or 0.0),
            label=f"candidate {one.training.number}, seed {one.training.seed}",
            result=f"further training of a finalist, {counted(one.training.epochs, 'epoch')}",
            color=_FINALIST,
            wait_s=one.wait_s,
        )
        for one in known
    ]
    done = sorted([*filter(None, work), *finals], key=lambda one: one.end)
    if not done:
        return None
    return Timeline(
        work=tuple(done),
        seconds=sessions_clock.length,
        sessions=len(sessions),
        workers=run.files.config.workers,
        unknown=len(run.trainings) - len(known),
    )


def workers_chart(found: Timeline) -> Rows:
    """Return one row for each worker, up to `MAX_ROWS`."""
    size, unit = _unit(found.seconds)
    rows = tuple(
        ChartRow(
            label=name,
            spans=tuple(_span(one, size) for one in found.work if one.worker == name),
        )
        for name in found.names[:MAX_ROWS]
    )
    used = {one.color for one in found.work}
    states: list[tuple[Color, str]] = [(_COLORS[state], STATES[state]) for state in _COLORS]
    legend = [*states, (_FINALIST, "further training of a finalist")]
    return Rows(
        name="workers",
        title="Work of each worker over time",
        x=Axis(label=f"{unit} in sessions since the search began", low=0.0),
        rows=rows,
        legend=tuple(entry for entry in legend if entry[0] in used),
    )


@dataclass(frozen=True, slots=True)
class _Session:
    """A session: its events, and the time from its first event to the last thing it did."""

    events: Sequence[Event]
    start: float
    end: float


class _Clock:
    """Seconds in sessions: the times between sessions do not count."""

    def __init__(self, sessions: Sequence[_Session]) -> None:
        self._starts: list[tuple[float, float]] = []  # time, seconds in sessions before
        self.length = 0.0
        for session in sessions:
            self._starts.append((session.start, self.length))
            self.length += session.end - session.start

    def at(self, time: float) -> float:
        """Return the seconds in sessions at a time."""
        before = [one for one in self._starts if one[0] <= time] or self._starts[:1]
        start, passed = before[-1] if before else (time, 0.0)
        return passed + time - start


def _sessions(run: SearchRun) -> list[_Session]:
    """Return the sessions, which end with an outcome or with a finalist's training.

    Sessions in which nothing was done are left out.
    """
    parts: list[list[Event]] = []
    for event in run.events:
        if isinstance(event, Opened) or not parts:
            parts.append([])
        parts[-1].append(event)
    starts = [part[0].time for part in parts]
    trainings = [one.time for one in run.trainings if one.time is not None]
    sessions = []
    for part, start, next_start in zip(parts, starts, [*starts, math.inf][1:], strict=True):
        ends = [part[-1].time, *(time for time in trainings if start <= time < next_start)]
        sessions.append(_Session(part, start, max(ends)))
    return [one for one in sessions if len(one.events) > 1 or one.end > one.start]


def _of_event(event: Event, sessions_clock: _Clock) -> Work | None:
    match event:
        case Told(number=number, outcome=outcome):
            label = f"candidate {number}"
        case RungTold(of=number, rung=rung, outcome=outcome):
            label = f"candidate {number}, rung {rung}"
        case _:
            return None
    return _work(label, outcome, sessions_clock.at(event.time)) if outcome.worker else None


def _work(label: str, outcome: Outcome, end: float) -> Work:
    result = STATES[outcome.state]
    if outcome.state is State.COMPLETE:
        result += f", accuracy {percent(outcome.training.accuracy)}"
    return Work(
        worker=outcome.worker,
        start=max(0.0, end - outcome.seconds),
        end=end,
        label=label,
        result=result,
        color=_COLORS[outcome.state],
        wait_s=outcome.metrics.costs.device_wait_s if outcome.metrics.costs else 0.0,
    )


def _span(one: Work, size: float) -> Span:
    return Span(
        start=one.start / size,
        end=one.end / size,
        label=one.label,
        facts=(
            ("result", one.result),
            ("from", clock(one.start)),
            ("to", clock(one.end)),
            ("duration", clock(one.end - one.start)),
            *((("of it, waiting for the device", clock(one.wait_s)),) if one.wait_s else ()),
        ),
        color=one.color,
    )


def _unit(seconds: float) -> tuple[float, str]:
    if seconds >= 3 * 3600:
        return 3600.0, "hours"
    return (60.0, "minutes") if seconds >= 300 else (1.0, "seconds")
