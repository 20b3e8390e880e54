"""A training step on a GPU: captured once as a CUDA graph, timed with device events.

At the small images of a search an eager step is bound by the host that launches its kernels,
and its wall time would count kernels, not work. A replayed graph has no such overhead.
"""

import torch

from trainer.timing.training_step import Step

# Steps before the capture, on a side stream: cuDNN chooses its kernels, buffers are made.
STEPS_BEFORE_CAPTURE = 3


class CudaGraphStep:
    """Times replays of the whole step, optimizer included, as one CUDA graph."""

    clock = "cuda_event"

    def __init__(self, step: Step) -> None:
        self._step = step
        self._device = step.images.device
        step.network.train()
        with torch.cuda.device(self._device):
            others = torch.cuda.memory_allocated(self._device) - _resident_bytes(step)
            self._warm_up()
            torch.cuda.reset_peak_memory_stats(self._device)
            self._graph = torch.cuda.CUDAGraph()
            step.optimizer.zero_grad(set_to_none=True)
            with torch.cuda.graph(self._graph):
                step.backward(step.forward())
                step.optimizer.step()
            self._peak_memory_bytes = torch.cuda.max_memory_allocated(self._device) - others

    def block(self, steps: int) -> float:
        """Return device seconds per step over `steps` replays."""
        with torch.cuda.device(self._device):
            start = torch.cuda.Event(enable_timing=True)
            end = torch.cuda.Event(enable_timing=True)
            start.record()
            for _ in range(steps):
                self._graph.replay()
            end.record()
            end.synchronize()
        return float(start.elapsed_time(end)) / 1000 / steps

    def parts(self, steps: int) -> tuple[float, float, float]:
        """Return mean device seconds of forward with loss, backward and update, run eagerly."""
        step, totals = self._step, [0.0, 0.0, 0.0]
        with torch.cuda.device(self._device):
            for _ in range(steps):
                marks = [torch.cuda.Event(enable_timing=True) for _ in range(4)]
                step.optimizer.zero_grad(set_to_none=True)
                marks[0].record()
                loss = step.forward()
                marks[1].record()
                step.backward(loss)
                marks[2].record()
                step.optimizer.step()
                marks[3].record()
                marks[3].synchronize()
                for part in range(3):
                    totals[part] += marks[part].elapsed_time(marks[part + 1]) / 1000
        forward, backward, update = (total / steps for total in totals)
        return forward, backward, update

    def peak_memory_bytes(self) -> int:
        """Return the largest memory that this step needed, other networks' left out."""
        return self._peak_memory_bytes

    def _warm_up(self) -> None:
        # PyTorch asks for a warm-up on a side stream before a capture (docs, notes/cuda).
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(STEPS_BEFORE_CAPTURE):
                self._step.run()
        torch.cuda.current_stream().wait_stream(stream)


def _resident_bytes(step: Step) -> int:
    """Return what of the step lies on the device before it first runs."""
    tensors = [*step.network.parameters(), *step.network.buffers(), step.images, step.labels]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
