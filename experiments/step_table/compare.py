"""How well do measured parts predict the step time of networks that were never measured?

Measures random networks of a table's space, under the conditions of the table. Compares the
measured times with the predictions of the table, and with predictions from multiply-adds or
parameters alone, fitted to the same calibration networks. Results are written after each pass.

    nas-time --space tiny --image-size 32 --batch-size 32 --num-classes 10 --optimizer sgd \
        --precision fp32 --table experiments/step_table/step_times.json
    python experiments/step_table/compare.py --table experiments/step_table/step_times.json \
        --out experiments/step_table
"""

import argparse
import json
import os
import platform
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import torch

from search_space.architecture import Architecture
from search_space.cost import count_macs, count_params
from search_space.space import SearchSpace
from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate, device_key
from trainer.device.naming import named_device
from trainer.step_table.build import table_conditions
from trainer.step_table.table import StepTable, fit_line, load_step_table
from trainer.timing.step_timer import time_steps
from trainer.timing.synthetic_step import StepSettings, synthetic_step

mpl.use("Agg")
Values = npt.NDArray[np.float64]
# Shorter than the timing of a search, because the median of several passes is used.
TIMING = TimingConfig(blocks=7, block_seconds=0.05, max_attempts=1)


def step_settings(table: StepTable, device: torch.device) -> StepSettings:
    """Return the settings under which the table was measured."""
    of_table: Any = table.conditions
    return StepSettings(
        batch_size=of_table.batch_size,
        num_classes=of_table.num_classes,
        device=device,
        optimizer=of_table.optimizer,
        precision=of_table.precision,
    )


def random_networks(space: SearchSpace, table: StepTable, count: int) -> list[Architecture]:
    """Sample distinct networks uniformly over the space, without the calibration networks."""
    rng, known = random.Random(1), {network.key for network in table.measured}
    networks: dict[str, Architecture] = {}
    while len(networks) < count:
        network = space.architecture(space.sample(rng))
        if network.key not in known:
            networks[network.key] = network
    return list(networks.values())


def measure(
    networks: list[Architecture], space: SearchSpace, table: StepTable, passes: int
) -> Iterator[list[dict[str, Any]]]:
    """Time each network alternately with the reference; yield all rows after each pass."""
    device = named_device("auto")
    size, settings = table.conditions.image_size, step_settings(table, device)
    if difference := table.conditions.difference(table_conditions(space, size, settings)):
        raise ValueError(f"the table was made under other conditions: {difference}")
    reference = synthetic_step(space.reference(), size, settings)
    rows: list[dict[str, Any]] = [
        {
            "key": network.key,
            "params": count_params(network, settings.num_classes),
            "macs": count_macs(network, size, settings.num_classes),
            "step_time_s": [],
            "relative_step_time": [],
            "spread": [],
        }
        for network in networks
    ]
    with DeviceGate(device_key(device)) as gate:
        for number in range(passes):
            for network, row in zip(networks, rows, strict=True):
                steps = [synthetic_step(network, size, settings), reference]
                candidate, baseline = time_steps(steps, TIMING, gate)
                row["step_time_s"].append(candidate.step_time_s)
                row["relative_step_time"].append(candidate.step_time_s / baseline.step_time_s)
                row["spread"].append(candidate.spread)
                print(number, network.key, row["relative_step_time"][-1], flush=True)
            yield rows


def ranks(values: Values) -> Values:
    """Return the rank of each value, starting at 0."""
    return np.argsort(np.argsort(values)).astype(np.float64)


def score(predicted: Values, measured: Values) -> dict[str, float]:
    """Return R2, the mean and largest relative error, and Spearman's rank correlation."""
    errors = np.abs(predicted - measured) / measured
    residual, total = predicted - measured, measured - measured.mean()
    return {
        "r2": 1 - float(residual @ residual) / float(total @ total),
        "mean_relative_error": float(errors.mean()),
        "largest_relative_error": float(errors.max()),
        "spearman": float(np.corrcoef(ranks(predicted), ranks(measured))[0, 1]),
    }


