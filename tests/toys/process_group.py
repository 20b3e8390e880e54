"""Trainings in several processes of this machine, connected by gloo, without Ray."""

import multiprocessing
import socket
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.distributed as dist

from tests.toys.training import StopAfter
from trainer.fit.loop import fit
from trainer.fit.processes import Processes
from trainer.fit.request import TrainRequest
from trainer.fit.state import TrainState
from trainer.run.display import NoDisplay
from trainer.run.train import train_share
from trainer.stop_signals import StopRequest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def one_of(rank: int, size: int, port: int, job: Callable[..., None], arguments: Any) -> None:
    """Join the process group and run the job."""
    torch.set_num_threads(1)
    url = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=url, rank=rank, world_size=size)
    try:
        job(Processes(rank=rank, size=size), *arguments)
    finally:
        dist.destroy_process_group()


def together(size: int, job: Callable[..., None], *arguments: Any) -> None:
    """Run the job in `size` processes and require that all succeed."""
    context = multiprocessing.get_context("spawn")
    port = free_port()
    started = [
        context.Process(target=one_of, args=(rank, size, port, job, arguments))
        for rank in range(size)
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(1200)
        assert process.exitcode == 0


def train_together(processes: Processes, request: TrainRequest, stop_after: int | None) -> None:
    """Train and save each process's last state; only the last process requests to stop."""
    held: list[TrainState] = []

    def remembering(state: TrainState, *others: Any) -> bool:
        held.append(state)
        return fit(state, *others)

    is_last = processes.rank == processes.size - 1
    stop = StopRequest() if stop_after is None or not is_last else StopAfter(stop_after)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trainer.run.results.plot_training", lambda *_: None)
        patched.setattr("trainer.run.train.fit", remembering)
        train_share(request, processes, NoDisplay(), stop)
    state = held[0].state_dict()
    for own in ("train_seconds", "train_cpu_seconds"):
        del state["counters"][own]
    torch.save(state, request.folder.parent / f"{request.folder.name}-{processes.rank}.pt")
