"""Errors of a full device, of which torch has several kinds."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Messages of other errors that mean it: of the CPU's allocator and of CUDA's libraries.
MESSAGES = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether an error means a full device.

    The end of a CUDA graph capture can hide the first error, so its context is searched too.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, torch.OutOfMemoryError):
            return True
        if any(message in str(cause) for message in MESSAGES):
            return True
        cause = cause.__context__
    return False


@contextmanager
def refused_if_out_of_memory(advice: str) -> Iterator[None]:
    """Turn the error of a full device into one line that ends with `advice`.

    Raises:
        ValueError: If the device's memory does not suffice in the block.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise ValueError(f"out of memory, {str(error).splitlines()[0]}; {advice}") from error
