"""The processes that share one training: their numbers are added up, their decisions are one."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """This process among the processes of a training, by default the only one.

    With several, torch.distributed must be initialised, and all of them must call the same
    methods in the same order.

    Attributes:
        rank: This process, 0-based; that of rank 0 writes the files.
        size: Processes.
        on_host: How many of them share this host.
        device: Where this process trains, and exchanges numbers.
    """

    rank: int = 0
    size: int = 1
    on_host: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (it is immutable)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum of `values`, on the device, over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Set each of `tensors`, float and on the device, to its mean over all processes."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        parts = self.total(flat).div_(self.size).split([tensor.numel() for tensor in tensors])
        means = [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]
        torch._foreach_copy_(list(tensors), means)

    def any(self, wish: bool) -> bool:
        """Return whether any process has the wish: the same answer for all of them."""
        if self.size == 1:
            return wish
        return bool(self.total(torch.tensor(float(wish), device=self.device)) > 0)

    def distributed(self, network: nn.Module) -> nn.Module:
        """Return `network` such that its gradients are averaged over all processes.

        Its buffers are left alone: the running statistics are averaged by the training step.
        """
        if self.size == 1:
            return network
        with warnings.catch_warnings():  # torch 2.13 has a new name, which 2.11 does not know
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(network, broadcast_buffers=False)

    def values(self, value: int) -> tuple[int, ...]:
        """Return the value of every process, by rank."""
        if self.size == 1:
            return (value,)
        values = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        values[self.rank] = value
        return tuple(self.total(values).tolist())

    def wait(self) -> None:
        """Go on when all processes are here."""
        self.any(False)
