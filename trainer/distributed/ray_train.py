"""Training on several devices with Ray Train; this process shows its progress."""

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_space.checks import require
from search_space.counted import counted
from trainer.cluster.ray_session import RaySession, ray_session
from trainer.distributed.worker_messages import EventQueue, EventReplay
from trainer.fit.request import TrainRequest
from trainer.run.display import TrainDisplay
from trainer.run.folder import check_folder
from trainer.stop_signals import StopRequest, stop_signals

if TYPE_CHECKING:
    from trainer.distributed.ray_worker import WorkerTask

POLL_S = 0.25
_ENVIRONMENT = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "1",  # Ray's default is 2 s
    "RAY_TRAIN_METRICS_ENABLED": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Workers of a training.

    Attributes:
        count: Number of workers, >= 1; each has an equal share of every step.
        gpus: GPUs of each worker: 1, or 0 to train on CPUs.
        address: Address of the Ray cluster to join; None starts a Ray on this machine.
        threads: CPU threads of each worker; None divides each host's CPUs among its workers.
    """

    count: int
    gpus: int = 0
    address: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        require(self.gpus in (0, 1), "gpus_per_worker", "0 or 1 in a training", self.gpus)


def train_on_workers(
    request: TrainRequest, data: str, workers: Workers, display: TrainDisplay, *, resume: bool
) -> bool:
    """Train or resume on several workers; return False if stopped before the end.

    The folder of the run, and `data` (the value of ``--data``) or the decoded images, must be on
    a file system that all workers share.

    Raises:
        ValueError: If the batch cannot be divided, the cluster is too small for the workers, or
            as in `trainer.run.train.train`.
        DivergedError: If gradients remain not finite.
        OSError: If a file cannot be read or written, or the cluster cannot be reached.
        RuntimeError: If the workers are lost repeatedly.
    """
    check_share(request.recipe.batch_size, workers.count)
    if check_folder(request, resume=resume, display=display):
        return True
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    starting = ray_session(
        workers=workers.count,
        gpus_per_worker=workers.gpus,
        address=workers.address,
        say=display.print,
    )
    # Ray replaces the handler of SIGTERM when it starts, so the handlers are set again here.
    with starting as session, stop_signals() as stop, EventReplay(request.plan, display) as replay:
        if session.note:
            display.print(f"{session.note}; the training starts when all workers run")
        display.print(f"starting {counted(workers.count, 'worker')}")
        sent = replace(
            request,
            folder=request.folder.absolute(),
            init_from=None if request.init_from is None else request.init_from.absolute(),
            images=replace(request.images, splits={}),  # the workers open them themselves
        )
        _train(sent, data, workers, session, replay, stop)
        return bool(replay.finished)


def check_share(batch_size: int, count: int) -> None:
    """Check that a batch can be divided equally among workers.

    Raises:
        ValueError: If it is not a multiple of `count`, or a worker gets fewer than 2 images.
    """
    if batch_size % count or batch_size < 2 * count:
        below = max(2, batch_size // count) * count
        raise ValueError(
            f"a batch of {batch_size} images cannot be divided equally among {count} workers, at "
            f"least 2 for each; use --batch-size {below} or {below + count}"
        )


def _train(
    request: TrainRequest,
    data: str,
    workers: Workers,
    session: RaySession,
    replay: EventReplay,
    stop: StopRequest,
) -> None:
    """Run the trainer in a thread, while this one shows events and receives signals."""
    import ray  # not at the top: a session sets Ray's environment variables before

    from trainer.distributed.ray_worker import QueueHandle, WorkerTask

    actor = ray.remote(num_cpus=0)(EventQueue).remote()
    path = Path(data).expanduser()
    task = WorkerTask(
        request=request,
        data=str(path.absolute()) if path.exists() else data,
        threads=workers.threads,
        queue=QueueHandle(actor),
    )
    trainer = _trainer(task, workers, session)
    errors: list[Exception] = []
    thread = threading.Thread(target=_fit, args=(trainer, errors), daemon=True)
    thread.start()
    running = True
    while running:
        thread.join(POLL_S)
        running = thread.is_alive()  # read before the events, so that none is missed
        replay.replay(ray.get(actor.take.remote(stop.requested())))
    if replay.finished is None:
        raise errors[0] if errors else RuntimeError("the workers ended without a result")


def _fit(trainer: Any, errors: list[Exception]) -> None:
    try:
        trainer.fit()
    except Exception as error:  # noqa: BLE001 (the main thread raises it)
        errors.append(error)


def _trainer(task: "WorkerTask", workers: Workers, session: RaySession) -> Any:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    from trainer.distributed.process_group import PrivateTorchConfig
    from trainer.distributed.ray_worker import WorkerLossCallback, train_worker

    # Ray Train requires a folder that all workers share; it holds nothing of lasting use.
    storage = task.request.folder if session.folder is None else session.folder
    return TorchTrainer(
        train_worker,
        train_loop_config={"task": task},
        torch_config=PrivateTorchConfig(
            backend="nccl" if workers.gpus else "gloo",
            folder=None if session.folder is None else str(session.folder),
        ),
        scaling_config=ScalingConfig(
            num_workers=workers.count,
            use_gpu=workers.gpus > 0,
            resources_per_worker={"CPU": 1, **({"GPU": 1} if workers.gpus else {})},
        ),
        run_config=RunConfig(
            name="ray",
            storage_path=str(storage),
            # Checkpoints are this project's own, and the driver limits the number of failures.
            failure_config=FailureConfig(max_failures=-1),
            callbacks=[WorkerLossCallback(task.queue)],
        ),
    )
