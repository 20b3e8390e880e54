"""The time that a search still takes, finalists included. Pure arithmetic.

Work is counted in epochs x pixels of an image, to which the time of a training of one network is
about proportional. The finalists begin when the candidates are done.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from nas.candidate import Record, State
from nas.settings.config import SearchConfig
from search_space.running_mean import RunningMean


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchWork:
    """What a search has to do, as numbers.

    Attributes:
        budget: Candidates in total.
        workers: Candidates that are trained at the same time, >= 1.
        rungs: Work of each rung: epochs x image side^2.
        eta: One in `eta` candidates of a rung is promoted to the next.
        finalist_trainings: Further trainings of the finalists in total.
        finalist_work: Work of each of these.
    """

    budget: int
    workers: int
    rungs: tuple[float, ...]
    eta: int
    finalist_trainings: int
    finalist_work: float

    @classmethod
    def of(cls, config: SearchConfig) -> Self:
        """Return the work that the settings ask for."""
        proxy, most = config.proxy, config.max_concurrent or config.workers
        return cls(
            budget=config.budget,
            workers=min(config.workers, most),
            rungs=tuple(rung.epochs * rung.phase.image_size**2 for rung in config.training_rungs),
            eta=config.progressive.eta,
            finalist_trainings=min(config.num_finalists, config.budget) * config.finalist_seeds,
            finalist_work=config.epochs_of_finalists * proxy.image_size**2,
        )

    def jobs(self, rung: int) -> int:
        """Number of candidates that are trained through a rung, at least one, by its `eta`."""
        return max(1, self.budget // int(self.eta**rung))


class MeasuredJobs:
    """Durations of the jobs so far, in wall seconds of a worker; updated job by job.

    Attributes:
        work: What the search has to do.
        finished: Number of finished jobs of each rung.
    """

    def __init__(self, work: SearchWork, records: Sequence[Record] = ()) -> None:
        """Start with the candidates of earlier sessions, of which the last rung is known."""
        self.work = work
        self.finished = [0] * len(work.rungs)
        self._job_s = [RunningMean() for _ in work.rungs]  # failed and dropped candidates included
        self._per_work_s = [RunningMean() for _ in work.rungs]  # duration of a training / its work
        self._timing_s, self._finalist_s = RunningMean(), RunningMean()
        for record in records:
            self.add(record)
            for rung in range(min(record.rung, len(work.rungs) - 1)):
                self.finished[rung] += record.outcome.is_charged

    def add(self, record: Record) -> None:
        """Add a finished candidate, or a finished rung of one."""
        outcome, rung = record.outcome, min(record.rung, len(self.work.rungs) - 1)
        if not outcome.is_charged:
            return
        self.finished[rung] += 1
        self._job_s[rung].add(outcome.seconds)
        timing = 0.0
        if rung == 0 and outcome.metrics.costs is not None:
            timing = outcome.metrics.costs.timing_seconds
            self._timing_s.add(timing)
        if outcome.state is State.COMPLETE:
            trained = max(0.0, outcome.seconds - timing)
            self._per_work_s[rung].add(trained / self.work.rungs[rung])

    def add_finalist(self, seconds: float) -> None:
        """Add a further training of a finalist."""
        self._finalist_s.add(seconds)

    def job_s(self, rung: int) -> float | None:
        """Return the duration of a job of a rung: measured, or from the work of the others."""
        own = self._job_s[rung].value
        if own is not None:
            return own
        return self._of_work(self.work.rungs[rung], timed=rung == 0)

    def finalist_s(self) -> float | None:
        """Return the duration of a finalist's further training; None before any training."""
        own = self._finalist_s.value
        return self._of_work(self.work.finalist_work, timed=True) if own is None else own

    def _of_work(self, work: float, *, timed: bool) -> float | None:
        """Return the duration of a training of some work, by the highest rung that is known."""
        known = [mean.value for mean in self._per_work_s if mean.value is not None]
        timing = self._timing_s.value or 0.0
        return known[-1] * work + (timing if timed else 0.0) if known else None


def candidates_left_s(measured: MeasuredJobs) -> float | None:
    """Return the wall time until the last candidate is done; None before any is measured.

    Jobs in flight at a moment when one has finished count as half done.
    """
    work, seconds, jobs = measured.work, 0.0, 0
    for rung in range(len(work.rungs)):
        missing = max(0, work.jobs(rung) - measured.finished[rung])
        if missing == 0:
            continue
        if (job := measured.job_s(rung)) is None:
            return None
        seconds += missing * job
        jobs += missing
    if jobs == 0:
        return 0.0
    in_flight = jobs if jobs < work.workers else work.workers - 1
    return seconds * (1 - in_flight / (2 * jobs)) / min(work.workers, jobs)


def finalists_left_s(measured: MeasuredJobs, done: int) -> float | None:
    """Return the wall time of the finalists' trainings after the first `done` of them.

    None if there are trainings left and no training was measured yet.
    """
    work = measured.work
    rounds = math.ceil((work.finalist_trainings - done) / work.workers)
    if rounds <= 0:
        return 0.0
    job = measured.finalist_s()
    return None if job is None else rounds * job


def planned_s(work: SearchWork, *, per_work_s: float, timing_s: float) -> tuple[float, float]:
    """Return the wall time of all candidates and of all finalists, before any is measured.

    Args:
        work: What the search has to do.
        per_work_s: Duration of a training / its work.
        timing_s: Duration of timing a candidate.
    """
    trained = sum(work.jobs(rung) * size for rung, size in enumerate(work.rungs)) * per_work_s
    candidates = (trained + work.budget * timing_s) / min(work.workers, work.budget)
    rounds = math.ceil(work.finalist_trainings / work.workers)
    return candidates, rounds * (work.finalist_work * per_work_s + timing_s)
