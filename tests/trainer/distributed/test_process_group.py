"""How workers find each other: by a private file, or by a port of one address."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from tests.toys.listeners import listening_on
from trainer.distributed.process_group import Place, interface_of, join, listen


@pytest.fixture
def _group(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the process group after the test, and restore the environment."""
    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("ray.util.get_node_ip_address", lambda: "127.0.0.1")
    yield
    dist.destroy_process_group()


def sum_of_one() -> float:
    """Return the sum over a group of one process."""
    value = torch.tensor([3.0])
    dist.all_reduce(value)
    return value.item()


@pytest.mark.usefixtures("_group")
def test_a_file_in_the_private_folder_opens_no_port_to_others(tmp_path: Path) -> None:
    before = listening_on(os.getpid())
    join(Place(file=str(tmp_path / "store")), "gloo", 0, 1)
    assert sum_of_one() == 3.0
    opened = listening_on(os.getpid()) - before
    assert {host for host, _ in opened} <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    assert os.environ["GLOO_SOCKET_IFNAME"] == os.environ["NCCL_SOCKET_IFNAME"] == "lo"


@pytest.mark.usefixtures("_group")
def test_a_store_on_a_cluster_listens_on_the_address_of_its_node() -> None:
    place = listen()
    assert (place.host, place.port) in listening_on(os.getpid())
    join(place, "gloo", 0, 1)
    assert sum_of_one() == 3.0
    hosts = {host for host, port in listening_on(os.getpid()) if port == place.port}
    assert hosts == {"127.0.0.1"}


@pytest.mark.usefixtures("_group")
def test_an_interface_that_the_user_has_chosen_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NCCL_SOCKET_IFNAME", "eth7")
    join(Place(file=str(tmp_path / "store")), "gloo", 0, 1)
    assert os.environ["NCCL_SOCKET_IFNAME"] == "eth7"


def test_the_interface_of_an_address_that_no_one_has_is_unknown() -> None:
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("192.0.2.77") == interface_of("::1") == ""
