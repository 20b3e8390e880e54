"""Order of the candidates of a search, and which of them are comparable."""

from collections.abc import Sequence

from nas.candidate import Record, State


def ranked(records: Sequence[Record]) -> list[Record]:
    """Return the candidates that can win, those of the highest `Record.rank` first."""
    return sorted((r for r in records if r.can_win), key=lambda r: r.rank, reverse=True)


def at_highest_rung(records: Sequence[Record]) -> list[Record]:
    """Return the trained candidates of the highest rung, in their order; all without rungs."""
    trained = [record for record in records if record.outcome.state is State.COMPLETE]
    highest = max((record.rung for record in trained), default=0)
    return [record for record in trained if record.rung == highest]


def contenders(records: Sequence[Record]) -> list[Record]:
    """Return the candidates of the highest rung that can win, the best first."""
    return ranked(at_highest_rung(records))


def best_record(records: Sequence[Record]) -> Record | None:
    """Return the candidate of the highest `Record.rank`, or None if no candidate can win."""
    return next(iter(ranked(records)), None)
