"""Progress of a search with and without a terminal."""

import io
import re

import pytest
from rich.console import Console

from nas.candidate import Record
from nas.report.progress import SearchProgress
from nas.report.tables import count, top_table
from search_space.command_line.progress_line import clock
from tests.nas.nas_records import failed, infeasible, trained
from tests.nas.search_work import work
from tests.toys.metrics import LATENCY, with_metrics


def _say(records: list[Record], *, terminal: bool) -> str:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=200, color_system=None)
    with SearchProgress(console, work=work()) as progress:
        for record in records:
            progress.completed(record)
    return stream.getvalue()


def test_without_a_terminal_each_candidate_is_one_line() -> None:
    records = [trained(0, 0.5, accuracy=0.6), failed(1), infeasible(2), trained(3, 0.4)]
    lines = _say(records, terminal=False).splitlines()
    assert lines.pop(1).startswith("about 0:36 for the rest of the search")
    assert len(lines) == 3  # candidates that were not trained have no line
    assert lines[0].startswith("candidate 0: reward 0.5000 (accuracy 60.00 %, step 20.0 ms")
    assert "the loss was not finite" in lines[1]
    assert "3/4, best reward 0.5000" in lines[2]
    assert "left" in lines[2]
    assert all("\x1b" not in line for line in lines)


def test_a_measured_latency_is_named() -> None:
    (line, *_) = _say([with_metrics(trained(0, 0.5), **LATENCY)], terminal=False).splitlines()
    assert "step 20.0 ms = 1.00x, latency 24.0 ms, 123 k params" in line


def test_on_a_terminal_one_line_is_updated() -> None:
    said = _say([trained(0, 0.5), trained(1, 0.75)], terminal=True)
    assert "\x1b" in said
    assert re.search(r"search ━+─+ 2/4 0:\d\d left  best 50.00 %  20.0 ms a step", said)


@pytest.mark.parametrize("width", [60, 80])
def test_at_a_fixed_width_bar_count_and_time_left_are_on_one_line(width: int) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, color_system=None)
    with SearchProgress(console, work=work(1000, finalist_trainings=6)) as progress:
        for number in range(120):
            progress.completed(trained(number, 0.5))
        progress.advanced(0, 6)
        progress.advanced(1, 6, 40.0)
    lines = (
        re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue()).replace("\r", "\n").split("\n")
    )
    for start in ("search", "finalists"):
        bars = [line for line in lines if line.startswith(start)]
        assert bars
        assert all(len(bar) < width for bar in bars)
        assert all(re.match(rf"{start} ━*─* \d+/\d+ [-\d:]+ left(  |$)", bar) for bar in bars)
    # Five trainings of 40 s on one worker.
    assert re.match(r"finalists ━+─+ 1/6 3:(20|19|18) left", bars[-1])


def test_a_wait_is_said_until_there_is_a_result() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, color_system=None)
    with SearchProgress(console, work=work()) as progress:
        progress.waiting("waiting for Ray to start")
    assert "0/4 -:-- left  waiting for Ray to start" in stream.getvalue()


def test_off_a_terminal_a_wait_is_a_line() -> None:
    stream = io.StringIO()
    with SearchProgress(Console(file=stream), work=work()) as progress:
        progress.waiting("waiting for Ray to start")
        progress.started()
    assert stream.getvalue() == "waiting for Ray to start\n"


def test_the_first_result_tells_the_time_of_the_whole_with_the_finalists() -> None:
    stream = io.StringIO()
    with SearchProgress(Console(file=stream, width=200), work=work(3, finalist_trainings=2)) as it:
        it.completed(trained(0, 0.5))  # 12 s, of which 3 s are timing
        it.completed(trained(1, 0.5))
    told = [line for line in stream.getvalue().splitlines() if line.startswith("about")]
    # 2 x 12 s, and 2 x (3 s + twice the 9 s of training).
    assert told == ["about 1:06 for the rest of the search, 0:42 of it for the finalists"]


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
    assert clock(seconds) == text


def test_the_table_shows_the_best_five_in_order() -> None:
    stream = io.StringIO()
    records = [trained(number, reward=number / 10) for number in range(8)] + [failed(8)]
    Console(file=stream, width=120).print(top_table(records))
    shown = [line.split("│")[1].strip() for line in stream.getvalue().splitlines() if "%" in line]
    assert shown == ["7", "6", "5", "4", "3"]
    assert "Top 5 of 8" in stream.getvalue()


@pytest.mark.parametrize(("width", "columns"), [(200, 7), (80, 7), (60, 5), (20, 1)])
def test_a_narrow_console_has_fewer_columns_and_no_cut_cell(width: int, columns: int) -> None:
    stream = io.StringIO()
    Console(file=stream, width=width).print(top_table([trained(7, 0.5)]))
    (row,) = [line for line in stream.getvalue().splitlines() if line.startswith("│")]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert (
        cells
        == ["7", "0.5000", "50.00 %", "20.0 ms", "1.00x", "123 k", trained(7, 0.5).candidate.key][
            :columns
        ]
    )
    assert "…" not in stream.getvalue()