def from_one_number(
    table: StepTable, networks: list[Architecture], number_of: Callable[[Architecture], int]
) -> Values:
    """Predict relative step times from one count, by a line through the calibration networks."""
    x = np.array([float(number_of(network)) for network in table.measured])
    slope, intercept = fit_line(x, np.array(list(table.measured.values())))
    return np.array([slope * number_of(network) + intercept for network in networks])


def draw(path: Path, columns: dict[str, Values], measured: Values) -> None:
    """Draw predicted against measured step times, one panel per predictor."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(columns), figsize=(4 * len(columns), 4), sharey=True)
    most = 1.05 * max(measured.max(), *(column.max() for column in columns.values()))
    for axis, (name, predicted) in zip(axes, columns.items(), strict=True):
        axis.plot([0, most], [0, most], color="0.7", linewidth=1)
        axis.scatter(measured, predicted, s=18)
        result = score(predicted, measured)
        axis.set_title(
            f"{name}\nR² {result['r2']:.2f}, error {result['mean_relative_error']:.1%}, "
            f"Spearman {result['spearman']:.2f}",
            fontsize=10,
        )
        axis.set_xlabel("measured relative step time")
        axis.set(xlim=(0, most), ylim=(0, most))
    axes[0].set_ylabel("predicted")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Measure the networks and write numbers and figure after each pass."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--networks", type=int, default=30)
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    table = load_step_table(args.table)
    space = SearchSpace.load(table.conditions.space)
    networks = random_networks(space, table, args.networks)
    for rows in measure(networks, space, table, args.passes):
        report(args.out, table, networks, rows)


def report(
    out: Path, table: StepTable, networks: list[Architecture], rows: list[dict[str, Any]]
) -> None:
    """Write the numbers and the figure of the passes so far."""
    conditions = table.conditions
    relative = np.array([np.median(row["relative_step_time"]) for row in rows])
    seconds = np.array([np.median(row["step_time_s"]) for row in rows])
    predicted = np.array([table.relative_step_time(network) for network in networks])
    size, classes = conditions.image_size, conditions.num_classes
    columns = {
        "table of parts": predicted,
        "multiply-adds": from_one_number(table, networks, lambda n: count_macs(n, size, classes)),
        "parameters": from_one_number(table, networks, lambda n: count_params(n, classes)),
    }
    single = [row["relative_step_time"] for row in rows]
    result = {
        "n": len(networks),
        "passes": len(rows[0]["spread"]),
        "conditions": table.to_dict()["conditions"],
        "cores": len(os.sched_getaffinity(0)),
        "threads": 1,
        "python": platform.python_version(),
        "timing": TIMING.model_dump(),
        "table": {
            "seconds": table.seconds,
            "parts": len(table.parts),
            "calibration_networks": len(table.measured),
            "relative_error": table.relative_error,
        },
        "relative_step_time": {name: score(column, relative) for name, column in columns.items()},
        "step_time_s": {
            name: score(column * table.reference_step_time_s, seconds)
            for name, column in columns.items()
        },
        "rows": [
            {**row, "predicted_relative_step_time": float(value)}
            for row, value in zip(rows, predicted, strict=True)
        ],
    }
    if len(single[0]) > 1:
        # The lowest reachable error: one measurement compared with the median of all.
        errors = np.abs(np.array(single).T / relative - 1)
        result["one_measurement"] = {
            "mean_relative_error": float(errors.mean()),
            "largest_relative_error": float(errors.max()),
        }
    text = json.dumps(result, indent=1) + "\n"
    (out / "compare.json").write_text(text, encoding="utf-8")
    draw(out / "predicted.png", columns, relative)
    print(json.dumps({key: result[key] for key in result if key != "rows"}, indent=1), flush=True)


if __name__ == "__main__":
    main()
