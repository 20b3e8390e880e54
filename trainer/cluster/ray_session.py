"""A Ray session: a private Ray on this machine, or the connection to a cluster."""

import logging
import os
import resource
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from search_space.checks import require
from search_space.command_line.command import print_note
from search_space.command_line.waiting import said_if_slow
from trainer.cluster.loopback import require_loopback
from trainer.cluster.ray_connection import LOCAL, capacity_note, connected, joined
from trainer.cluster.ray_private import (
    TEMPORARY_FOLDER_OPTION,
    dead_vital_process,
    loopback_only,
)
from trainer.machine.cpus import available_cpus
from trainer.machine.temporary_folder import RAY, temporary_folder

OBJECT_STORE_BYTES = 256 * 2**20  # candidates and outcomes are small; images are memory-mapped

# Ray reads these when it is imported and when it starts its processes.
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # With 0 a single-node Ray listens on the loopback interface only, on any system.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_worker_niceness": "0",  # 15 by default, which spoils CPU timing
}
# Ray's Python processes end when they start with it: they use docstrings, which level 2 removes.
UNUSABLE = ("PYTHONOPTIMIZE",)


@dataclass(frozen=True, slots=True, kw_only=True)
class RaySession:
    """A running Ray with capacity for the workers.

    Attributes:
        workers: Workers that run at the same time, each on one CPU.
        gpus_per_worker: GPUs of each worker; several workers can share one by a fraction.
        folder: Private folder that is removed after the session; None on a joined cluster.
        note: Text for the user, such as that some workers wait for a node; may be empty.
    """

    workers: int
    gpus_per_worker: float = 0.0
    folder: Path | None = None
    note: str = ""

    def require_alive(self) -> None:
        """Check that the processes of a Ray that this session started are running.

        Raises:
            OSError: If one died. Ray would end this process some seconds later, mostly without
                a message.
        """
        if name := dead_vital_process():
            raise OSError(
                f"Ray's {name} died: killed, out of memory, or by `ray stop`; finished results "
                f"are saved, and the same command continues the run"
            )


@contextmanager
def ray_session(
    *,
    workers: int,
    gpus_per_worker: float = 0.0,
    address: str | None = None,
    dashboard: bool = False,
    logical_cpus: int | None = None,
    say: Callable[[str], None] = print_note,
) -> Iterator[RaySession]:
    """Start Ray for the duration of the block, or join the cluster at `address`.

    A Ray that is started here listens on the loopback interface only, requires a secret token
    that only its processes know, sends no usage statistics, prints nothing, and leaves no file.
    None of this applies to a joined cluster; workers beyond its capacity start when a node joins.

    Args:
        workers: Workers that run at the same time, each on one CPU, >= 1.
        gpus_per_worker: GPUs of each worker: a fraction, or a whole number.
        address: Address of a cluster in the form of ``ray.init``: "auto" or "host:6379".
        dashboard: Whether a Ray that is started here serves its dashboard on localhost.
        logical_cpus: CPUs of a Ray that is started here; None counts those that this
            process can use, see `available_cpus`.
        say: Receives a line if the start takes more than a moment.

    Raises:
        ValueError: If the capacity is too small: of this machine for all workers, of a cluster
            for a single one; or if no dashboard is installed.
        OSError: If the private folder cannot be made, or the cluster cannot be reached.
    """
    require(workers >= 1, "workers", ">= 1", workers)
    valid = 0 <= gpus_per_worker <= 1 or (gpus_per_worker > 1 and gpus_per_worker % 1 == 0)
    require(valid, "gpus_per_worker", "in [0, 1] or a whole number", gpus_per_worker)
    if address is not None:
        where = f"the cluster at {address}"
        with ExitStack() as stack:
            with said_if_slow(f"waiting for {where}", say):
                stack.enter_context(joined(address))
            note = capacity_note(workers, gpus_per_worker, where, can_grow=True)
            yield RaySession(workers=workers, gpus_per_worker=gpus_per_worker, note=note)
        return
    cpus = logical_cpus or available_cpus()
    if workers > cpus:
        raise ValueError(
            f"--workers must be <= {cpus}, the CPUs that this process can use, got {workers}"
        )
    require_loopback()
    with ExitStack() as stack:
        folder = stack.enter_context(temporary_folder(RAY))
        with said_if_slow("waiting for Ray to start", say):
            stack.enter_context(_started(folder, cpus=cpus, dashboard=dashboard))
        capacity_note(workers, gpus_per_worker, "this machine")
        yield RaySession(workers=workers, gpus_per_worker=gpus_per_worker, folder=folder)


@contextmanager
def _started(folder: Path, *, cpus: int, dashboard: bool) -> Iterator[None]:
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # The environment gives the token to Ray's processes only; by default Ray writes it to ~/.ray,
    # which others can read. It is not removed: Ray keeps the first token of a process.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    logging.getLogger("ray").setLevel(logging.ERROR)
    import ray  # not at the top: it reads the environment when it is imported

    if dashboard and find_spec("aiohttp_cors") is None:
        raise ValueError("the dashboard needs ray[default]: pip install -e '.[dashboard]'")
    options = {
        "address": LOCAL,  # never a cluster that happens to run on this machine
        "num_cpus": cpus,
        "include_dashboard": dashboard,
        "object_store_memory": OBJECT_STORE_BYTES,
        # Ray makes its own folder readable for all users, and `folder` is not.
        TEMPORARY_FOLDER_OPTION: str(folder / "r"),
    }
    require_file_size()
    with without(UNUSABLE), loopback_only(), connected(ray, options):
        yield


def require_file_size() -> None:
    """Check that Ray may make the file of its object store; it would wait for it without a line.

    Raises:
        OSError: If the limit of the process on the size of files is too small.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit != resource.RLIM_INFINITY and limit < OBJECT_STORE_BYTES:
        raise OSError(
            f"files may have {limit / 2**20:.4g} MiB (ulimit -f), and Ray needs "
            f"{OBJECT_STORE_BYTES / 2**20:g} MiB; raise the limit"
        )


@contextmanager
def without(names: Sequence[str]) -> Iterator[None]:
    """Remove variables from the environment for the duration of the block."""
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)
