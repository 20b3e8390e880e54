"""The line of a progress display at several widths: what stays, and that no number is cut."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from search_space.command_line.progress_line import (
    ProgressLine,
    chosen_parts,
    clock,
    time_left_text,
)

DETAILS = ("phase 2/4 at 64 px", "epoch 12.5", "loss 1.234", "top-1 56.7%", "1,234 images/s")


def shown(width: int, *, done: int = 1234, total: int | None = 20_600) -> str:
    """Return the last line that a terminal of this width shows, without its control codes."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=width, color_system=None)
    with ProgressLine("training", console) as progress:
        task = progress.add_task("training", total=total, details=DETAILS)
        progress.update(task, completed=done, seconds_left=lambda: 754.2)
        progress.refresh()
        written = stream.getvalue()
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written).replace("\r", "\n").split("\n")
    assert all(cell_len(line) < width for line in lines)  # nothing wraps
    return lines[-1]


@pytest.mark.parametrize(
    ("width", "details"), [(60, ""), (80, "  phase 2/4 at 64 px  epoch 12.5"), (200, "all")]
)
def test_bar_step_and_time_left_stay(width: int, details: str) -> None:
    expected = "".join(f"  {detail}" for detail in DETAILS) if details == "all" else details
    line = shown(width)
    assert line.startswith("training ━")
    assert line.endswith(f" 1234/20600 12:34 left{expected}")


@pytest.mark.parametrize("width", [24, 34, 40])
def test_on_a_narrow_terminal_the_numbers_are_whole(width: int) -> None:
    assert shown(width).endswith("1234/20600 12:34 left")


def test_each_task_has_a_line_of_its_own() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=60, color_system=None)
    with ProgressLine("timing {task.description}", console) as progress:
        for name in ("parts", "networks"):
            progress.add_task(name, total=4, completed=4, seconds_left=lambda: 0.0)
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue()).split("\n")
    # The bar has what is left of 59 characters.
    assert any(line.endswith(f"timing parts {'━' * 32} 4/4 0:00 left") for line in lines)
    assert f"timing networks {'━' * 29} 4/4 0:00 left" in lines


def test_an_unknown_total_and_time_are_said() -> None:
    assert "7/? 12:34 left" in shown(80, done=7, total=None)
    assert time_left_text(None) == "-:-- left"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (-3, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")],
)
def test_times_read_as_clocks(seconds: float, text: str) -> None:
    assert clock(seconds) == text


@given(
    width=st.integers(1, 300),
    title=st.text("abc ", max_size=30),
    numbers=st.tuples(st.integers(0, 10**9), st.integers(0, 10**6)),
    details=st.lists(st.text("ab界", min_size=1, max_size=30), max_size=6),
)
def test_the_chosen_parts_fit_and_are_a_beginning_of_the_details(
    width: int, title: str, numbers: tuple[int, int], details: list[str]
) -> None:
    count, left = f"{numbers[0]}/{numbers[0]}", time_left_text(numbers[1])
    chosen, bar, kept = chosen_parts(width, title, count, left, details)
    assert list(kept) == details[: len(kept)]
    assert chosen in (title, "")
    assert bar == 0 or 10 <= bar <= 40
    parts = [chosen] * bool(chosen) + ["-" * bar] * bool(bar) + [count, left]
    line = " ".join(parts) + "".join(f"  {detail}" for detail in kept)
    if bar:
        assert cell_len(line) <= width
