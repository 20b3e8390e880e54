"""How many workers the nodes of a Ray have room for."""

import math
from collections.abc import Mapping

from trainer.cluster.ray_connection import joined


def require_room(workers: int, gpus_per_worker: float, where: str) -> None:
    """Refuse workers that Ray would keep waiting for ever.

    Raises:
        ValueError: If there is not room for all of them; says for how many there is.
    """
    room, resources = _room(gpus_per_worker)
    if workers > room:
        raise ValueError(
            f"{where} has room for {room} workers of 1 CPU and {gpus_per_worker:g} GPUs "
            f"({resources}), got workers={workers}"
        )


def waiting_note(workers: int, gpus_per_worker: float, where: str) -> str:
    """Return what to say of workers that wait until a cluster grows; empty if none has to.

    Raises:
        ValueError: If there is no room for a single one.
    """
    require_room(1, gpus_per_worker, where)
    room, resources = _room(gpus_per_worker)
    if workers <= room:
        return ""
    return (
        f"{where} has room for {room} of {workers} workers ({resources}); "
        "the others start when a node joins"
    )


def cluster_workers(address: str, gpus_per_worker: float | None) -> tuple[int, float]:
    """Return what a cluster has room for: workers, and GPUs of each.

    Args:
        address: As ``ray.init`` names it.
        gpus_per_worker: GPUs of each; None is 1 where a node has a GPU, else 0.

    Raises:
        ValueError: If the address is none.
        OSError: If no cluster answers there.
    """
    with joined(address):
        if gpus_per_worker is None:
            gpus_per_worker = float(any(node.get("GPU", 0) >= 1 for node in _nodes()))
        return _room(gpus_per_worker)[0], gpus_per_worker


def _room(gpus_per_worker: float) -> tuple[int, str]:
    """Return the workers that fit, and what there is, in words."""
    nodes = _nodes()
    cpus, gpus = (sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU"))
    return sum(_workers_on(n, gpus_per_worker) for n in nodes), f"{cpus:g} CPUs, {gpus:g} GPUs"


def _nodes() -> list[Mapping[str, float]]:
    import ray  # here, because a session sets Ray's environment before Ray is imported

    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _workers_on(node: Mapping[str, float], gpus_per_worker: float) -> int:
    cpus, gpus = int(node.get("CPU", 0)), node.get("GPU", 0.0)
    if gpus_per_worker == 0:
        return cpus
    if gpus_per_worker <= 1:
        return min(cpus, int(gpus) * math.floor(1 / gpus_per_worker + 1e-9))
    return min(cpus, math.floor(gpus / gpus_per_worker))
