"""A Ray of our own, private and quiet, for as long as a search needs it; or a cluster to join."""

import logging
import math
import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.private_folder import private_folder

OBJECT_STORE_BYTES = 256 * 2**20  # candidates and outcomes are small; images are memory-mapped
CONNECT_S = 5.0

# Ray reads these when it is imported and when it starts its processes.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Oddly named: where 0, a single-node Ray listens on the loopback interface only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_worker_niceness": "0",  # 15 by default, which spoils CPU timing
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RaySession:
    """A running Ray with room for the workers.

    Attributes:
        workers: Candidates at once, each on one CPU.
        gpus_per_worker: GPUs of each; a fraction shares one.
        folder: Private folder that goes away with the session; None on a foreign cluster.
    """

    workers: int
    gpus_per_worker: float = 0.0
    folder: Path | None = None


@contextmanager
def ray_session(
    *,
    workers: int,
    gpus_per_worker: float = 0.0,
    address: str | None = None,
    dashboard: bool = False,
    logical_cpus: int | None = None,
) -> Iterator[RaySession]:
    """Start Ray for the block, or join the cluster at `address`.

    A Ray of our own listens on the loopback interface only, wants a secret token that only
    its processes know, sends no usage statistics, shows nothing on the console, and leaves no
    file behind. None of that is imposed on a cluster that is joined.

    Args:
        workers: Candidates at once, each on one CPU.
        gpus_per_worker: GPUs of each worker: a fraction, or a whole number.
        address: A cluster as ``ray.init`` names it, such as "auto" or "host:6379".
        dashboard: Whether our own Ray serves its dashboard on localhost.
        logical_cpus: CPUs that our own Ray takes this machine to have; None counts them.

    Raises:
        ValueError: If there is not room for the workers, or no dashboard is installed.
        OSError: If no private folder can be made, or the cluster cannot be reached.
    """
    _require_sensible(workers, gpus_per_worker)
    if address is not None:
        with _joined(address):
            _require_room(workers, gpus_per_worker, f"the cluster at {address}")
            yield RaySession(workers=workers, gpus_per_worker=gpus_per_worker)
        return
    cpus = logical_cpus or len(os.sched_getaffinity(0))
    if workers > cpus:
        raise ValueError(f"workers must be <= {cpus}, the CPUs of this machine, got {workers}")
    with private_folder() as folder, _started(folder, cpus=cpus, dashboard=dashboard):
        _require_room(workers, gpus_per_worker, "this machine")
        yield RaySession(workers=workers, gpus_per_worker=gpus_per_worker, folder=folder)


@contextmanager
def _started(folder: Path, *, cpus: int, dashboard: bool) -> Iterator[None]:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # In the environment the token reaches Ray's processes and nobody else; left to itself Ray
    # writes it to ~/.ray for all to read. It stays: Ray keeps the first one of a process.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    logging.getLogger("ray").setLevel(logging.ERROR)
    import ray  # here, because it reads the environment when it is imported
    from ray._private import ray_constants

    several_nodes = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False  # for whoever imported Ray before us
    if dashboard:
        _require_dashboard()
    options = {
        "address": "local",  # never a cluster that happens to be about
        "num_cpus": cpus,
        "include_dashboard": dashboard,
        "object_store_memory": OBJECT_STORE_BYTES,
        "_temp_dir": str(folder / "r"),  # Ray opens this one to everybody; `folder` is shut
    }
    try:
        with _connected(ray, options):
            yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = several_nodes


@contextmanager
def _joined(address: str) -> Iterator[None]:
    import ray  # here, so that a Ray of our own finds its environment set

    try:
        # Ray itself tries for two minutes, aloud, and then ends the process.
        socket.create_connection(_host_and_port(address), timeout=CONNECT_S).close()
    except OSError as error:
        raise OSError(f"no Ray cluster answers at {address!r}: {error}") from error
    with _connected(ray, {"address": address}):
        yield


def _host_and_port(address: str) -> tuple[str, int]:
    """Return where a cluster's address leads; "auto" is the one that runs on this machine."""
    from ray._private import services

    if address.startswith("ray://"):
        found: str | None = address.removeprefix("ray://")
    else:
        found = services.canonicalize_bootstrap_address(address)
    if not found:
        raise ValueError(f"address must be host:port or auto, and lead to a Ray, got {address!r}")
    host, _, port = found.rpartition(":")
    return host.strip("[]"), int(port)


@contextmanager
def _connected(ray: Any, options: Mapping[str, Any]) -> Iterator[None]:
    """Hold a connection, and give back what Ray takes for itself: SIGTERM, and the console."""
    from ray._private import worker

    handler, printer = signal.getsignal(signal.SIGTERM), worker.print_to_stdstream
    # A worker's death is in the ledger; log_to_driver=False does not keep Ray from printing it.
    worker.print_to_stdstream = lambda *args, **kwargs: None  # noqa: ARG005
    try:
        ray.init(**options, logging_level=logging.ERROR, log_to_driver=False)
        yield
    finally:
        ray.shutdown()
        worker.print_to_stdstream = printer
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def _require_sensible(workers: int, gpus_per_worker: float) -> None:
    if workers < 1:
        raise ValueError(f"workers must be >= 1, got {workers!r}")
    if gpus_per_worker < 0 or (gpus_per_worker > 1 and gpus_per_worker % 1):
        raise ValueError(
            f"gpus_per_worker must be in [0, 1] or a whole number, got {gpus_per_worker!r}"
        )


def _require_room(workers: int, gpus_per_worker: float, where: str) -> None:
    """Refuse workers that Ray would keep waiting for ever."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    room = sum(_workers_on(node, gpus_per_worker) for node in nodes)
    if workers > room:
        cpus, gpus = (sum(node.get(name, 0) for node in nodes) for name in ("CPU", "GPU"))
        raise ValueError(
            f"{where} has room for {room} workers of 1 CPU and {gpus_per_worker:g} GPUs "
            f"({cpus:g} CPUs, {gpus:g} GPUs), got workers={workers}"
        )


def _workers_on(node: Mapping[str, float], gpus_per_worker: float) -> int:
    cpus, gpus = int(node.get("CPU", 0)), node.get("GPU", 0.0)
    if gpus_per_worker == 0:
        return cpus
    if gpus_per_worker <= 1:
        return min(cpus, int(gpus) * math.floor(1 / gpus_per_worker + 1e-9))
    return min(cpus, math.floor(gpus / gpus_per_worker))


def _require_dashboard() -> None:
    from importlib.util import find_spec

    if find_spec("aiohttp_cors") is None:
        raise ValueError("the dashboard needs ray[default]: pip install -e '.[dashboard]'")
