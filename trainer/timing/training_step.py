"""Training steps on one batch, and their timers: process CPU time, or device events on a GPU."""

import resource
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.device.precision import autocast

# Steps on a side stream before the capture: cuDNN chooses its kernels, buffers are allocated.
STEPS_BEFORE_CAPTURE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(ABC):
    """Forward pass, backward pass and optimizer update on constant tensors.

    Attributes:
        network: The network, in training mode.
        optimizer: Updates the network.
        images: Input of the network, (batch, channels, side, side), channels last.
        labels: Tensor that the output is compared with.
        precision: Arithmetic of the forward pass.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    images: Tensor
    labels: Tensor
    precision: Precision

    @abstractmethod
    def forward(self) -> Tensor:
        """Return the tensor that `backward` starts from."""

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of `loss`, the result of `forward`."""
        loss.backward()

    def run(self) -> None:
        """Run forward pass, backward pass and update."""
        self.optimizer.zero_grad(set_to_none=True)
        self.backward(self.forward())
        self.optimizer.step()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStep(Step):
    """Training step of a whole network.

    `images` is float32 (batch, 3, size, size); `labels` is int64 (batch,).

    Attributes:
        loss: Maps logits (batch, classes) and labels (batch,) to a scalar.
    """

    loss: Callable[[Tensor, Tensor], Tensor]

    def forward(self) -> Tensor:
        """Return the loss of the batch, a scalar."""
        with autocast(self.images.device, self.precision):
            logits = self.network(self.images)
        return self.loss(logits.float(), self.labels)


class TimedStep(ABC):
    """A training step with a timer; the step's network is set to training mode."""

    clock: ClassVar[str]

    def __init__(self, step: Step) -> None:
        self._step, self._run = step, step.run
        step.network.train()

    def block(self, steps: int) -> float:
        """Run `steps` steps and return their mean time, seconds."""
        start = self._mark()
        for _ in range(steps):
            self._run()
        return self._seconds(start, self._mark()) / steps

    def parts(self, steps: int) -> tuple[float, float, float]:
        """Return mean seconds of forward with loss, of backward and of update, run eagerly."""
        step, totals = self._step, np.zeros(3)
        for _ in range(steps):
            step.optimizer.zero_grad(set_to_none=True)
            start = self._mark()
            loss = step.forward()
            after_forward = self._mark()
            step.backward(loss)
            after_backward = self._mark()
            step.optimizer.step()
            end = self._mark()
            totals[2] += self._seconds(after_backward, end)
            totals[1] += self._seconds(after_forward, after_backward)
            totals[0] += self._seconds(start, after_forward)
        forward, backward, update = totals / steps
        return float(forward), float(backward), float(update)

    @abstractmethod
    def peak_memory_bytes(self) -> int:
        """Return the largest memory in use during one step."""

    @abstractmethod
    def _mark(self) -> Any:
        """Return a mark of the current time."""

    @abstractmethod
    def _seconds(self, start: Any, end: Any) -> float:
        """Return the seconds between two marks."""


class CpuStep(TimedStep):
    """Times a step by the CPU time of this process; meant for one thread."""

    clock = "process_cpu"

    def peak_memory_bytes(self) -> int:
        """Return the process's peak resident memory, libraries and data included.

        On Linux it is the peak during one step; elsewhere since the start of the process.
        """
        with suppress(OSError):  # not on Linux, or a container that forbids it
            # man 5 proc: resets the peak resident set size
            Path("/proc/self/clear_refs").write_text("5")
        self._run()
        status = Path("/proc/self/status")
        if status.exists():
            lines = status.read_text(encoding="utf-8").splitlines()
            peak_kib = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
            return int(peak_kib) * 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB elsewhere

    def _mark(self) -> float:
        return time.process_time()

    def _seconds(self, start: float, end: float) -> float:
        return end - start


class CudaGraphStep(TimedStep):
    """Times replays of the whole step, optimizer included, as one CUDA graph.

    With the small images of a search, an eager step is limited by the host that launches its
    kernels. Its wall time would measure the number of kernels. A replayed graph has no such
    overhead. The step's device must be the current one.
    """

    clock = "cuda_event"

    def __init__(self, step: Step) -> None:
        super().__init__(step)
        device = step.images.device
        others = torch.cuda.memory_allocated(device) - _resident_bytes(step)
        self._warm_up()
        torch.cuda.reset_peak_memory_stats(device)
        graph = torch.cuda.CUDAGraph()
        step.optimizer.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            step.backward(step.forward())
            step.optimizer.step()
        self._peak_memory_bytes = torch.cuda.max_memory_allocated(device) - others
        self._run = graph.replay

    def peak_memory_bytes(self) -> int:
        """Return the largest memory of this step, without the memory of other networks."""
        return self._peak_memory_bytes

    def _mark(self) -> torch.cuda.Event:
        mark = torch.cuda.Event(enable_timing=True)
        mark.record()
        return mark

    def _seconds(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000

    def _warm_up(self) -> None:
        # PyTorch requires a warm-up on a side stream before a capture (docs, notes/cuda).
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(STEPS_BEFORE_CAPTURE):
                self._run()
        torch.cuda.current_stream().wait_stream(stream)


def _resident_bytes(step: Step) -> int:
    """Return the device memory of the step's tensors before its first run."""
    tensors = [*step.network.parameters(), *step.network.buffers(), step.images, step.labels]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
