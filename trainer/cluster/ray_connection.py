"""Connections to a Ray cluster, and to a Ray that is started by this process."""

import logging
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from trainer.cluster.ray_private import (
    local_cluster_address,
    no_worker_output,
    node_start_timeout,
)

CONNECT_S = 5.0
START_S = 120.0
LAST_PORT = 65535
START_TIMEOUT_MESSAGE = "timed out during startup"  # part of a bare Exception that Ray raises


@contextmanager
def joined(address: str) -> Iterator[None]:
    """Join the cluster at `address` for the duration of the block.

    Raises:
        ValueError: If the address is malformed.
        OSError: If no cluster answers there.
    """
    import ray  # not at the top: a session sets Ray's environment variables before

    try:
        # Ray itself retries for two minutes, prints messages, and then ends the process.
        socket.create_connection(_host_and_port(address), timeout=CONNECT_S).close()
    except OSError as error:
        raise OSError(f"no Ray cluster answers at {address!r}: {error}") from error
    with connected(ray, {"address": address}):
        yield


def _host_and_port(address: str) -> tuple[str, int]:
    """Return host and port of a cluster; "auto" is the cluster of this machine."""
    found = local_cluster_address() if address == "auto" else address.removeprefix("ray://")
    host, _, port = (found or "").rpartition(":")
    if not (host and port.isdecimal() and int(port) <= LAST_PORT):
        raise ValueError(f"address must be host:port or auto, and lead to a Ray, got {address!r}")
    return host.strip("[]"), int(port)


@contextmanager
def connected(ray: Any, options: Mapping[str, Any]) -> Iterator[None]:
    """Connect for the duration of the block; restore the handler of SIGTERM afterwards.

    Args:
        ray: The module.
        options: Options of ``ray.init``.

    Raises:
        OSError: If Ray's processes do not start in time.
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
    try:
        with node_start_timeout(START_S):
            ray.init(**options, logging_level=logging.ERROR, log_to_driver=False)
    except Exception as error:
        if START_TIMEOUT_MESSAGE not in str(error):
            raise
        raise OSError(
            f"Ray's processes did not come up within {START_S:g} s; is this machine overloaded?"
        ) from error
