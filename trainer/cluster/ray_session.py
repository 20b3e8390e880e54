"""A Ray of our own, private and quiet, for as long as a search needs it; or a cluster to join."""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from trainer.cluster.private_folder import private_folder
from trainer.cluster.ray_capacity import require_room, waiting_note
from trainer.cluster.ray_connection import connected, dead_process, joined

OBJECT_STORE_BYTES = 256 * 2**20  # candidates and outcomes are small; images are memory-mapped

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
        note: What a user should know of it, such as that some workers wait for room; or empty.
    """

    workers: int
    gpus_per_worker: float = 0.0
    folder: Path | None = None
    note: str = ""

    def require_alive(self) -> None:
        """See that Ray's own processes live, where they were started for this session.

        Raises:
            OSError: If one died. Ray would end this process for it some seconds later, mostly
                without a word of why.
        """
        if name := dead_process():
            raise OSError(
                f"Ray's {name} died: killed, out of memory, or by `ray stop`; nothing that "
                f"finished is lost, and the same command goes on"
            )


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
    file behind. None of that is imposed on a cluster that is joined; workers that it has no
    room for yet start when a node joins it.

    Args:
        workers: Candidates at once, each on one CPU.
        gpus_per_worker: GPUs of each worker: a fraction, or a whole number.
        address: A cluster as ``ray.init`` names it, such as "auto" or "host:6379".
        dashboard: Whether our own Ray serves its dashboard on localhost.
        logical_cpus: CPUs that our own Ray takes this machine to have; None counts them.

    Raises:
        ValueError: If there is not room for the workers, on a cluster for a single one; or if
            no dashboard is installed.
        OSError: If no private folder can be made, or the cluster cannot be reached.
    """
    _require_sensible(workers, gpus_per_worker)
    if address is not None:
        with joined(address):
            note = waiting_note(workers, gpus_per_worker, f"the cluster at {address}")
            yield RaySession(workers=workers, gpus_per_worker=gpus_per_worker, note=note)
        return
    cpus = logical_cpus or len(os.sched_getaffinity(0))
    if workers > cpus:
        raise ValueError(f"workers must be <= {cpus}, the CPUs of this machine, got {workers}")
    with private_folder() as folder, _started(folder, cpus=cpus, dashboard=dashboard):
        require_room(workers, gpus_per_worker, "this machine")
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
        with connected(ray, options):
            yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = several_nodes


def _require_sensible(workers: int, gpus_per_worker: float) -> None:
    if workers < 1:
        raise ValueError(f"workers must be >= 1, got {workers!r}")
    if gpus_per_worker < 0 or (gpus_per_worker > 1 and gpus_per_worker % 1):
        raise ValueError(
            f"gpus_per_worker must be in [0, 1] or a whole number, got {gpus_per_worker!r}"
        )


def _require_dashboard() -> None:
    from importlib.util import find_spec

    if find_spec("aiohttp_cors") is None:
        raise ValueError("the dashboard needs ray[default]: pip install -e '.[dashboard]'")
