"""Order of the candidates of a search: by reward within a rung, and the Pareto front."""

from collections.abc import Sequence

import numpy as np

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


def pareto_front(records: Sequence[Record], *, with_params: bool = True) -> tuple[Record, ...]:
    """Return the candidates that no other one dominates, the most accurate first.

    The objectives are accuracy, which is maximised, and relative step time and parameters, which
    are minimised; without `with_params`, parameters are no objective. A candidate is dominated by
    one that is at least as good in all and better in one. The earliest of equal candidates is
    kept. Only candidates that can win are considered, which excludes those at chance (often the
    smallest and fastest) and those below the highest rung.
    """
    able = sorted(contenders(records), key=lambda record: record.candidate.number)
    losses = np.array([_losses(record)[: 3 if with_params else 2] for record in able])
    # Best first by the first objective, then by the next: none is dominated by a later one.
    front: list[int] = []
    for index in np.lexsort(losses.T[::-1]) if able else ():
        if not (losses[front] <= losses[index]).all(axis=1).any():
            front.append(int(index))
    return tuple(able[index] for index in front)


def _losses(record: Record) -> tuple[float, float, float]:
    costs = record.outcome.costs
    return -record.outcome.training.accuracy, costs.relative_step_time, float(costs.num_params)
