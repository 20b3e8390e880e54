"""How repeatable is a measured latency of inference on a loaded machine?

Measures the latency of one network repeatedly, as a search does: of one image, alternately with
the reference network of the space. Writes the coefficient of variation (standard deviation / mean)
of the median wall time, of the CPU time, of what a constraint in milliseconds compares, and of
the latency relative to the reference network.

    python experiments/latency/spread.py --times 20 --out experiments/latency
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
import torch

from search_space.network import build_network
from search_space.space import SearchSpace
from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate, device_key
from trainer.device.naming import cpu_name
from trainer.proxy.measurement import MeasuredLatency
from trainer.timing.latency_timer import eager_inference, time_inference
from trainer.timing.synthetic_step import noise_images

CPU = torch.device("cpu")


def measure(times: int) -> dict[str, list[float]]:
    """Return `times` measurements of each quantity, and of their conditions."""
    space = SearchSpace.load("tiny")
    reference = space.reference()
    choices = {**space.choices(reference), "stage3.expand_ratio": 6, "stage4.depth": 3}
    images = noise_images(1, 32, CPU)
    inferences = [
        eager_inference(build_network(one, 10), images, "fp32")
        for one in (space.architecture(choices), reference)
    ]
    names = ("wall_s", "cpu_s", "latency_s", "relative", "p95_s", "load", "contaminated")
    found: dict[str, list[float]] = {name: [] for name in names}
    with DeviceGate(device_key(CPU)) as gate:
        for _ in range(times):
            candidate, baseline = time_inference(inferences, TimingConfig(), gate)
            assert candidate.cpu_s is not None
            found["wall_s"].append(candidate.p50_s)
            found["p95_s"].append(candidate.p95_s)
            found["cpu_s"].append(candidate.cpu_s)
            found["latency_s"].append(candidate.undisturbed_s)
            found["relative"].append(MeasuredLatency.of(candidate, baseline).relative_latency)
            found["contaminated"].append(candidate.contaminated)
            found["load"].append(os.getloadavg()[0])
    return found


def main() -> None:
    """Measure, print the row, and write ``spread.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    found = measure(args.times)
    row = {
        name: {
            "median": float(np.median(values)),
            "lowest": float(np.min(values)),
            "highest": float(np.max(values)),
            "cv": float(np.std(values, ddof=1) / np.mean(values)),
        }
        for name, values in found.items()
        if name != "contaminated"
    }
    conditions = {
        "device": cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "torch": torch.__version__,
        "threads": 1,
        "measurements": args.times,
        "contaminated": int(sum(found["contaminated"])),
    }
    text = json.dumps({"conditions": conditions, "results": row}, indent=2) + "\n"
    print(text, end="")
    (args.out / "spread.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
