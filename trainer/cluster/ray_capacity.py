"""Capacity of the nodes of a Ray cluster, in workers."""

import math
from collections.abc import Mapping

from trainer.cluster.ray_connection import joined


def require_capacity(workers: int, gpus_per_worker: float, where: str) -> None:
    """Refuse workers for which Ray would wait without end.

    Raises:
        ValueError: If the capacity is below `workers`; the message says what it is.
    """
    capacity, resources = _capacity(gpus_per_worker)
    if workers > capacity:
        raise ValueError(
            f"{where} has room for {capacity} workers of 1 CPU and {gpus_per_worker:g} GPUs "
            f"({resources}), got workers={workers}"
        )


def capacity_note(workers: int, gpus_per_worker: float, where: str) -> str:
    """Return a note on the workers that wait until the cluster grows; empty if none waits.

    Raises:
        ValueError: If the capacity is zero.
    """
    require_capacity(1, gpus_per_worker, where)
    capacity, resources = _capacity(gpus_per_worker)
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
        if gpus_per_worker is None:
            gpus_per_worker = float(any(node.get("GPU", 0) >= 1 for node in _nodes()))
        return _capacity(gpus_per_worker)[0], gpus_per_worker


def _capacity(gpus_per_worker: float) -> tuple[int, str]:
    """Return how many workers fit, and the cluster's resources as text."""
    nodes = _nodes()
    cpus, gpus = (sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU"))
    return sum(_workers_on(n, gpus_per_worker) for n in nodes), f"{cpus:g} CPUs, {gpus:g} GPUs"


def _nodes() -> list[Mapping[str, float]]:
    import ray  # not at the top: a session sets Ray's environment variables before

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _workers_on(node: Mapping[str, float], gpus_per_worker: float) -> int:
    cpus, gpus = int(node.get("CPU", 0)), node.get("GPU", 0.0)
    if gpus_per_worker == 0:
        return cpus
    if gpus_per_worker <= 1:
        return min(cpus, int(gpus) * math.floor(1 / gpus_per_worker + 1e-9))
    return min(cpus, math.floor(gpus / gpus_per_worker))
