"""What a training is asked to do, and what it tells while it does it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn

from trainer.config import Precision
from trainer.data.loading.train_feed import TrainFeed
from trainer.device.gate import DeviceGate
from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.evaluation import Evaluation
from trainer.fit.plan import TrainPlan
from trainer.fit.processes import Processes

ALONE = Processes()


def as_it_is(network: nn.Module) -> nn.Module:
    """Return `network`, neither compiled nor distributed."""
    return network


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One step.

    Attributes:
        step: Steps done, this one included.
        phase: Position of its phase in the plan.
        loss: Mean loss of the step's images, over all processes as all that follows.
        top1: Share of them whose largest logit is their largest target.
        learning_rate: Of the step.
        applied: False where the gradient was not finite.
        wait_s: Seconds that this process waited for its images.
        images: Images that it learned from.
        train_seconds: Wall seconds of all steps so far.
    """

    step: int
    phase: int
    loss: float
    top1: float
    learning_rate: float
    applied: bool
    wait_s: float
    images: int
    train_seconds: float


class FitObserver(Protocol):
    """Is told what happens, and must not change it."""

    def stepped(self, report: StepReport) -> None:
        """A step is done."""
        ...

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """The network, and its average where there is one, were evaluated after `step`."""
        ...

    def rewound(self, step: int, rate_scale: float) -> None:
        """The training went back to where `step` steps were done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitTask:
    """What is trained on, by which plan, and where.

    Attributes:
        plan: Phase and learning rate of every step.
        feed: The training images.
        evaluate: Measures a network.
        accumulation: For each phase, how many batches make up this process's part of a step.
        checkpoints: Where checkpoints lie; only the process of rank 0 writes them.
        identity: What a checkpoint must have in common with the run that goes on from it.
        device: The network's.
        precision: Arithmetic of the forward pass.
        seed: Of dropout and stochastic depth.
        gate: Of the device; each step passes it, so that a timer can have the device alone.
        processes: This one, and those that it shares the training with.
        wrap: Makes the module that is called in training: compiled, or distributed.
    """

    plan: TrainPlan
    feed: TrainFeed
    evaluate: Callable[[nn.Module], Evaluation]
    accumulation: tuple[int, ...]
    checkpoints: CheckpointFolder
    identity: dict[str, Any]
    device: torch.device
    precision: Precision
    seed: int
    gate: DeviceGate
    processes: Processes = ALONE
    wrap: Callable[[nn.Module], nn.Module] = as_it_is
