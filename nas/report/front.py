"""The Pareto front of accuracy and training step time."""

from collections.abc import Sequence

from nas.candidate import Record, State


def pareto_front(records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the trained candidates that no other one beats, fastest first.

    A candidate is beaten by one that is at least as accurate and at least as fast, and better
    in one of the two. Of equals the earliest stays.
    """
    trained = [record for record in records if record.outcome.state is State.COMPLETE]
    front: list[Record] = []
    for record in sorted(trained, key=_fastest_first):
        if not front or _accuracy(record) > _accuracy(front[-1]):
            front.append(record)
    return tuple(front)


def _fastest_first(record: Record) -> tuple[float, float, int]:
    step_time = float(record.outcome.metrics["relative_step_time"])
    return step_time, -_accuracy(record), record.candidate.number


def _accuracy(record: Record) -> float:
    return float(record.outcome.metrics["accuracy"])
