"""The processes that share one training, and their collective operations."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """This process among the processes of a training, by default a single one.

    With several processes torch.distributed must be initialised, and all of them must call the
    same methods in the same order.

    Attributes:
        rank: Number of this process, from 0; only rank 0 writes files.
        size: Number of processes.
        on_host: Number of them on this host.
        device: Device on which this process trains and communicates.
    """

    rank: int = 0
    size: int = 1
    on_host: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 (it is immutable)

    def total(self, values: Tensor) -> Tensor:
        """Return the sum over all processes of `values`, a tensor of any shape on the device."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Set each of `tensors`, float tensors of any shape, to its mean over all processes."""
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        parts = self.total(flat).div_(self.size).split([tensor.numel() for tensor in tensors])
        means = [part.view_as(tensor) for part, tensor in zip(parts, tensors, strict=True)]
        torch._foreach_copy_(list(tensors), means)

    def any(self, flag: bool) -> bool:
        """Return, in every process, whether `flag` is set in any of them."""
        if self.size == 1:
            return flag
        return bool(self.total(torch.tensor(float(flag), device=self.device)) > 0)

    def gather(self, value: int) -> tuple[int, ...]:
        """Return `value` of every process, by rank."""
        if self.size == 1:
            return (value,)
        values = torch.zeros(self.size, dtype=torch.int64, device=self.device)
        values[self.rank] = value
        return tuple(self.total(values).tolist())

    def barrier(self) -> None:
        """Wait until all processes have reached this call."""
        self.any(False)

    def data_parallel(self, network: nn.Module) -> nn.Module:
        """Return a module whose backward pass averages the gradients over all processes.

        Buffers are not synchronised: the training step averages the running statistics.
        """
        if self.size == 1:
            return network
        with warnings.catch_warnings():  # torch 2.13 has a new name, which 2.11 does not know
            warnings.simplefilter("ignore", FutureWarning)
            return DistributedDataParallel(network, broadcast_buffers=False)
