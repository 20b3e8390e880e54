"""What every rung cost and came to, from the records alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.candidate import Record, State

# Metrics that hold device-seconds: of the timing, and of every rung by its number.
TIMING, RUNG = "device_seconds_timing", "device_seconds_rung"


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
            device_seconds=_total(records, f"{RUNG}{rung}"),
        )
        for rung in range(max(highest, default=-1) + 1)
    )


def rung_notes(records: Sequence[Record]) -> list[str]:
    """Return one sentence a line on what the rungs cost; nothing for a search without rungs."""
    timed = sum(TIMING in record.outcome.metrics for record in records)
    if not timed:
        return []
    dropped = sum(record.outcome.state is State.DROPPED for record in records)
    notes = [
        f"timing: {timed} candidates, {_total(records, TIMING):.0f} device-seconds; "
        f"{dropped} of them were not trained"
    ]
    for account in rung_accounts(records):
        notes.append(
            f"rung {account.rung}: {account.entered} candidates, {account.stayed} went no "
            f"further, {account.device_seconds:.0f} device-seconds"
        )
    again = sum(int(record.outcome.metrics.get("rungs_trained_again", 0)) for record in records)
    if again:
        notes.append(
            f"{again} rungs were trained again, because a worker did not see the checkpoint of "
            "the rung before: workers on other hosts need the run's folder"
        )
    return notes


def _total(records: Sequence[Record], name: str) -> float:
    return sum(float(record.outcome.metrics.get(name, 0.0)) for record in records)


def _rungs(record: Record) -> set[int]:
    names = (name.removeprefix(RUNG) for name in record.outcome.metrics)
    return {int(name) for name in names if name.isdecimal()}
