"""Ray's private API: every private name of Ray that this project uses, and why.

Written for Ray 2.60. Ray is imported inside the functions, because a session sets Ray's
environment variables before the first import.
"""

import os
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

RAY_VERSION = "2.60"
# (module, attribute) of each private name; a test checks that the installed Ray has all of them.
PRIVATE_NAMES = (
    ("ray._private.ray_constants", "ENABLE_RAY_CLUSTER"),
    ("ray._private.services", "canonicalize_bootstrap_address"),
    ("ray._private.services", "get_node"),
    ("ray._private.services", "start_ray_process"),
    ("ray._private.services", "ConsolePopen"),
    ("ray._private.worker", "_global_node"),
    ("ray._private.worker", "print_to_stdstream"),
    ("ray._private.node", "Node.dead_processes"),
    ("ray.job_config", "JobConfig._serialize"),
    ("ray._private.utils", "set_sigterm_handler"),
    ("ray._private.utils", "get_entrypoint_name"),
)
# Attribute of a JobConfig: the folders that Ray puts first on the workers' path of modules.
WORKER_PATH_ATTRIBUTE = "_py_driver_sys_path"
# Parameter of ray.init: the folder of Ray's own files.
TEMPORARY_FOLDER_OPTION = "_temp_dir"
# Of this project's jobs in Ray's tables.
JOB_NAME = "training-aware-nas"

_VITAL_PROCESSES = ("raylet", "gcs_server")
_RETRY_INTERVAL_S = 0.2


def cluster_address(given: str) -> str | None:
    """Return host:port to which ``ray.init`` connects for the address `given`.

    "auto" is the cluster of this machine, None if there is none. Ray replaces a loopback address
    by another address of this machine.
    """
    from ray._private import services

    address: str | None = services.canonicalize_bootstrap_address(given)
    return address


def dead_vital_process() -> str:
    """Return the name of a dead vital process of a Ray that was started here, or ""."""
    from ray._private import worker

    node = worker._global_node
    dead = node.dead_processes() if node is not None else ()
    return next((name for name, _ in dead if name in _VITAL_PROCESSES), "")


def own_modules_only() -> Any:
    """Return a ``job_config`` for ``ray.init`` with which workers find this project's modules.

    Ray puts the driver's script folder and current folder first on the workers' path. A module
    there would be imported instead of an installed one of the same name: with a ``numpy.py`` in
    the folder of the user, the workers run that. With this configuration Ray puts only the
    folder of this project there, and nothing where the project is installed like other packages.
    """
    from ray.job_config import JobConfig

    class OwnModules(JobConfig):  # type: ignore[misc]
        def _serialize(self) -> Any:
            setattr(self, WORKER_PATH_ATTRIBUTE, folders)
            return super()._serialize()

    root = str(Path(__file__).resolve().parents[2])
    folders = [] if root in map(os.path.realpath, sysconfig.get_paths().values()) else [root]
    return OwnModules()


@contextmanager
def loopback_only() -> Iterator[None]:
    """Let a Ray that starts in the block listen on the loopback interface only.

    The environment variable has no effect where Ray was imported before it was set.
    """
    from ray._private import ray_constants

    with _replaced(ray_constants, "ENABLE_RAY_CLUSTER", value=False):
        yield


@contextmanager
def no_worker_output() -> Iterator[None]:
    """Suppress the workers' output; ``log_to_driver=False`` still prints a worker's death."""
    from ray._private import worker

    with _replaced(worker, "print_to_stdstream", lambda *args, **kwargs: None):  # noqa: ARG005
        yield


@contextmanager
def no_handler_of_sigterm() -> Iterator[None]:
    """Keep the handler of SIGTERM; a Ray that starts would set some that end the process."""
    from ray._private import utils

    with _replaced(utils, "set_sigterm_handler", lambda handler: None):  # noqa: ARG005
        yield


@contextmanager
def no_command_line() -> Iterator[None]:
    """Hide the command line, which Ray records as the name of a job that starts in the block.

    All users of a cluster can read it, with the passwords in it, and Ray fails on a command line
    that is not UTF-8.
    """
    from ray._private import utils

    with _replaced(utils, "get_entrypoint_name", lambda: JOB_NAME):
        yield


class StartingProcesses:
    """The processes that a Ray of this machine has started so far."""

    def __init__(self) -> None:
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []

    def add(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        """Add a process and Ray's name of its kind."""
        self._started.append((name, process))

    def dead_vital(self) -> str:
        """Return the name of a vital process that has ended, or ""."""
        dead = (name for name, process in self._started if process.poll() is not None)
        return next((name for name in dead if name in _VITAL_PROCESSES), "")


@contextmanager
def starting_processes() -> Iterator[StartingProcesses]:
    """Collect the processes that Ray starts in the block.

    Ray has its own list only when it is started completely.
    """
    from ray._private import services

    start, found = services.start_ray_process, StartingProcesses()

    def start_and_add(command: Any, process_type: str, *args: Any, **kwargs: Any) -> Any:
        info = start(command, process_type, *args, **kwargs)
        found.add(process_type, info.process)
        return info

    with _replaced(services, "start_ray_process", start_and_add):
        yield found


@contextmanager
def own_process_groups() -> Iterator[None]:
    """Put the processes that Ray starts in the block into separate process groups.

    A signal to the group of the command, as from ``timeout`` and a terminal that closes, would
    end them before the command has saved its results, and Ray then aborts the command.
    """
    from ray._private import services

    with _replaced(services, "ConsolePopen", partial(services.ConsolePopen, process_group=0)):
        yield


@contextmanager
def node_start_timeout(seconds: float, processes: StartingProcesses) -> Iterator[None]:
    """Wait up to `seconds` for a node that starts in the block, instead of Ray's fixed 30 s.

    Where one of the vital `processes` has died, Ray's error is raised without this wait.
    """
    from ray._private import services

    get_node = services.get_node

    def get_node_with_retries(*args: Any) -> Any:
        """Return the node; Ray calls this in its own loop of 30 s."""
        end = time.monotonic() + seconds
        while True:
            try:
                return get_node(*args)
            except RuntimeError as error:  # the node is not registered yet
                if name := processes.dead_vital():
                    raise ConnectionError(f"{name} ended") from error  # not repeated by Ray
                if time.monotonic() > end:
                    raise
                time.sleep(_RETRY_INTERVAL_S)

    with _replaced(services, "get_node", get_node_with_retries):
        yield


@contextmanager
def _replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)
