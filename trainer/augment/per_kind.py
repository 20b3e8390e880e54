"""Applying a different operation to each row of a batch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def apply_per_kind(
    op_index: Tensor, ops: Sequence[Callable[..., Tensor]], *inputs: Tensor
) -> Tensor:
    """Apply to each row of the inputs the operation that its index selects.

    On a CPU the rows of one operation are gathered and each operation computes only its own:
    RandAugment has 16 operations and an image needs one. On other devices every operation is
    computed for all rows and one result is kept, because gathering would make the host wait for
    the device and give every batch different shapes. Both ways give the same result.

    Args:
        op_index: (batch,) int64, positions in `ops`.
        ops: Functions of the inputs, or of some of their rows, that treat each row separately.
            All return the same shape and dtype per row, which the result has too.
        inputs: Tensors (batch, ...) of any dtype.
    """
    if not gathers_rows(op_index.device):
        result = ops[0](*inputs)
        for index, op in enumerate(ops[1:], start=1):
            selected = (op_index == index).view(-1, *[1] * (result.ndim - 1))
            result = torch.where(selected, op(*inputs), result)
        return result
    order = op_index.argsort(stable=True)
    counts = op_index.bincount(minlength=len(ops)).tolist()
    groups = zip(*(each.index_select(0, order).split(counts) for each in inputs), strict=True)
    pairs = zip(ops, groups, strict=True)
    results = [op(*group) for op, group in pairs if len(group[0]) or len(op_index) == 0]
    return torch.cat(results).index_select(0, order.argsort())


def gathers_rows(device: torch.device) -> bool:
    """Return whether rows are gathered: only where the host does not wait for the device."""
    return device.type == "cpu"
