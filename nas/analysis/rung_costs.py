"""What every rung cost and came to, from the records alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nas.candidate import Record, State


@dataclass(frozen=True, slots=True, kw_only=True)
class RungAccount:
    """One rung of a search.

    Attributes:
        rung: Counted from 0.
        entered: Candidates that were trained in it, failures included.
        stayed: Those that are not trained any further.
        device_seconds: What it took: process CPU time on a CPU, wall time on a GPU.
    """

    rung: int
    entered: int
    stayed: int
    device_seconds: float


def rung_accounts(records: Sequence[Record]) -> tuple[RungAccount, ...]:
    """Return one account a rung; nothing for a search without rungs."""
    highest = [max(rungs) for record in records if (rungs := _rungs(record))]
    return tuple(
        RungAccount(
            rung=rung,
            entered=sum(rung in _rungs(record) for record in records),
            stayed=highest.count(rung),
            device_seconds=sum(_rungs(record).get(rung, 0.0) for record in records),
        )
        for rung in range(max(highest, default=-1) + 1)
    )


def rung_notes(records: Sequence[Record]) -> list[str]:
    """Return one sentence a line on what the rungs cost; nothing for a search without rungs."""
    spent = [record.outcome.metrics.device_seconds for record in records]
    timings = [one.timing for one in spent if one and one.timing is not None]
    if not timings:
        return []
    dropped = sum(record.outcome.state is State.DROPPED for record in records)
    notes = [
        f"timing: {len(timings)} candidates, {sum(timings):.0f} device-seconds; "
        f"{dropped} of them were not trained"
    ]
    for account in rung_accounts(records):
        notes.append(
            f"rung {account.rung}: {account.entered} candidates, {account.stayed} went no "
            f"further, {account.device_seconds:.0f} device-seconds"
        )
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
