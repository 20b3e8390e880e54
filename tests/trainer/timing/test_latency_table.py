"""Latencies as people read them: values with units, and the conditions."""

from io import StringIO
from typing import Any

import pytest

from search_space.command_line.terminal import PlainConsole
from tests.toys.latency import latency
from trainer.timing.latency_table import latency_columns, latency_notes, latency_table


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
        (
            {"wide_spread": True},
            ["The spread stayed wide: measure again when other programs are idle."],
        ),
        (
            {"contaminated": True},
            [
                "The machine was busy: other programs took part of the wall time.",
                "The CPU time is nearer to the latency of an idle machine.",
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


def test_latencies_of_an_image_and_a_batch_become_one_row() -> None:
    row = latency_columns(
        [
            latency(),
            latency(batch_size=32, p50_s=0.2),
            latency(form="exported", runtime="onnxruntime 1", p50_s=0.005, cpu_s=None),
        ]
    )
    assert row["latency_eager_one_p50_s"] == 0.01234
    assert row["latency_eager_one_p95_s"] == 0.1234
    assert row["latency_eager_batch_p50_s"] == 0.2
    assert row["latency_exported_one_p50_s"] == 0.005
    assert row["latency_exported_one_cpu_s"] is None
    assert (row["latency_eager_runtime"], row["latency_exported_runtime"]) == (
        *("torch 2", "onnxruntime 1"),
    )
    assert (row["latency_batch_size"], row["latency_threads"]) == (32, 1)
    assert (row["latency_attempts"], row["latency_contaminated"]) == (2, False)
    assert not [name for name in row if not name.startswith("latency_")]


def test_a_row_tells_if_any_of_its_latencies_was_disturbed() -> None:
    disturbed = latency(form="exported", attempts=3, contaminated=True, wide_spread=True)
    row = latency_columns([latency(), disturbed])
    assert row["latency_contaminated"] is True
    assert row["latency_wide_spread"] is True
    assert row["latency_attempts"] == 3
