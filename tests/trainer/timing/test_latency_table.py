"""Latencies as people read them: values with units, and the conditions."""

from io import StringIO
from typing import Any

import pytest

from search_space.command_line.terminal import PlainConsole
from tests.toys.latency import latency
from trainer.timing.latency_table import latency_notes, latency_table


def test_a_row_has_milliseconds_and_images_per_second() -> None:
    text = StringIO()
    table = latency_table("a [bold]", [latency(), latency(form="exported", cpu_s=None)])
    PlainConsole(file=text, width=80).print(table)
    lines = text.getvalue().splitlines()
    assert "a [bold]" in lines[0]
    assert [line.strip() for line in lines[4].split("│")[1:-1]] == [
        *("eager", "1", "224 px", "12.3 ms", "123 ms", "0.50 ms", "81.0", "5.6%")
    ]
    assert [line.strip() for line in lines[5].split("│")[1:-1]][5] == "-"


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({}, []),
        ({"wide_spread": True}, ["The spread stayed wide."]),
        (
            {"contaminated": True},
            [
                "The machine was busy: other programs took part of the wall time. The CPU time "
                "is the latency of an idle machine."
            ],
        ),
        (
            {"contaminated": True, "cpu_s": None, "threads": 2},
            ["The machine was busy: other programs took part of the wall time."],
        ),
    ],
)
def test_the_notes_name_conditions_and_what_disturbed(
    changes: dict[str, Any], ending: list[str]
) -> None:
    exported = latency(form="exported", runtime="onnxruntime 1", repeats=27)
    notes = latency_notes([latency(**changes), exported])
    threads = "2 threads" if "threads" in changes else "1 thread"
    assert notes[0] == f"a [cpu], {threads}, fp32, torch 2, onnxruntime 1"
    assert notes[1].endswith("; 27 or more calls, attempt 2")
    assert notes[2:] == ending
