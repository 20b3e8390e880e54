"""Whether the loopback interface works, over which the processes of one machine talk."""

import socket

HOST = "127.0.0.1"
CONNECT_S = 5.0


def require_loopback() -> None:
    """Check that processes of this machine can connect to each other.

    Raises:
        OSError: If they cannot. Ray would wait for its own processes for minutes.
    """
    try:
        with socket.create_server((HOST, 0)) as server:
            socket.create_connection(server.getsockname(), timeout=CONNECT_S).close()
    except OSError as error:
        reason = error.strerror or error
        raise OSError(
            f"the loopback interface of this machine does not work ({HOST}: {reason}); several "
            "processes cannot talk without it: bring it up, as with `ip link set lo up`"
        ) from error
