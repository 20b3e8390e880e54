"""Latency of a model's inference, as PyTorch runs it and exported to ONNX."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain

import torch

from search_space.architecture import Architecture
from search_space.network import build_network
from trainer.config import Precision, TimingConfig
from trainer.data.cache.images import DECODING_VERSION
from trainer.device.gate import DeviceGate, device_key
from trainer.device.out_of_memory import refused_if_out_of_memory
from trainer.device.waiting import Notice, no_notice
from trainer.export import onnx_format
from trainer.export.exported import open_exported
from trainer.export.files import extra_module
from trainer.export.pixel_network import sample_pixels
from trainer.machine.temporary_folder import EXPORT, temporary_folder
from trainer.model_file import ModelFile, Weights
from trainer.preprocessing import Preprocessing
from trainer.timing.inference_latency import InferenceLatency
from trainer.timing.latency_timer import Inference, eager_inference, time_inference
from trainer.timing.synthetic_step import noise_images

NEEDED = ("onnx", "onnxscript", "onnxruntime")  # by the exported network


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyPlan:
    """What is measured of a model's latency.

    Attributes:
        device: Device of the network that PyTorch runs.
        precision: Arithmetic of that network. An exported network computes in float32.
        batch_sizes: Images of a call.
        exported: Whether to measure the network exported to ONNX too.
        threads: Threads that compute on a CPU.
        timing: Number and length of the blocks, and the accepted spread.
        weights: Which of the model's weights.
    """

    device: torch.device
    precision: Precision
    batch_sizes: Sequence[int]
    exported: bool = False
    threads: int = 1
    timing: TimingConfig = field(default_factory=TimingConfig)
    weights: Weights = "ema"

    def check(self) -> None:
        """Check that ONNX Runtime is installed and runs on the device, if it is asked for.

        Raises:
            ValueError: If it does not; the message says what to do.
        """
        if self.exported and self.device.type != "cpu":
            raise ValueError(
                "--exported measures ONNX Runtime on a CPU; add --device cpu, which measures both "
                "networks there"
            )
        for name in NEEDED if self.exported else ():
            extra_module(name, extra="export")


def measure_latency(
    model: ModelFile, image_size: int, plan: LatencyPlan, *, notice: Notice = no_notice
) -> tuple[InferenceLatency, ...]:
    """Measure the latency of a model, all batch sizes and networks alternately.

    With several threads the networks are timed one after the other: the threads of ONNX Runtime
    wait actively for a while after each call, in which they would disturb the other network.

    Args:
        model: The model.
        image_size: Side of its input, pixels.
        plan: What to measure.
        notice: Receives a line before each part that takes a while, and when the device is waited
            for.

    Returns:
        The latencies, eager before exported, by batch size in the order of the plan.

    Raises:
        ValueError: If the exported network cannot be measured on the device, a library that it
            needs is not installed, or the device's memory does not suffice.
    """
    plan.check()
    with _threads(plan), refused_if_out_of_memory("measure a smaller batch"):
        networks = [_eager(model, image_size, plan)]
        if plan.exported:
            notice(f"exporting the network to ONNX at {image_size} pixels")
            networks.append(_exported(model, image_size, plan))
        if plan.threads == 1:
            networks = [list(chain.from_iterable(networks))]
        notice(f"measuring the latency at {image_size} pixels")
        with DeviceGate(device_key(plan.device), notice=notice) as gate:
            timed = [time_inference(together, plan.timing, gate) for together in networks]
    return tuple(chain.from_iterable(timed))


def untrained_model(architecture: Architecture, num_classes: int, image_size: int) -> ModelFile:
    """Return a model with new weights; equal arguments give equal weights."""
    torch.manual_seed(0)
    weights = build_network(architecture, num_classes).state_dict()
    return ModelFile(
        architecture=architecture,
        class_names=tuple(str(number) for number in range(num_classes)),
        train_size=image_size,
        eval_size=image_size,
        padding="symmetric",
        ema=weights,
        raw=weights,
        preprocessing=Preprocessing(decoded_size=image_size, decoding=DECODING_VERSION),
    )


def _eager(model: ModelFile, image_size: int, plan: LatencyPlan) -> list[Inference]:
    network = model.network(plan.weights).to(plan.device)
    return [
        eager_inference(network, noise_images(count, image_size, plan.device), plan.precision)
        for count in plan.batch_sizes
    ]


def _exported(model: ModelFile, image_size: int, plan: LatencyPlan) -> list[Inference]:
    """Return the inference by ONNX Runtime, from uint8 pixels to logits."""
    used = model.ema if plan.weights == "ema" else model.raw
    with temporary_folder(EXPORT) as folder:
        (path,) = onnx_format.write(replace(model, eval_size=image_size, ema=used), folder)
        network = open_exported(path, threads=plan.threads)
    return [
        Inference(
            call=network.logits,
            images=sample_pixels(count, image_size),
            form="exported",
            runtime=network.runtime,
            precision="fp32",
            threads=plan.threads,
        )
        for count in plan.batch_sizes
    ]


@contextmanager
def _threads(plan: LatencyPlan) -> Iterator[None]:
    """Let torch compute with the threads of the plan on a CPU."""
    before = torch.get_num_threads()
    if plan.device.type == "cpu":
        torch.set_num_threads(plan.threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
