"""A training on several devices: Ray Train runs the workers, this process shows what they do."""

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer.cluster.ray_session import RaySession, ray_session
from trainer.distributed.worker_messages import Mailbox, Replay
from trainer.run.display import TrainDisplay
from trainer.run.folder import check_folder, is_finished
from trainer.run.request import TrainRun, plan_of, train_split
from trainer.stop_signals import StopRequest, stop_signals

if TYPE_CHECKING:
    from trainer.distributed.ray_worker import WorkerTask

POLL_S = 0.25
# How long a loss of workers may take to be noticed; Ray's own default is 2 s.
_ENVIRONMENT = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "1",
    "RAY_TRAIN_METRICS_ENABLED": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Where a training runs.

    Attributes:
        count: Workers, >= 1; each has an equal share of every step.
        gpus: GPUs of each: 1, or 0 to train on processors.
        address: Ray cluster to join; None starts a Ray on this machine alone.
        threads: CPU threads of each worker; None shares each host's processors out.
    """

    count: int
    gpus: int = 0
    address: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        if self.gpus not in (0, 1):
            raise ValueError(f"gpus_per_worker must be 0 or 1 in a training, got {self.gpus!r}")


def train_on_workers(
    run: TrainRun,
    data: str,
    workers: Workers,
    display: TrainDisplay,
    *,
    resume: bool,
) -> bool:
    """Train on several workers, or go on; return False if stopped before the end.

    The folder of the run must lie where all workers see the same files, and so must `data` or
    the decoded images.

    Raises:
        ValueError: If the batch does not share out, there is not room for the workers, or as in
            `trainer.train_run.train`.
        DivergedError: If the gradients stay not finite.
        OSError: If a file cannot be read or written, or the cluster cannot be reached.
        RuntimeError: If the workers are lost again and again.
    """
    split = train_split(run)
    plan = plan_of(run, split)
    check_share(run.recipe.batch_size, workers.count)
    check_folder(run, plan, resume=resume)
    if is_finished(run, plan):
        return True
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    session = ray_session(
        workers=workers.count, gpus_per_worker=workers.gpus, address=workers.address
    )
    # Ray replaces the handler of SIGTERM when it starts, so the handlers are set again here.
    with session as ray_is_up, stop_signals() as stop, Replay(plan, display) as replay:
        if ray_is_up.note:
            display.say(f"{ray_is_up.note}; the training begins when all are there")
        _train(_told(run), data, workers, ray_is_up, replay, stop)
        return bool(replay.finished)


def check_share(batch_size: int, count: int) -> None:
    """Refuse a batch that cannot be shared out equally.

    Raises:
        ValueError: If it is no multiple of `count`, or a worker gets fewer than 2 images.
    """
    if batch_size % count or batch_size < 2 * count:
        below = max(2, batch_size // count) * count
        raise ValueError(
            f"a batch of {batch_size} images does not share out among {count} workers, at least "
            f"2 to each; take --batch-size {below} or {below + count}"
        )


def _told(run: TrainRun) -> TrainRun:
    """Return `run` as workers are told it: with absolute paths, and images by name alone."""
    return replace(
        run,
        folder=run.folder.absolute(),
        init_from=None if run.init_from is None else run.init_from.absolute(),
        images=replace(run.images, splits={}),
    )


def _train(
    run: TrainRun,
    data: str,
    workers: Workers,
    session: RaySession,
    replay: Replay,
    stop: StopRequest,
) -> None:
    """Hold the trainer in a thread, so that this one can show the steps and hear signals."""
    import ray  # here and below, because a session of our own sets Ray's environment first

    from trainer.distributed.ray_worker import WorkerTask

    mailbox = ray.remote(num_cpus=0)(Mailbox).remote()
    path = Path(data).expanduser()
    task = WorkerTask(
        run=run,
        data=str(path.absolute()) if path.exists() else data,
        threads=workers.threads,
        mailbox=mailbox,
    )
    trainer = _trainer(task, workers, session)
    errors: list[Exception] = []
    thread = threading.Thread(target=_fit, args=(trainer, errors), daemon=True)
    thread.start()
    running = True
    while running:
        thread.join(POLL_S)
        running = thread.is_alive()  # what came before its end is taken below
        replay.replay(ray.get(mailbox.take.remote(stop.requested())))
    if replay.finished is None:
        raise errors[0] if errors else RuntimeError("the workers ended and did not say how")


def _fit(trainer: Any, errors: list[Exception]) -> None:
    try:
        trainer.fit()
    except Exception as error:  # noqa: BLE001 (it is raised again, by the thread that waits)
        errors.append(error)


def _trainer(task: "WorkerTask", workers: Workers, session: RaySession) -> Any:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    from trainer.distributed.ray_worker import LossTeller, work

    # Ray Train wants a place of its own, which all workers see; nothing of use is left there.
    place = task.run.folder if session.folder is None else session.folder
    return TorchTrainer(
        work,
        train_loop_config={"task": task},
        torch_config=TorchConfig(backend="nccl" if workers.gpus else "gloo"),
        scaling_config=ScalingConfig(
            num_workers=workers.count,
            use_gpu=workers.gpus > 0,
            resources_per_worker={"CPU": 1, **({"GPU": 1} if workers.gpus else {})},
        ),
        run_config=RunConfig(
            name="ray",
            storage_path=str(place),
            # Our own checkpoints are the truth. How often to try again is the driver's decision.
            failure_config=FailureConfig(max_failures=-1),
            callbacks=[LossTeller(task.mailbox)],
        ),
    )
