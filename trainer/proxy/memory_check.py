"""Whether a candidate fits its device: predicted before it is built, detected while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from search_space.architecture import Architecture
from trainer.device.memory import device_memory_bytes, predict_training_memory
from trainer.proxy.measurement import InfeasibleError
from trainer.proxy.task import ProxyTask

# Messages of libraries that have no error class for a full device.
OUT_OF_MEMORY = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
)


def check_memory(architecture: Architecture, task: ProxyTask) -> None:
    """Refuse a candidate that cannot fit, before it is built.

    Raises:
        InfeasibleError: If the predicted training memory is above the limit.
    """
    limit = task.memory_limit_bytes
    if limit is None:
        limit = device_memory_bytes(task.device)
    needed = predict_training_memory(
        architecture,
        task.config.image_size,
        task.config.batch_size,
        num_classes=task.images.num_classes,
        precision=task.config.precision,
        optimizer=task.config.optimizer,
        momentum=task.config.momentum,
    )
    if needed > limit:
        raise InfeasibleError(
            f"needs about {needed / 2**30:.1f} GiB to train on batches of "
            f"{task.config.batch_size}, of {limit / 2**30:.1f} GiB"
        )


@contextmanager
def full_device_is_infeasible(device: torch.device) -> Iterator[None]:
    """Turn a full device into an `InfeasibleError`, and free cached memory afterwards."""
    try:
        yield
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        raise InfeasibleError(f"out of memory: {str(error).splitlines()[0]}") from None
    finally:
        if device.type == "cuda":
            torch.cuda.empty_cache()  # the next candidate starts with a clean device


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether an error means a full device.

    The end of a CUDA graph capture can hide the first error, so its context is searched too.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, torch.OutOfMemoryError) or any(
            w in str(cause) for w in OUT_OF_MEMORY
        ):
            return True
        cause = cause.__context__
    return False
