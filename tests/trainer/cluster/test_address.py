"""Addresses of clusters: malformed ones, and other programs that listen there."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from trainer.cluster import address as module
from trainer.cluster.address import require_cluster

# An HTTP/2 server's first frame (RFC 9113): length 0, type 4, no flags, stream 0.
SETTINGS = bytes.fromhex("000000 04 00 00000000")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    monkeypatch.setattr(module, "cluster_address", lambda given: given)


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """Listen, and send `answer` to each client; None sends nothing. Yield host:port."""
    done = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            if answer is not None:
                connection.sendall(answer)
                return
            done.wait(30)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            done.set()
            thread.join()


def test_a_server_of_http_2_is_taken_for_a_cluster() -> None:
    with answering(SETTINGS) as place:
        require_cluster(place)


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", b"", SETTINGS[:5]],
    ids=["http", "ssh", "closed", "cut"],
)
def test_another_program_is_told_from_a_cluster(answer: bytes) -> None:
    with answering(answer) as place, pytest.raises(OSError, match="no Ray cluster answers at"):
        require_cluster(place)


def test_a_program_that_says_nothing_ends_in_time() -> None:
    with answering(None) as place, pytest.raises(OSError, match=rf"{place}.*timed out"):
        require_cluster(place)


def test_a_port_on_which_nothing_listens_is_an_error() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(OSError, match="Connection refused"):
            require_cluster(place)


def test_no_cluster_on_this_machine_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cluster_address", lambda _given: None)
    with pytest.raises(ValueError, match=r"must be host:port or auto.*got 'auto'"):
        require_cluster("auto")


@pytest.mark.parametrize("place", ["host:abc", "host:", ":6379", "host:99999", "127.0.0.1:-1"])
def test_a_malformed_address_is_refused_by_name(place: str) -> None:
    with pytest.raises(ValueError, match=f"must be host:port or auto.*'{place}'"):
        require_cluster(place)


def test_addresses_of_the_ray_client_are_refused() -> None:
    with pytest.raises(ValueError, match=r"--address ray://host:10001: .* host:6379"):
        require_cluster("ray://host:10001")
