"""Metrics made by hand, with everything that reports and constraints read."""

from dataclasses import replace

from nas.candidate import Record
from nas.metrics import Metric, Metrics

WHOLE: dict[str, Metric] = {
    "accuracy": 0.5,
    "step_time_s": 0.02,
    "relative_step_time": 1.0,
    "num_params": 123_456,
    "macs": 7_000_000,
    "peak_memory_bytes": 2**28,
    "train_loss": 1.5,
    "samples_per_sec": 6400.0,
    "reference_step_time_s": 0.02,
    "forward_s": 0.006,
    "backward_s": 0.013,
    "optimizer_s": 0.001,
    "timing_spread": 0.03,
    "timing_repeats": 9,
    "timing_attempts": 1,
    "timing_contaminated": False,
    "timing_wide_spread": False,
    "timing_clock": "process_cpu",
    "batch_size": 128,
    "image_size": 24,
    "precision": "fp32",
    "device": "a <device> & more",
    "torch_version": "2.13.0",
    "train_seconds": 8.0,
    "timing_seconds": 3.0,
    "held_out_images": 300,
    "chance_accuracy": 0.1,
    "at_chance": False,
    "relative_params": 1.0,
    "num_classes": 10,
    "device_seconds": 11.0,
}

# With these, a candidate whose latency was measured.
LATENCY: dict[str, Metric] = {
    "latency_s": 0.024,
    "relative_latency": 1.5,
    "reference_latency_s": 0.016,
    "latency_p50_s": 0.024,
    "latency_p95_s": 0.03,
    "latency_spread": 0.04,
    "latency_repeats": 36,
    "latency_attempts": 1,
    "latency_contaminated": False,
    "latency_wide_spread": False,
    "latency_clock": "wall",
    "latency_threads": 1,
}


def whole_metrics(**changes: Metric) -> Metrics:
    """Return the metrics of a trained candidate; `changes` are by the names in files."""
    return Metrics.from_dict({**WHOLE, **changes})


def with_metrics(record: Record, **changes: Metric) -> Record:
    """Return `record` with other metrics; `changes` are by the names in files."""
    metrics = Metrics.from_dict({**record.outcome.metrics.to_dict(), **changes})
    return replace(record, outcome=replace(record.outcome, metrics=metrics))


def at_rung(record: Record, rung: int) -> Record:
    """Return `record` with the accuracy of a rung."""
    return with_metrics(record, rung=rung, rung_image_size=8, rungs_trained_again=0)
