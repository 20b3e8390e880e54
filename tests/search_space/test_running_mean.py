"""The mean of numbers that come one after the other."""

from search_space.running_mean import RunningMean


def test_the_mean_is_that_of_all_numbers_so_far() -> None:
    mean = RunningMean()
    values = [mean.value]
    for number in (2.0, 5.0):
        mean.add(number)
        values.append(mean.value)
    assert values == [None, 2.0, 3.5]
