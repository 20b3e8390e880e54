"""The connection to a Ray: of our own or of somebody's cluster, and how it is held."""

import logging
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

CONNECT_S = 5.0
START_S = 120.0
LAST_PORT = 65535
LATE = "timed out during startup"  # in what Ray raises, a bare Exception
VITAL = ("raylet", "gcs_server")  # Ray's processes without which nothing goes on


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Join the cluster at `address` for the block.

    Raises:
        ValueError: If the address is none.
        OSError: If no cluster answers there.
    """
    import ray  # here, so that a Ray of our own finds its environment set

    try:
        # Ray itself tries for two minutes, aloud, and then ends the process.
        socket.create_connection(_host_and_port(address), timeout=CONNECT_S).close()
    except OSError as error:
        raise OSError(f"no Ray cluster answers at {address!r}: {error}") from error
    with connected(ray, {"address": address}):
        yield


def _host_and_port(address: str) -> tuple[str, int]:
    """Return where a cluster's address leads; "auto" is the one that runs on this machine."""
    from ray._private import services

    found: str | None = address.removeprefix("ray://")
    if address == "auto":
        found = services.canonicalize_bootstrap_address(address)
    host, _, port = (found or "").rpartition(":")
    if not (host and port.isdecimal() and int(port) <= LAST_PORT):
        raise ValueError(f"address must be host:port or auto, and lead to a Ray, got {address!r}")
    return host.strip("[]"), int(port)


@contextmanager
def connected(ray: Any, options: Mapping[str, Any]) -> Iterator[None]:
    """Hold a connection, and give back what Ray takes for itself: SIGTERM, and the console.

    Args:
        ray: The module.
        options: Of ``ray.init``.

    Raises:
        OSError: If Ray's processes do not come up in time.
    """
    from ray._private import worker

    handler, printer = signal.getsignal(signal.SIGTERM), worker.print_to_stdstream
    # A worker's death is in the ledger; log_to_driver=False does not keep Ray from printing it.
    worker.print_to_stdstream = lambda *args, **kwargs: None  # noqa: ARG005
    try:
        _start(ray, options)
        yield
    finally:
        ray.shutdown()
        worker.print_to_stdstream = printer
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)


def dead_process() -> str:
    """Return which vital process of a Ray that was started here has died; else nothing."""
    from ray._private import worker

    node = worker._global_node
    dead = node.dead_processes() if node is not None else ()
    return next((name for name, _ in dead if name in VITAL), "")


def _start(ray: Any, options: Mapping[str, Any]) -> None:
    """Call ``ray.init``; a machine too busy for it is not our fault, and gets no traceback."""
    try:
        with patience():
            ray.init(**options, logging_level=logging.ERROR, log_to_driver=False)
    except Exception as error:
        if LATE not in str(error):
            raise
        raise OSError(
            f"Ray's processes did not come up within {START_S:g} s; is this machine overloaded?"
        ) from error


@contextmanager
def patience() -> Iterator[None]:
    """Let nodes that start in the block have longer than the 30 s that Ray always allows."""
    from ray._private import services

    find = services.get_node

    def find_patiently(*args: Any) -> Any:
        """Look for the node that is starting until it is there; Ray's own loop is around it."""
        end = time.monotonic() + START_S
        while True:
            try:
                return find(*args)
            except RuntimeError:  # not there yet
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    services.get_node = find_patiently
    try:
        yield
    finally:
        services.get_node = find
