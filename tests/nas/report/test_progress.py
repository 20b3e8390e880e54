"""Progress of a search with and without a terminal."""

import io

import pytest
from rich.console import Console

from nas.candidate import Record
from nas.report.progress import SearchProgress
from nas.report.tables import count, duration, top_table
from tests.nas.nas_records import failed, infeasible, trained


def _say(records: list[Record], *, terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=200)
    with SearchProgress(console, budget=4) as progress:
        for record in records:
            progress.completed(record)
    return stream.getvalue()


def test_without_a_terminal_each_candidate_is_one_line() -> None:
    records = [trained(0, 0.5, accuracy=0.6), failed(1), infeasible(2), trained(3, 0.4)]
    lines = _say(records, terminal=False).splitlines()
    assert len(lines) == 3  # candidates that were not trained have no line
    assert lines[0].startswith("candidate 0: reward 0.5000 (accuracy 60.00 %, step 20.0 ms")
    assert "the loss was not finite" in lines[1]
    assert "3/4, best reward 0.5000" in lines[2]
    assert "left" in lines[2]
    assert all("\x1b" not in line for line in lines)


def test_on_a_terminal_one_line_is_updated() -> None:
    said = _say([trained(0, 0.5), trained(1, 0.75)], terminal=True)
    assert "\x1b" in said
    assert "2/4, best reward 0.7500" in said


@pytest.mark.parametrize(
    ("number", "text"),
    [(7, "7"), (999, "999"), (1000, "1 k"), (123_456, "123 k"), (54_139_356, "54.1 M")],
)
def test_counts_have_three_digits(number: int, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_durations_read_as_clocks(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_table_shows_the_best_five_in_order() -> None:
    stream = io.StringIO()
    records = [trained(number, reward=number / 10) for number in range(8)] + [failed(8)]
    Console(file=stream, width=120).print(top_table(records))
    shown = [line.split("│")[1].strip() for line in stream.getvalue().splitlines() if "%" in line]
    assert shown == ["7", "6", "5", "4", "3"]
    assert "Top 5 of 8" in stream.getvalue()
