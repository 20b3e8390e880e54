"""Which candidates may be compared, and in which order."""

from collections.abc import Sequence

from nas.candidate import Record, State


def at_highest_rung(records: Sequence[Record]) -> list[Record]:
    """Return the trained candidates of the highest rung, in their order; all without rungs."""
    trained = [record for record in records if record.outcome.state is State.COMPLETE]
    highest = max((record.rung for record in trained), default=0)
    return [record for record in trained if record.rung == highest]


def contenders(records: Sequence[Record]) -> list[Record]:
    """Return the candidates of the highest rung that can win, the best first."""
    able = (record for record in at_highest_rung(records) if record.can_win)
    return sorted(able, key=lambda record: record.rank, reverse=True)


def best_record(records: Sequence[Record]) -> Record | None:
    """Return the candidate of the highest `Record.rank`, if any can win."""
    able = (record for record in records if record.can_win)
    return max(able, key=lambda record: record.rank, default=None)
