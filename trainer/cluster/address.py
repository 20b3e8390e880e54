"""Addresses of Ray clusters, and whether a cluster answers there.

Ray itself waits for two minutes for a cluster that does not answer, writes lines of its C++ code
to stderr meanwhile, and then ends the process. So this is found out before Ray is asked.
"""

import os
import socket

from trainer.cluster.ray_private import cluster_address

CONNECT_S = 5.0
ANSWER_S = 15.0
LAST_PORT = 65535
CLIENT = "ray://"

# A cluster's head speaks gRPC, which is HTTP/2. After the client's preface and an empty frame
# of settings, the first frame of a server is its settings (RFC 9113, sections 3.4, 4.1 and 6.5).
_SETTINGS = 4
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0))
_HEADER_BYTES = 9


def require_cluster(address: str) -> None:
    """Check that a server that speaks gRPC answers at the address of a cluster.

    Args:
        address: host:port, or "auto" for the cluster of this machine.

    Raises:
        ValueError: If the address is malformed, or that of a Ray client.
        OSError: If no cluster answers there, within `CONNECT_S` + `ANSWER_S` seconds.
    """
    if address.startswith(CLIENT):
        raise ValueError(
            f"--address {address}: the Ray client (ray://) is not supported; run the command on a "
            "machine of the cluster, with auto or the head's host:6379"
        )
    if address != "auto":
        host_and_port(address)  # refused by name, before Ray reads it
    found = None
    try:
        found = cluster_address(address)
        host, port = host_and_port(found or address)
        with socket.create_connection((host, port), timeout=CONNECT_S) as connection:
            if os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):
                _require_answer(connection)
    except OSError as error:
        where = f"{address!r}" + (f" ({found})" if found not in (None, address) else "")
        raise OSError(f"no Ray cluster answers at {where}: {error}") from error


def _require_answer(connection: socket.socket) -> None:
    connection.settimeout(ANSWER_S)
    connection.sendall(_PREFACE)
    header = b""
    while len(header) < _HEADER_BYTES and (more := connection.recv(_HEADER_BYTES - len(header))):
        header += more
    if len(header) < _HEADER_BYTES or header[3] != _SETTINGS or any(header[5:]):
        raise OSError("another program listens there")


def host_and_port(address: str) -> tuple[str, int]:
    """Return host and port of ``host:port``; an IPv6 host may be in brackets.

    Raises:
        ValueError: If the address has another form.
    """
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and int(port) <= LAST_PORT):
        raise ValueError(
            f"--address must be host:port or auto, and lead to a Ray, got {address!r}"
        )
    return host.strip("[]"), int(port)
