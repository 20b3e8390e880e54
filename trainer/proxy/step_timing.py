"""Timing of a candidate's training step, alternately with the reference network's."""

import time

import numpy as np
import torch
from torch import Tensor, nn

from search_space.architecture import Architecture
from search_space.cost import count_macs, count_params
from trainer.config import Precision
from trainer.data.loading.batches import Batches
from trainer.device.gate import DeviceGate, device_key
from trainer.proxy.measurement import MeasuredCosts
from trainer.proxy.memory_check import check_memory, full_device_is_infeasible
from trainer.proxy.task import (
    ProxyTask,
    build_candidate,
    candidate_loss,
    candidate_optimizer,
    proxy_split,
)
from trainer.timing.step_timer import time_steps
from trainer.timing.training_step import TrainingStep


def measure_costs(architecture: Architecture, task: ProxyTask) -> MeasuredCosts:
    """Time the training step of `architecture` at the proxy's full image size, untrained.

    The timed blocks of the candidate and of the reference network alternate, on the same real
    images and with the device for themselves, so that their ratio is independent of drift.

    Raises:
        InfeasibleError: If it does not fit the device.

    Source: EfficientNetV2 (arXiv:2104.00298), section 3.3.
    """
    check_memory(architecture, task)
    torch.manual_seed(task.config.seed)
    started = time.perf_counter()
    with full_device_is_infeasible(task.device), DeviceGate(device_key(task.device)) as gate:
        images, labels = _one_batch(task)
        networks = [build_candidate(one, task) for one in (architecture, task.reference)]
        precision = task.config.precision
        steps = [_training_step(one, task, images, labels, precision) for one in networks]
        step_time, reference = time_steps(steps, task.config.timing, gate)
    num_classes = task.images.num_classes
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
    )


def fastest_precision(task: ProxyTask) -> Precision:
    """Return the precision in which the reference network's training step is faster here.

    bfloat16 on a GPU. On a CPU both are timed: bfloat16 is slower for small networks and faster
    for large ones.
    """
    if task.device.type == "cuda":
        return "bf16"
    images, labels = _one_batch(task)
    torch.manual_seed(task.config.seed)
    network = build_candidate(task.reference, task)
    choices: tuple[Precision, ...] = ("fp32", "bf16")
    steps = [_training_step(network, task, images, labels, choice) for choice in choices]
    with DeviceGate(device_key(task.device)) as gate:
        fp32, bf16 = time_steps(steps, task.config.timing, gate)
    return "bf16" if bf16.step_time_s < fp32.step_time_s else "fp32"


def _training_step(
    network: nn.Module, task: ProxyTask, images: Tensor, labels: Tensor, precision: Precision
) -> TrainingStep:
    # A learning rate of zero costs the same arithmetic and leaves the weights unchanged.
    optimizer = candidate_optimizer(network, task.config, rate=0.0)
    return TrainingStep(
        network=network,
        optimizer=optimizer,
        loss=candidate_loss(task.config),
        images=images,
        labels=labels,
        precision=precision,
    )


def _one_batch(task: ProxyTask) -> tuple[Tensor, Tensor]:
    """Return one batch of training images (batch, 3, size, size) float32 and labels (batch,).

    Fewer training images than a batch are repeated.
    """
    training, _ = proxy_split(task.config, task.images)
    filled = np.resize(training, task.config.batch_size)
    batches = Batches(
        task.images.splits["train"],
        filled,
        device=task.device,
        batch_size=task.config.batch_size,
        train=False,
    )
    return next(iter(batches.epoch(0)))
