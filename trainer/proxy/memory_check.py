"""Whether a candidate fits its device: predicted before it is built, detected while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from search_space.architecture import Architecture
from trainer.config import ProxyConfig
from trainer.device.gate import DeviceGate, device_key
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


@contextmanager
def device_of_candidate(architecture: Architecture, task: ProxyTask) -> Iterator[DeviceGate]:
    """Seed torch and enter the device's gate for a candidate; free cached memory afterwards.

    Raises:
        InfeasibleError: If the predicted training memory is above the limit, or the device's
            memory does not suffice in the block.
    """
    config, limit = task.config, task.memory_limit_bytes
    if limit is None:
        limit = device_memory_bytes(task.device)
    needed = predict_proxy_memory(architecture, config, task.images.num_classes)
    if needed > limit:
        raise InfeasibleError(
            f"needs about {needed / 2**30:.1f} GiB to train on batches of "
            f"{config.batch_size}, of {limit / 2**30:.1f} GiB"
        )
    torch.manual_seed(config.seed)
    try:
        with DeviceGate(device_key(task.device)) as gate:
            yield gate
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        raise InfeasibleError(f"out of memory: {str(error).splitlines()[0]}") from None
    finally:
        if task.device.type == "cuda":
            torch.cuda.empty_cache()  # the next candidate starts with a clean device


def predict_proxy_memory(architecture: Architecture, config: ProxyConfig, num_classes: int) -> int:
    """Return the predicted memory of a step of the short training, bytes; a lower bound."""
    return predict_training_memory(
        architecture,
        config.image_size,
        config.batch_size,
        num_classes=num_classes,
        precision=config.precision,
        optimizer=config.optimizer,
        momentum=config.momentum,
    )


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether an error means a full device.

    The end of a CUDA graph capture can hide the first error, so its context is searched too.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, torch.OutOfMemoryError):
            return True
        if any(message in str(cause) for message in OUT_OF_MEMORY):
            return True
        cause = cause.__context__
    return False
