"""The images and the device of a worker."""

import platform
from pathlib import Path

import torch

from nas.settings.config import SearchConfig
from search_space.space import SearchSpace
from trainer.data.prepare import open_or_prepare
from trainer.device.host_memory import worker_memory_bytes
from trainer.device.memory import device_memory_bytes
from trainer.proxy.task import ProxyTask


def proxy_task(config: SearchConfig, space: SearchSpace, images: Path) -> ProxyTask:
    """Return what every candidate is trained on, with the images opened in this process.

    Args:
        config: The search's settings.
        space: Its reference network is the one that step times are relative to.
        images: Folder of the decoded images; a node without access to it decodes its own copy,
            which must be the same, because accuracies on other images are not comparable.

    Raises:
        OSError: If the images cannot be read, or this node's copy differs.
    """
    try:
        cached = open_or_prepare(images, config.data, config.proxy.image_size, config.reading)
    except ValueError as error:
        raise OSError(f"node {platform.node()} cannot use the images: {error}") from error
    return ProxyTask(
        config=config.proxy,
        images=cached,
        reference=space.reference(),
        device=torch.device("cuda" if config.gpus_per_worker > 0 else "cpu"),
        memory_limit_bytes=memory_share_bytes(config),
    )


def memory_share_bytes(config: SearchConfig) -> int:
    """Return the memory of one worker, bytes: its share of its GPU, or of this host."""
    if config.gpus_per_worker > 0:
        return int(device_memory_bytes(torch.device("cuda")) * min(config.gpus_per_worker, 1.0))
    return worker_memory_bytes(config.workers)
