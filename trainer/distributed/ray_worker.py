"""One worker of a training on several devices, as Ray Train runs it."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch
from ray.train import UserCallback

from trainer.data.cache.images import open_cache
from trainer.data.prepare import prepare
from trainer.distributed.worker_messages import Event, MailDisplay, fault_of
from trainer.fit.processes import Processes
from trainer.run.display import NoDisplay
from trainer.run.request import TrainRun, train_split
from trainer.run.train import train_share


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTask:
    """What a worker is sent. The images stay where they are.

    Attributes:
        run: The training; its images are named, without any split.
        data: What ``--data`` says, for a host that has not decoded it yet.
        threads: CPU threads of each worker; None shares the host's processors out.
        mailbox: Handle of the actor between workers and driver.
    """

    run: TrainRun
    data: str
    threads: int | None
    mailbox: Any


def work(config: dict[str, WorkerTask]) -> None:
    """Train this worker's share of ``config["task"]``; tell the driver how it ended.

    A fault that would come again is told to the driver, which ends the workers. Of anything
    else they die, and Ray Train starts all of them again from the last checkpoint.
    """
    task = config["task"]
    context = ray.train.get_context()
    processes = Processes(
        rank=context.get_world_rank(),
        size=context.get_world_size(),
        on_host=context.get_local_world_size(),
        device=ray.train.torch.get_device(),
    )
    cpus = len(os.sched_getaffinity(0))
    torch.set_num_threads(task.threads or max(1, cpus // processes.on_host))

    def post(events: Sequence[Event]) -> bool:
        stop: bool = ray.get(task.mailbox.post.remote(events))
        return stop

    mail = MailDisplay(post)
    is_first = processes.rank == 0
    try:
        run = _opened(task, processes.device)
        finished = train_share(
            run,
            train_split(run),
            processes,
            mail if is_first else NoDisplay(),
            mail.should_stop if is_first else _never,
        )
    except Exception as error:
        fault = fault_of(error)
        if fault is not None:
            mail.send("failed", *fault)
        raise
    if is_first:
        mail.send("ended", finished)


def _never() -> bool:
    return False


def _opened(task: WorkerTask, device: torch.device) -> TrainRun:
    """Return the training with the images of this host, decoded now where they are not yet.

    Raises:
        ValueError: If this host's images are others than the driver's.
    """
    told = task.run.images
    try:
        images = open_cache(told.path)
    except FileNotFoundError:
        images = prepare(task.data, told.image_size)
        if images.path.name != told.path.name:  # it is named by its content
            raise ValueError(
                f"{task.data} holds other images on {platform.node()} than where nas-train runs"
            ) from None
    return replace(task.run, images=images, device=device)


class LossTeller(UserCallback):  # type: ignore[misc]
    """Puts every loss of workers into the mailbox."""

    def __init__(self, mailbox: Any) -> None:
        self._mailbox = mailbox

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        """Tell the first of them: the others often died of it."""
        del run_context
        rank, error = min(worker_exceptions.items())
        ray.get(self._mailbox.post.remote([("lost", (f"worker {rank}: {error}",))]))
