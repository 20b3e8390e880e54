"""How the workers of a training find each other, and on which network interface they listen.

Ray Train's own setup uses torch's TCPStore, which listens on all interfaces of the first
worker's host and answers everyone: it has no secret.
"""

import fcntl
import os
import socket
import struct
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
import torch.distributed as dist
from ray.train.torch import TorchConfig
from torch.distributed import FileStore, TCPStore  # type: ignore[attr-defined]  # documented

TIMEOUT_S = 1800
LOOPBACK = "127.0.0.1"
SIOCGIFADDR = 0x8915  # of Linux, see netdevice(7): the IPv4 address of an interface


@dataclass
class PrivateTorchConfig(TorchConfig):  # type: ignore[misc]
    """Setup of Ray Train for torch.distributed, without a port that is open to other machines.

    Attributes:
        folder: Private folder that all workers see, on one machine; they meet in a file there,
            and talk over the loopback interface. None on a cluster: a store of the first worker
            listens on its node's address in the cluster, and the workers talk over the
            interface of their nodes' addresses.
    """

    folder: str | None = None

    @property
    def backend_cls(self) -> Any:
        """Return what sets up the workers."""
        return _Backend


class _Backend(TorchConfig().backend_cls):  # type: ignore[misc]
    """Its shutdown is that of Ray Train."""

    def on_start(self, worker_group: Any, backend_config: PrivateTorchConfig) -> None:
        """Connect the workers; Ray Train calls this for each group of workers that it starts."""
        size = len(worker_group)
        if backend_config.folder is not None:
            # A new name for each group: torch does not allow a file of another group.
            place = Place(file=os.path.join(backend_config.folder, f"store-{uuid.uuid4().hex}"))  # noqa: PTH118
        else:
            place = worker_group.execute_single(0, listen)
        ray.get(
            [
                worker_group.execute_single_async(
                    rank, join, place, backend_config.backend, rank, size
                )
                for rank in range(size)
            ]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the workers meet: a file, or else a port of the first worker's host.

    Attributes:
        file: Path of the file.
        host: Address of the host.
        port: Port of the store.
        listener: File descriptor of the listening socket, in the process of the first worker.
    """

    file: str | None = None
    host: str = ""
    port: int = 0
    listener: int = -1


def listen() -> Place:
    """Listen on this node's address in the cluster, and on no other one."""
    host = ray.util.get_node_ip_address()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host, 0))
        listener.listen()
        port = listener.getsockname()[1]
        return Place(host=host, port=port, listener=listener.detach())


def join(place: Place, backend: str, rank: int, size: int) -> None:
    """Initialise torch.distributed in this process, one of `size`."""
    own = LOOPBACK if place.file is not None else ray.util.get_node_ip_address()
    if interface := interface_of(own):
        for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
            os.environ.setdefault(name, interface)
    timeout = timedelta(seconds=TIMEOUT_S)
    store: Any
    if place.file is not None:
        store = FileStore(place.file, size)
    else:
        store = TCPStore(
            place.host,
            place.port,
            size,
            is_master=rank == 0,
            timeout=timeout,
            wait_for_workers=False,
            master_listen_fd=place.listener if rank == 0 else None,
        )
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)


def interface_of(address: str) -> str:
    """Return the name of the interface that has an IPv4 address; "" if it cannot be found."""
    with suppress(OSError):
        wanted = socket.inet_aton(address)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            for _, name in socket.if_nameindex():
                request = struct.pack("256s", name.encode()[:15])
                with suppress(OSError):  # this interface has no IPv4 address
                    reply = fcntl.ioctl(probe, SIOCGIFADDR, request)
                    if reply[20:24] == wanted:
                        return name
    return ""
