"""Change each image of a batch in its own way, as it suits the device."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Change = Callable[..., Tensor]


def change_by_kind(kinds: Tensor, changes: Sequence[Change], *inputs: Tensor) -> Tensor:
    """Return, for each row of the inputs, what the change of its kind makes of it.

    On a CPU rows of one kind are brought together and each change sees its own alone:
    RandAugment has 16 operations and an image needs one. Elsewhere every change is computed for
    all rows and one result is kept, because bringing rows together would make the host wait for
    the device and give every batch other shapes. Both ways give the same result.

    Args:
        kinds: (batch,) int64, the place in `changes`.
        changes: Each called with the inputs, all or some rows of them; row by row, and all of
            them return the same shape and type for a row.
        inputs: (batch, ...) each.
    """
    if not gathers_rows(kinds.device):
        result = changes[0](*inputs)
        for kind, change in enumerate(changes[1:], start=1):
            is_kind = (kinds == kind).view(-1, *[1] * (result.ndim - 1))
            result = torch.where(is_kind, change(*inputs), result)
        return result
    order = kinds.argsort(stable=True)
    counts = kinds.bincount(minlength=len(changes)).tolist()
    groups = zip(*(each.index_select(0, order).split(counts) for each in inputs), strict=True)
    changed = [
        change(*group)
        for change, group in zip(changes, groups, strict=True)
        if len(group[0]) or len(kinds) == 0
    ]
    return torch.cat(changed).index_select(0, order.argsort())


def gathers_rows(device: torch.device) -> bool:
    """Tell whether rows may be brought together: only where nothing has to be waited for."""
    return device.type == "cpu"
