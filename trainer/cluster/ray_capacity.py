"""Capacity of the nodes of a Ray cluster, in workers."""

import math
from collections.abc import Mapping, Sequence

from trainer.cluster.ray_connection import joined


def capacity_note(
    workers: int, gpus_per_worker: float, where: str, *, can_grow: bool = False
) -> str:
    """Check that there is capacity for workers, since Ray would wait for it without end.

    Args:
        workers: Number of workers.
        gpus_per_worker: GPUs of each worker.
        where: Name of the cluster in messages.
        can_grow: Whether nodes may join: then capacity for one worker is enough.

    Returns:
        A note on the workers that wait for a node; empty if none waits.

    Raises:
        ValueError: If the capacity is too small; the message says what it is.
    """
    nodes = _nodes()
    capacity = _capacity(nodes, gpus_per_worker)
    cpus, gpus = (sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU"))
    resources, required = f"{cpus:g} CPUs, {gpus:g} GPUs", 1 if can_grow else workers
    if required > capacity:
        raise ValueError(
            f"{where} has room for {capacity} workers of 1 CPU and {gpus_per_worker:g} GPUs "
            f"({resources}), got workers={required}"
        )
    if workers <= capacity:
        return ""
    return (
        f"{where} has room for {capacity} of {workers} workers ({resources}); "
        "the others start when a node joins"
    )


def cluster_workers(address: str, gpus_per_worker: float | None) -> tuple[int, float]:
    """Return the capacity of a cluster: its workers, and the GPUs of each.

    Args:
        address: Address in the form of ``ray.init``.
        gpus_per_worker: GPUs of each worker; None is 1 if any node has a GPU, else 0.

    Raises:
        ValueError: If the address is malformed.
        OSError: If no cluster answers there.
    """
    with joined(address):
        nodes = _nodes()
        if gpus_per_worker is None:
            gpus_per_worker = float(any(node.get("GPU", 0) >= 1 for node in nodes))
        return _capacity(nodes, gpus_per_worker), gpus_per_worker


def _nodes() -> list[Mapping[str, float]]:
    """Return the resources of every running node."""
    import ray  # not at the top: a session sets Ray's environment variables before

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _capacity(nodes: Sequence[Mapping[str, float]], gpus_per_worker: float) -> int:
    """Return how many workers fit on the nodes."""
    total = 0
    for node in nodes:
        cpus, gpus = int(node.get("CPU", 0)), node.get("GPU", 0.0)
        if gpus_per_worker == 0:
            total += cpus
        elif gpus_per_worker <= 1:
            total += min(cpus, int(gpus) * math.floor(1 / gpus_per_worker + 1e-9))
        else:
            total += min(cpus, math.floor(gpus / gpus_per_worker))
    return total
