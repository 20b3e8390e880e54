"""The Pareto front: the candidates that no other one beats in everything."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from nas.analysis.ranking import contenders
from nas.candidate import Record

# What is traded off, and whether more of it is better (1) or less (-1).
TRADE_OFF: Mapping[str, int] = {"accuracy": 1, "relative_step_time": -1, "num_params": -1}
ACCURACY_AND_TIME: Mapping[str, int] = {"accuracy": 1, "relative_step_time": -1}


def pareto_front(
    records: Sequence[Record], measures: Mapping[str, int] = TRADE_OFF
) -> tuple[Record, ...]:
    """Return the candidates that no other one beats, the most accurate first.

    A candidate is beaten by one that is at least as good in every measure and better in one.
    Of equals the earliest stays. Candidates that cannot win are left out: those that were not
    trained, those at chance, which are often the smallest and fastest of all, and those below
    the highest rung that somebody reached.

    Args:
        records: Candidates with the metrics that `measures` names.
        measures: Name of a metric -> 1 where more is better, -1 where less is.
    """
    able = contenders(records)
    if not able:
        return ()
    signs = np.array(list(measures.values()))
    values = [[float(record.outcome.metrics[name]) for name in measures] for record in able]
    goodness = np.array(values) * signs
    numbers = np.array([record.candidate.number for record in able])
    # Best first by the first measure, then by the next: nothing is beaten by what comes later.
    order = np.lexsort((numbers, *(-goodness.T[::-1])))
    front: list[int] = []
    for place in order:
        if not _beaten_or_equalled(goodness[place], goodness[front]):
            front.append(int(place))
    return tuple(able[place] for place in front)


def _beaten_or_equalled(one: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> bool:
    """Whether one of `others`, (count, measures), is at least as good in every measure."""
    return bool((others >= one).all(axis=1).any())
