"""A latency made by hand."""

from typing import Any

from trainer.timing.inference_latency import InferenceLatency


def latency(**changes: Any) -> InferenceLatency:
    """Return the latency of one image; `changes` are attributes with other values."""
    values: dict[str, Any] = {
        "p50_s": 0.01234,
        "p95_s": 0.1234,
        "cpu_s": 0.0005,
        "spread": 0.056,
        "samples_per_sec": 81.04,
        "batch_size": 1,
        "image_size": 224,
        "form": "eager",
        "runtime": "torch 2",
        "precision": "fp32",
        "threads": 1,
        "repeats": 90,
        "attempts": 2,
        "contaminated": False,
        "wide_spread": False,
        "clock": "wall",
        "device": "a [cpu]",
        "torch_version": "2",
    }
    return InferenceLatency(**{**values, **changes})
