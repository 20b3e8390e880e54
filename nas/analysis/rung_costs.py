"""Costs of every rung of a search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.candidate import Record, State


@dataclass(frozen=True, slots=True, kw_only=True)
class RungCost:
    """Costs of one rung.

    Attributes:
        rung: Counted from 0.
        entered: Number of candidates that were trained in it, failures included.
        stopped_here: Number of these that reached no higher rung.
        device_seconds: Process CPU time on a CPU, wall time on a GPU.
    """

    rung: int
    entered: int
    stopped_here: int
    device_seconds: float


def rung_costs(records: Sequence[Record]) -> tuple[RungCost, ...]:
    """Return the costs of each rung; empty for a search without rungs."""
    spent = [rungs for record in records if (rungs := _rungs(record))]
    highest = [max(rungs) for rungs in spent]
    return tuple(
        RungCost(
            rung=rung,
            entered=sum(rung in rungs for rungs in spent),
            stopped_here=highest.count(rung),
            device_seconds=sum(rungs.get(rung, 0.0) for rungs in spent),
        )
        for rung in range(max(highest, default=-1) + 1)
    )


def rung_notes(records: Sequence[Record]) -> list[str]:
    """Return one sentence a line on the costs of the rungs; empty for a search without rungs."""
    spent = [record.outcome.metrics.device_seconds for record in records]
    timings = [one.timing for one in spent if one and one.timing is not None]
    if not timings:
        return []
    dropped = sum(record.outcome.state is State.DROPPED for record in records)
    notes = [
        f"timing: {len(timings)} candidates, {sum(timings):.0f} device-seconds; "
        f"{dropped} of them were not trained"
    ]
    notes += [
        f"rung {one.rung}: {one.entered} candidates, {one.stopped_here} went no further, "
        f"{one.device_seconds:.0f} device-seconds"
        for one in rung_costs(records)
    ]
    trained = [record.outcome.metrics.training for record in records]
    again = sum(one.rung.trained_again for one in trained if one and one.rung)
    if again:
        notes.append(
            f"{again} rungs were trained again, because a worker did not see the checkpoint of "
            "the rung before: workers on other hosts need the run's folder"
        )
    return notes


def _rungs(record: Record) -> Mapping[int, float]:
    """Return the device-seconds of every rung that the candidate was trained in."""
    seconds = record.outcome.metrics.device_seconds
    return seconds.by_rung if seconds else {}
