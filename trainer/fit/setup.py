"""Inputs of a training loop, and the interface of its observers."""

from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import nn

from trainer.data.loading.batches import Batches
from trainer.data.loading.train_feed import TrainFeed
from trainer.device.gate import DeviceGate
from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.evaluation import Evaluation
from trainer.fit.processes import Processes
from trainer.fit.request import TrainRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """Results of one training step.

    Attributes:
        step: Number of finished steps, this one included.
        phase: Index of its phase in the plan.
        loss: Mean loss of the step's images, over all processes.
        top1: Share of these images whose largest logit is at a largest target, in [0, 1].
        learning_rate: Learning rate of the step.
        applied: False if the gradient was not finite.
        wait_s: Time that this process waited for its images, seconds.
        images: Number of images, over all processes.
        seconds: Wall time of the step, seconds.
        train_seconds: Wall time of all steps so far, seconds.
    """

    step: int
    phase: int
    loss: float
    top1: float
    learning_rate: float
    applied: bool
    wait_s: float
    images: int
    seconds: float
    train_seconds: float


class TrainingObserver(Protocol):
    """Receives the results of a training; it must not change the training."""

    def stepped(self, report: StepReport) -> None:
        """Receive a finished step."""
        ...

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Receive the evaluation of the network, and of its average if there is one."""
        ...

    def rewound(self, step: int, rate_scale: float) -> None:
        """Receive that the training returned to the checkpoint of `step` finished steps."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingSetup:
    """Everything that a training loop reads and does not change.

    Attributes:
        request: Settings and plan of the training.
        feed: Batches of the training images.
        evaluation: Batches of this process's evaluated images; None if it has none.
        accumulation: For each phase, the number of batches of this process in a step.
        checkpoints: Folder of the checkpoints; only the process of rank 0 writes to it.
        gate: Gate of the device, entered at each step so that a timer can use the device alone.
        processes: This process, its device, and the processes that share the training.
    """

    request: TrainRequest
    feed: TrainFeed
    evaluation: Batches | None
    accumulation: tuple[int, ...]
    checkpoints: CheckpointFolder
    gate: DeviceGate
    processes: Processes

    def training_module(self, network: nn.Module) -> nn.Module:
        """Return the module that trains `network`: compiled and data parallel as configured."""
        # A static shape gives one graph for each of the few image sizes.
        compiled = torch.compile(network, dynamic=False) if self.request.compiled else network
        return self.processes.data_parallel(cast("nn.Module", compiled))
