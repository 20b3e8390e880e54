"""Step time table: predictions, checks of files, the fitted line, the measurement."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.progress import Progress

from search_space.cost import count_params
from search_space.parts import network_parts, space_parts
from search_space.space import SearchSpace
from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate
from trainer.step_table.build import build_step_table
from trainer.step_table.table import (
    StepTable,
    TableConditions,
    fit_line,
    leave_one_out_error,
    load_step_table,
    save_step_table,
)
from trainer.timing.step_time import StepTime
from trainer.timing.synthetic_step import StepSettings
from trainer.timing.training_step import Step

SPACE = SearchSpace.load("tiny")
CONDITIONS = TableConditions(
    space="tiny",
    space_content=SPACE.digest(),
    num_classes=10,
    image_size=16,
    batch_size=4,
    precision="fp32",
    optimizer="sgd",
    device="a processor",
    torch_version="2.13.0",
)
NETWORKS = [SPACE.architecture(SPACE.sample(random.Random(seed))) for seed in range(12)]


def linear_table() -> StepTable:
    """Return a table where a part's time is its kernel size, and a network's 5 + 2 x the sum."""
    costs = {part: float(part.kernel_size) for part in space_parts(SPACE, 16)}
    measured = {
        network: 5.0 + 2 * sum(part.kernel_size for part in network_parts(network, 16))
        for network in NETWORKS[:6]
    }
    return StepTable.calibrated(
        CONDITIONS, costs, measured, reference_step_time_s=0.5, seconds=60.0
    )


def test_linear_times_are_predicted_exactly() -> None:
    table = linear_table()
    for network in NETWORKS[6:]:
        stem_and_head = 3 + 1
        blocks = sum(stage.kernel_size * stage.depth for stage in network.stages)
        expected = 5 + 2 * (stem_and_head + blocks)
        assert table.relative_step_time(network) == pytest.approx(expected)
    assert table.relative_error == pytest.approx(0, abs=1e-9)


def test_a_network_of_another_space_is_refused() -> None:
    other = SearchSpace.load("efficientnetv2-s").reference()
    with pytest.raises(ValueError, match="lacks Part"):
        linear_table().relative_step_time(other)


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    path, table = tmp_path / "step_times.json", linear_table()
    save_step_table(path, table)
    assert load_step_table(path) == table


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"schema": "nas.step-times/0"}, "schema must be 'nas.step-times/1'"),
        ({"line": {"slope": 0.0, "intercept": 1.0}}, "slope must be finite and > 0, got 0.0"),
        ({"parts": [{"kind": "stem"}]}, "misnames a field"),
        ({"conditions": {"space": "tiny"}}, "misnames a field"),
    ],
)
def test_a_file_with_invalid_fields_is_refused_with_its_name(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    path = tmp_path / "step_times.json"
    path.write_text(json.dumps({**linear_table().to_dict(), **change}), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint) as caught:
        load_step_table(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", "[" * 100_000, '{"schema": '])
def test_a_file_of_another_kind_is_refused_with_its_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "step_times.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="no table of step times"):
        load_step_table(path)


def test_differing_conditions_are_named_except_the_name_of_the_space() -> None:
    other = replace(CONDITIONS, space="my.yaml", precision="bf16", batch_size=32)
    assert (
        CONDITIONS.difference(other) == "batch_size 4 and not 32, precision 'fp32' and not 'bf16'"
    )
    assert CONDITIONS.difference(other, ignored=("precision", "batch_size")) == ""
    assert CONDITIONS.difference(CONDITIONS) == ""


def test_a_line_through_exact_points() -> None:
    x = np.array([1.0, 2.0, 4.0])
    assert fit_line(x, 3 * x + 0.5) == pytest.approx((3, 0.5))
    assert leave_one_out_error(x, 3 * x + 0.5) == pytest.approx(0, abs=1e-12)


def test_slope_is_positive_and_intercept_is_not_negative() -> None:
    x = np.array([1.0, 2.0, 3.0])
    slope, intercept = fit_line(x, np.array([3.0, 2.0, 1.0]))
    assert slope > 0
    assert intercept == 0
    slope, intercept = fit_line(x, np.array([0.5, 2.0, 3.5]))  # 1.5 x - 1
    assert slope > 0
    assert intercept == 0


def test_one_disturbed_point_does_not_change_the_line() -> None:
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    y = 2 * x + 1
    y[2] *= 1.8
    assert fit_line(x, y) == pytest.approx((2, 1))


def test_the_error_is_that_of_left_out_points() -> None:
    x, y = np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.5, 4.0])
    # Through the first two points the line is 0.5 x + 0.5: 2 at the third. The lines of the other
    # two pairs have negative intercepts, so the better line through the origin and a point counts:
    # without the first 0.75 x (off by 7/16 at the third; 4/3 x is off by 7/9 at the second),
    # without the second 4/3 x (off by 1/3 at the first; 1 x by 1/4 at the third: better).
    errors = ((1 - 0.75) / 1, (2 - 1.5) / 1.5, (4 - 2) / 4)
    assert leave_one_out_error(x, y) == pytest.approx(sum(errors) / 3)


def count_as_time(
    steps: Sequence[Step], config: TimingConfig, gate: DeviceGate
) -> tuple[StepTime, ...]:
    """Fake timer: a step takes a microsecond per parameter."""
    times = [sum(p.numel() for p in step.network.parameters()) * 1e-6 for step in steps]
    return tuple(
        StepTime(
            step_time_s=time,
            spread=0.0,
            forward_s=0.0,
            backward_s=0.0,
            optimizer_s=0.0,
            samples_per_sec=1.0,
            peak_memory_bytes=0,
            batch_size=4,
            image_size=16,
            precision="fp32",
            repeats=1,
            attempts=1,
            contaminated=False,
            clock="process_cpu",
            device="a processor",
            torch_version="2.13.0",
        )
        for time in times
    )


def test_a_table_is_built_from_every_part_and_a_few_networks(tmp_path: Path) -> None:
    settings = StepSettings(batch_size=4, num_classes=10, device=torch.device("cpu"))
    progress = Progress(disable=True)
    with DeviceGate("test", folder=tmp_path) as gate:
        table = build_step_table(
            SPACE,
            16,
            settings,
            gate,
            networks=5,
            progress=progress,
            timer=count_as_time,
        )
    assert set(table.parts) == set(space_parts(SPACE, 16))
    assert len({network.key for network in table.measured}) == 5
    reference = count_params(SPACE.reference(), 10)
    assert table.reference_step_time_s == pytest.approx(reference * 1e-6)
    for network in NETWORKS:  # numbers of parameters add up exactly
        expected = count_params(network, 10) / reference
        assert table.relative_step_time(network) == pytest.approx(expected)
    assert (table.conditions.precision, table.conditions.batch_size) == ("fp32", 4)
    assert [task.description for task in progress.tasks] == ["parts", "networks"]
    assert all(task.finished for task in progress.tasks)


def test_one_disturbed_pass_does_not_change_the_table(tmp_path: Path) -> None:
    settings = StepSettings(batch_size=4, num_classes=10, device=torch.device("cpu"))
    disturbed: set[str] = set()

    def disturbed_once(
        steps: Sequence[Step], config: TimingConfig, gate: DeviceGate
    ) -> tuple[StepTime, ...]:
        reference, *times = count_as_time(steps, config, gate)
        names = [str(step.network) for step in steps[1:]]
        times = [
            time if name in disturbed else replace(time, step_time_s=2 * time.step_time_s)
            for name, time in zip(names, times, strict=True)
        ]
        disturbed.update(names)
        return reference, *times

    with DeviceGate("test", folder=tmp_path) as gate:
        calm, noisy = (
            build_step_table(SPACE, 16, settings, gate, networks=5, timer=timer)
            for timer in (count_as_time, disturbed_once)
        )
    assert len(disturbed) > len(space_parts(SPACE, 16))
    assert noisy.parts == calm.parts
    assert noisy.measured == calm.measured


def test_a_space_whose_networks_do_not_fit_is_refused(tmp_path: Path) -> None:
    settings = StepSettings(batch_size=4, num_classes=10, device=torch.device("cpu"))
    with (
        DeviceGate("test", folder=tmp_path) as gate,
        pytest.raises(ValueError, match="that fit the memory at batch 4, got 0"),
    ):
        build_step_table(SPACE, 16, settings, gate, memory_limit_bytes=1, timer=count_as_time)
