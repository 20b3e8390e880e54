"""Non-dominated sorting and crowding distances of points whose objectives are minimized."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def front_ranks(points: Array) -> NDArray[np.int64]:
    """Return the front of each point, [N]; front 0 holds the points that nothing dominates.

    A point dominates another if it is nowhere larger and somewhere smaller.

    Source: non-dominated sorting, Deb et al., NSGA-II (2002), section III.A.

    Args:
        points: M objectives of N points, [N, M]; infinite values are allowed.
    """
    no_larger = np.all(points[:, None] <= points[None], axis=2)
    dominates: NDArray[np.bool_] = no_larger & np.any(points[:, None] < points[None], axis=2)
    ranks = np.full(len(points), -1, dtype=np.int64)
    rank = 0
    while (left := ranks < 0).any():
        ranks[left & ~dominates[left].any(axis=0)] = rank
        rank += 1
    return ranks


def crowding_distances(points: Array, ranks: NDArray[np.int64]) -> Array:
    """Return the crowding distance of each point within its front, [N]; infinite at the ends.

    It is half the perimeter of the box that the neighbours in the front span, each objective in
    units of its range in the front.

    Source: Deb et al., NSGA-II (2002), section III.B.

    Args:
        points: M objectives of N points, [N, M]; infinite values are allowed.
        ranks: Front of each point, [N], as `front_ranks` returns them.
    """
    distances = np.zeros(len(points))
    for rank in range(int(ranks.max()) + 1 if len(ranks) else 0):
        (members,) = np.nonzero(ranks == rank)
        for values in points[members].T:
            order = np.argsort(values, kind="stable")
            low, high = values[order[0]], values[order[-1]]
            distances[members[order[[0, -1]]]] = np.inf
            if low < high < np.inf:
                gaps = (values[order[2:]] - values[order[:-2]]) / (high - low)
                distances[members[order[1:-1]]] += gaps
    return distances
