"""A machine without a loopback interface."""

import errno
import socket

import pytest

from trainer.cluster.loopback import require_loopback
from trainer.cluster.ray_session import ray_session


def test_the_interface_of_this_machine_works() -> None:
    require_loopback()


def test_a_session_is_refused_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*args: object, **options: object) -> socket.socket:
        raise OSError(errno.ENETUNREACH, "Network is unreachable")

    monkeypatch.setattr("socket.create_connection", unreachable)
    message = r"loopback interface .* \(127.0.0.1: Network is unreachable\).*ip link set lo up"
    with pytest.raises(OSError, match=message), ray_session(workers=1):
        pass
