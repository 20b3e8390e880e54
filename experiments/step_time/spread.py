"""How repeatable is a measured training step while another process loads the machine?

Times one network repeatedly, alone and while other processes are busy, and writes the coefficient
of variation of the measurements: of process CPU time, which nas-search uses on a CPU, and of
wall time, which it does not use.

    python experiments/step_time/spread.py --out experiments/step_time
"""

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import torch

from search_space.space import SearchSpace
from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate
from trainer.device.naming import cpu_name
from trainer.timing.step_timer import time_steps
from trainer.timing.synthetic_step import StepSettings, synthetic_step

CONFIG = TimingConfig()


def burn() -> None:
    """Keep one core and some memory busy until killed."""
    torch.set_num_threads(1)
    values = torch.randn(512, 512)
    while True:
        values = (values @ values).tanh()


def measure(times: int) -> dict[str, list[float]]:
    """Return the CPU and wall seconds per step of `times` measurements, and S of each."""
    space = SearchSpace.load("tiny")
    reference = space.reference()
    choices = {**space.choices(reference), "stage3.expand_ratio": 6, "stage4.depth": 3}
    settings = StepSettings(batch_size=32, num_classes=10, device=torch.device("cpu"))
    steps = [
        synthetic_step(architecture, 32, settings)
        for architecture in (space.architecture(choices), reference)
    ]
    found: dict[str, list[float]] = {"cpu_s": [], "relative": [], "wall_s": [], "spread": []}
    with DeviceGate("benchmark") as gate:
        for _ in range(times):
            candidate, baseline = time_steps(steps, CONFIG, gate)
            found["cpu_s"].append(candidate.step_time_s)
            found["relative"].append(candidate.step_time_s / baseline.step_time_s)
            found["spread"].append(candidate.spread)
            start = time.perf_counter()
            for _ in range(10):
                steps[0].run()
            found["wall_s"].append((time.perf_counter() - start) / 10)
    return found


def coefficient_of_variation(values: list[float]) -> float:
    """Return the standard deviation divided by the mean."""
    return float(np.std(values, ddof=1) / np.mean(values))


def main() -> None:
    """Measure with 0 and 1 other busy processes, and with as many as there are cores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cores = len(os.sched_getaffinity(0))
    rows = []
    for busy in sorted({0, 1, cores}):
        neighbours = [multiprocessing.Process(target=burn, daemon=True) for _ in range(busy)]
        for neighbour in neighbours:
            neighbour.start()
        time.sleep(3 if busy else 0)
        found = measure(args.times)
        for neighbour in neighbours:
            neighbour.kill()
        rows.append(
            {
                "busy_processes": busy,
                "measurements": args.times,
                "median_cpu_ms": 1e3 * float(np.median(found["cpu_s"])),
                "cv_cpu_time": coefficient_of_variation(found["cpu_s"]),
                "cv_relative_step_time": coefficient_of_variation(found["relative"]),
                "cv_wall_time": coefficient_of_variation(found["wall_s"]),
                "median_spread_within": float(np.median(found["spread"])),
            }
        )
        print(json.dumps(rows[-1]))
    conditions = {"device": cpu_name(), "cores": cores, "torch": torch.__version__, "threads": 1}
    text = json.dumps({"conditions": conditions, "rows": rows}, indent=2) + "\n"
    (args.out / "spread.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
