"""One batch on a device that is shared with timers."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from trainer.device.gate import DeviceGate


@contextmanager
def device_turn(device: torch.device, gate: DeviceGate | None) -> Iterator[None]:
    """Hold the device shared until what the block computes on it has ended.

    Everything that uses the device belongs into the block: the preparation of a batch too.

    Args:
        device: The device.
        gate: Its gate; None if no timer is waited for, as in a server that has to answer.
    """
    if gate is None:
        yield
        return
    with gate.step():
        yield
        if device.type == "cuda":  # queued kernels must not run in a timer's lease
            torch.cuda.synchronize(device)
