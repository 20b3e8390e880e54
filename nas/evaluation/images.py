"""The images and the device of a worker."""

import platform
from pathlib import Path

import torch

from nas.settings.config import SearchConfig
from search_space.space import SearchSpace
from trainer.data.cache.images import CachedImages, open_cache
from trainer.data.prepare import prepare
from trainer.device.host_memory import worker_memory_bytes
from trainer.device.memory import device_memory_bytes
from trainer.proxy.task import ProxyTask


def proxy_task(config: SearchConfig, space: SearchSpace, images: Path) -> ProxyTask:
    """Return what every candidate is trained on, with the images opened in this process.

    Args:
        config: The search's settings.
        space: Its reference network is the one that step times are relative to.
        images: Folder of the decoded images; a node without access to it decodes its own copy.

    Raises:
        OSError: If the images cannot be read, or this node's copy differs.
    """
    try:
        cached = open_cache(images)
    except FileNotFoundError:
        cached = _own_copy(config, images)
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


def _own_copy(config: SearchConfig, images: Path) -> CachedImages:
    """Decode this node's own copy of the images; with other images accuracies do not compare.

    Raises:
        OSError: If it cannot be made, or its content differs from the driver's.
    """
    node = platform.node()
    try:
        cached = prepare(config.data, config.proxy.image_size)
    except ValueError as error:
        raise OSError(f"node {node} cannot read the images: {error}") from error
    if cached.path.name != images.name:  # the name is a digest of the content
        raise OSError(
            f"node {node} has other images at {config.data!r} than the driver: content "
            f"{cached.path.name}, expected {images.name}"
        )
    return cached
