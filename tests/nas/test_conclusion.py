"""The last lines of a search: the winner's accuracy, and commands that read the same images."""

import shlex
from pathlib import Path

import pytest

from nas.candidate import Record
from nas.conclusion import search_conclusion
from nas.finalists.finalists import Finals, finalist_trainings, judge_finalists
from nas.search_result import SearchResult
from tests.nas.nas_records import CONFIG, trained


def result(records: list[Record], finals: Finals | None = None) -> SearchResult:
    return SearchResult(
        records=tuple(records), files=(), stopped=None, failures=None, note="", finals=finals
    )


def test_the_winner_of_the_search_alone() -> None:
    lines = search_conclusion(result([trained(0, 0.5, accuracy=0.6)]), CONFIG, Path("runs/a b"))
    assert lines[0].startswith("accuracy: 60.00 % (in its short training), 123 k parameters")
    assert "are not comparable" in lines[1]
    assert [shlex.split(line.removeprefix("next:")) for line in lines[2:]] == [
        ["nas-scale", "--from", "runs/a b/best.json", "--target", "L", "--out", "runs/a b/L.json"],
        ["nas-train", "--arch", "runs/a b/best.json", "--data", "digits-scenes"],
    ]


@pytest.mark.parametrize(
    ("seeds", "said"),
    [
        ((1,), "80.00 % (in its further training)"),
        ((1, 2), "75.00 % (mean of 2 further trainings, 70.00 % to 80.00 %)"),
    ],
)
def test_the_winner_of_the_finalists(seeds: tuple[int, ...], said: str) -> None:
    record = trained(0, 0.5, accuracy=0.6)
    trainings = finalist_trainings([record], seeds=seeds, epochs=4)
    accuracies = {1: 0.8, 2: 0.7}
    outcomes = {
        one.file_stem: trained(0, 0.5, accuracy=accuracies[one.seed]).outcome for one in trainings
    }
    finals = judge_finalists([record], trainings, outcomes, w=0.0, v=0.0)
    lines = search_conclusion(result([record], finals), CONFIG, Path("runs/a"))
    assert lines[0].startswith(f"accuracy: {said}, 123 k parameters, 1.00 times")
