"""Connections to a Ray cluster or to a Ray of this process, and the capacity of its nodes."""

import logging
import math
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainer.cluster.address import require_cluster
from trainer.cluster.ray_private import (
    no_command_line,
    no_handler_of_sigterm,
    no_worker_output,
    node_start_timeout,
    own_modules_only,
    own_process_groups,
    starting_processes,
)

LOCAL = "local"  # the address of a Ray that is started here
START_S = 120.0
STDERR = 2  # file descriptor
START_TIMEOUT_MESSAGE = "timed out during startup"  # part of a bare Exception that Ray raises


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Join the cluster at `address` for the duration of the block.

    Raises:
        ValueError: If the address is malformed.
        OSError: If no cluster answers there.
    """
    require_cluster(address)
    import ray  # not at the top: a session sets Ray's environment variables before

    with connected(ray, {"address": address}):
        yield


@contextmanager
def connected(ray: Any, options: Mapping[str, Any]) -> Iterator[None]:
    """Call ``ray.init`` with `options`, and restore the handler of SIGTERM after the block.

    Raises:
        OSError: If Ray's processes do not start in time, or end while they start.
    """
    handler = signal.getsignal(signal.SIGTERM)
    with no_worker_output():  # a search records a worker's death in its ledger
        try:
            _start(ray, options)
            yield
        finally:
            ray.shutdown()
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)


def _start(ray: Any, options: Mapping[str, Any]) -> None:
    with starting_processes() as processes:
        try:
            with (
                node_start_timeout(START_S, processes),
                no_handler_of_sigterm(),
                no_command_line(),
                own_process_groups(),
                _without_stderr(),
            ):
                ray.init(
                    **options,
                    job_config=own_modules_only(),
                    logging_level=logging.ERROR,
                    log_to_driver=False,
                )
        except Exception as error:
            if name := processes.dead_vital():
                raise OSError(
                    f"Ray's {name} ended while it started: it was killed, or it lacks memory or "
                    "another resource (`ulimit -a` shows the limits)"
                ) from error
            if START_TIMEOUT_MESSAGE in str(error):
                raise OSError(
                    f"Ray's processes did not come up within {START_S:g} s; is this machine "
                    "overloaded?"
                ) from error
            address = options.get("address")
            if address not in (None, LOCAL) and _is_of_ray(error):
                raise OSError(
                    f"could not join the Ray cluster at {address!r}: {error} (does it need a "
                    "token? Ray reads it from RAY_AUTH_TOKEN)"
                ) from error
            raise


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Drop what is written to stderr in the block: Ray's C++ code logs each failed attempt."""
    sys.stderr.flush()
    before = os.dup(STDERR)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), STDERR)
        yield
    finally:
        sys.stderr.flush()
        os.dup2(before, STDERR)
        os.close(before)


def _is_of_ray(error: Exception) -> bool:
    """Return whether Ray refuses to join: another version, or a wrong or missing token."""
    of_python = isinstance(error, RuntimeError | ConnectionError)
    return of_python or type(error).__module__.startswith("ray.")


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
    """Return the capacity of the cluster at `address`: its workers, and the GPUs of each.

    For `gpus_per_worker` None, a worker has 1 GPU if any node has one, else 0.

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
