"""The Pareto front by hand and by its definition."""

import numpy as np

from nas.analysis.ranking import pareto_front
from nas.candidate import Record
from tests.nas.nas_records import failed, trained
from tests.toys.metrics import with_metrics


def point(
    number: int, accuracy: float, relative: float, params: int, *, at_chance: bool = False
) -> Record:
    record = trained(number, 0.1, accuracy=accuracy, relative=relative)
    return with_metrics(record, num_params=params, at_chance=at_chance)


def numbers(front: tuple[Record, ...]) -> list[int]:
    return [record.candidate.number for record in front]


def test_two_measures_by_hand() -> None:
    records = [
        point(0, 0.50, 1.0, 9),  # on it: the fastest
        point(1, 0.49, 1.5, 9),  # slower and less accurate than 0
        point(2, 0.70, 2.0, 9),  # on it
        point(3, 0.70, 2.5, 9),  # as good as 2, but slower
        point(4, 0.90, 4.0, 9),  # on it
        point(5, 0.90, 4.0, 9),  # equal to 4, but later
        failed(6),
    ]
    assert numbers(pareto_front(records, with_params=False)) == [4, 2, 0]


def test_fewer_parameters_are_enough_for_the_front() -> None:
    records = [
        point(0, 0.9, 2.0, 500),
        point(1, 0.9, 2.0, 400),  # smaller than 0, otherwise equal
        point(2, 0.8, 3.0, 100),  # slower and less accurate, but the smallest
        point(3, 0.8, 3.0, 450),  # dominated by 1
    ]
    assert numbers(pareto_front(records)) == [1, 2]


def test_a_candidate_at_chance_is_not_on_the_front() -> None:
    records = [point(0, 0.1, 0.1, 1, at_chance=True), point(1, 0.9, 1.0, 10, at_chance=False)]
    assert numbers(pareto_front(records)) == [1]


def test_the_front_of_no_candidates_is_empty() -> None:
    assert pareto_front([failed(0)]) == ()


def test_no_candidate_dominates_the_front() -> None:
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 6, (120, 3))  # coarse, so that many are equal in one measure
    records = [
        point(number, accuracy=row[0] / 10, relative=1.0 + row[1], params=int(row[2]))
        for number, row in enumerate(rows)
    ]
    good = rows * np.array([1, -1, -1])
    expected = {
        index
        for index in range(120)
        if not any((o >= good[index]).all() and (o > good[index]).any() for o in good)
        and not any((good[earlier] == good[index]).all() for earlier in range(index))
    }
    assert set(numbers(pareto_front(records))) == expected
