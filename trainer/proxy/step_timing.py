"""Timing of a candidate's training step and inference, alternately with the reference's."""

import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from search_space.architecture import Architecture
from search_space.command_line.waiting import NOTE_AFTER_S
from search_space.cost import count_macs, count_params
from trainer.config import Precision
from trainer.data.loading.batches import Batches
from trainer.device.gate import DeviceGate, device_key
from trainer.device.memory import device_memory_bytes
from trainer.proxy.measurement import MeasuredCosts, MeasuredLatency
from trainer.proxy.task import ProxyTask, predict_proxy_memory, proxy_split
from trainer.timing.latency_timer import eager_inference, time_inference
from trainer.timing.step_timer import time_steps
from trainer.timing.training_step import TrainingStep


def measure_costs(
    architecture: Architecture, task: ProxyTask, *, with_latency: bool = False
) -> MeasuredCosts:
    """Time the training step of `architecture` at the proxy's full image size, untrained.

    The timed blocks of the candidate and of the reference network alternate, on the same real
    images and with the device for themselves, so that their ratio is independent of drift.

    Args:
        architecture: The candidate's network.
        task: Images, settings, device and reference network.
        with_latency: Whether to time the inference of one image too, in the same way.

    Raises:
        UntrainableError: If it does not fit the device.

    Source: EfficientNetV2 (arXiv:2104.00298), section 3.3.
    """
    started = time.perf_counter()
    with task.device_for(architecture) as gate:
        networks = (task.network(one) for one in (architecture, task.reference))
        steps = _training_steps(task, [(one, task.config.precision) for one in networks])
        step_time, reference = time_steps(steps, task.config.timing, gate)
        latency = _latency(steps, task, gate) if with_latency else None
    num_classes, waited = task.images.num_classes, gate.waited_s
    num_params = count_params(architecture, num_classes)
    return MeasuredCosts(
        timing=step_time,
        relative_step_time=step_time.step_time_s / reference.step_time_s,
        reference_step_time_s=reference.step_time_s,
        num_params=num_params,
        relative_params=num_params / count_params(task.reference, num_classes),
        macs=count_macs(architecture, task.config.image_size, num_classes),
        num_classes=num_classes,
        timing_seconds=time.perf_counter() - started,
        device_wait_s=round(waited, 1) if waited >= NOTE_AFTER_S else 0.0,
        latency=latency,
    )


def fastest_precision(task: ProxyTask) -> Precision:
    """Return the precision in which the reference network's training step is faster here.

    bfloat16 on a GPU. On a CPU both are timed: bfloat16 is slower for small networks and faster
    for large ones.

    Raises:
        ValueError: If a batch of the reference network does not fit into memory: the kernel would
            end the process without a message.
    """
    if task.device.type == "cuda":
        return "bf16"
    needed = predict_proxy_memory(task.reference, task.config, task.images.num_classes)
    if needed > (limit := device_memory_bytes(task.device)):
        raise ValueError(
            f"--batch-size {task.config.batch_size} is too large for the reference network of "
            f"the space: it needs about {needed / 2**30:.1f} GiB of {limit / 2**30:.1f} GiB"
        )
    torch.manual_seed(task.config.seed)
    network = task.network(task.reference)
    steps = _training_steps(task, [(network, "fp32"), (network, "bf16")])
    with DeviceGate(device_key(task.device)) as gate:
        fp32, bf16 = time_steps(steps, task.config.timing, gate)
    return "bf16" if bf16.step_time_s < fp32.step_time_s else "fp32"


def _latency(steps: Sequence[TrainingStep], task: ProxyTask, gate: DeviceGate) -> MeasuredLatency:
    """Time the inference of one image by the networks of the candidate and of the reference."""
    candidate, reference = time_inference(
        [eager_inference(one.network, one.images[:1], one.precision) for one in steps],
        task.config.timing,
        gate,
    )
    return MeasuredLatency.of(candidate, reference)


def _training_steps(
    task: ProxyTask, variants: Sequence[tuple[nn.Module, Precision]]
) -> list[TrainingStep]:
    """Return the step of each network and precision, all on the same batch of training images.

    Fewer training images than a batch are repeated. The learning rate of zero costs the same
    arithmetic and leaves the weights unchanged.
    """
    training, _ = proxy_split(task.config, task.images)
    batches = Batches(
        task.images.splits["train"],
        np.resize(training, task.config.batch_size),
        device=task.device,
        batch_size=task.config.batch_size,
        train=False,
    )
    images, labels = next(iter(batches.epoch(0)))
    return [
        TrainingStep(
            network=network,
            optimizer=task.optimizer(network),
            loss=task.loss,
            images=images,
            labels=labels,
            precision=precision,
        )
        for network, precision in variants
    ]
