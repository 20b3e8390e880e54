"""Worker of a training on several devices, run by Ray Train."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch
from ray.train import UserCallback

from trainer.data.prepare import open_or_prepare
from trainer.distributed.worker_messages import Event, EventQueue, RemoteDisplay, fatal_error
from trainer.fit.processes import Processes
from trainer.fit.request import TrainRequest
from trainer.machine.cpus import available_cpus
from trainer.run.display import NoDisplay
from trainer.run.train import train_share
from trainer.stop_signals import StopRequest


class QueueHandle(EventQueue):
    """The driver's queue, in the Ray actor with the handle `actor`."""

    def __init__(self, actor: Any) -> None:
        super().__init__()
        self._actor = actor

    def put(self, events: Sequence[Event]) -> bool:
        """Append events; return whether the training is to stop."""
        stop: bool = ray.get(self._actor.put.remote(events))
        return stop


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTask:
    """Input of a worker; it does not contain the images.

    Attributes:
        request: The training; its images have their names but no splits.
        data: Value of ``--data``, for a host that has not decoded the images yet.
        threads: CPU threads of each worker; None divides the host's usable CPUs among its workers.
        queue: Queue of events for the driver.
    """

    request: TrainRequest
    data: str
    threads: int | None
    queue: QueueHandle


def train_worker(config: dict[str, WorkerTask]) -> None:
    """Train this worker's share of ``config["task"]``, and report its end to the driver.

    An error that would occur again is reported to the driver, which ends the workers. After any
    other error Ray Train starts all workers again, from the last checkpoint.
    """
    task = config["task"]
    context = ray.train.get_context()
    processes = Processes(
        rank=context.get_world_rank(),
        size=context.get_world_size(),
        on_host=context.get_local_world_size(),
        device=ray.train.torch.get_device(),
    )
    torch.set_num_threads(task.threads or max(1, available_cpus() // processes.on_host))
    remote = RemoteDisplay(task.queue)
    is_first = processes.rank == 0
    try:
        expected = task.request.images
        images = open_or_prepare(
            expected.path, task.data, expected.image_size, task.request.reading
        )
        request = replace(task.request, images=images, device=processes.device)
        finished = train_share(
            request,
            processes,
            remote if is_first else NoDisplay(),
            remote if is_first else StopRequest(),
        )
    except Exception as error:
        if (fatal := fatal_error(error)) is not None:
            remote.send("failed", *fatal)
        raise
    if is_first:
        remote.send("ended", finished)


class WorkerLossCallback(UserCallback):  # type: ignore[misc]
    """Reports every loss of workers to the driver."""

    def __init__(self, queue: QueueHandle) -> None:
        self._queue = queue

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:  # noqa: ARG002
        """Report the error of the lowest rank: it is often the cause of the others."""
        rank, error = min(worker_exceptions.items())
        self._queue.put([("lost", (f"worker {rank}: {error}",))])
