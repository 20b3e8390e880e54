"""From a candidate to its outcome: what a worker does, whoever runs the worker."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from nas.analysis.chance import is_at_chance
from nas.candidate import Candidate, Outcome, State
from nas.costs.predictor import CostPredictor
from nas.costs.screening import apply_measured_constraints
from nas.evaluation.safe_evaluation import worker_name
from nas.metrics import DeviceSeconds, MeasuredCosts, Metrics, ReachedRung, TrainingResult
from nas.reward import weighted_product
from nas.settings.config import SearchConfig
from search_space.cost import count_params
from search_space.space import SearchSpace
from trainer.data.cache.images import CachedImages, open_cache
from trainer.data.prepare import prepare
from trainer.device.host_memory import worker_memory_bytes
from trainer.device.memory import device_memory_bytes, free_memory
from trainer.proxy.evaluate import evaluate
from trainer.proxy.measurement import InfeasibleError, Measurement
from trainer.proxy.task import ProxyTask, proxy_split


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorFactory:
    """Makes the function that turns candidates into outcomes, once in every worker process.

    Attributes:
        config: The search's settings.
        space: Gives candidates their networks.
        images: Folder of the decoded images. A node that does not see it decodes its own copy.
        predictor: Predicts step times, which are recorded together with the measured ones.
    """

    config: SearchConfig
    space: SearchSpace
    images: Path
    predictor: CostPredictor | None = None

    def __call__(self) -> Callable[[Candidate], Outcome]:
        """Open the images and settle the device; called in the worker."""
        torch.set_num_threads(1)
        task = proxy_task(self.config, self.space, self.images)
        return lambda candidate: self.judged(candidate, self.outcome(candidate, task))

    def outcome(self, candidate: Candidate, task: ProxyTask) -> Outcome:
        """Train and measure one candidate as `task` says."""
        started, clock = time.perf_counter(), device_clock(task.device)
        began = clock()
        try:
            measured = evaluate(self.space.architecture(candidate.choices), task)
        except InfeasibleError as error:
            reason, seconds = str(error), time.perf_counter() - started
        else:
            seconds, spent = time.perf_counter() - started, clock() - began
            return self._trained(measured, task, seconds=seconds, device_seconds=spent)
        free_memory(task.device)  # now that no frame of the error holds it
        return Outcome.failed(reason, worker=worker_name(), seconds=seconds)

    def _trained(
        self, measured: Measurement, task: ProxyTask, *, seconds: float, device_seconds: float
    ) -> Outcome:
        costs = measured_costs(measured, task)
        training = training_result(
            measured.accuracy, measured.train_loss, measured.train_seconds, task
        )
        return Outcome(
            state=State.COMPLETE,
            reward=weighted_product(
                training.accuracy,
                costs.relative_step_time,
                costs.relative_params,
                w=self.config.w,
                v=self.config.v,
            ),
            metrics=Metrics(
                costs=costs,
                training=training,
                device_seconds=DeviceSeconds(total=device_seconds),
            ),
            worker=worker_name(),
            seconds=seconds,
        )

    def judged(self, candidate: Candidate, outcome: Outcome) -> Outcome:
        """Note what was predicted beside what was measured, and hold the latter to the limits."""
        predictor = self.predictor
        predicted = predictor.costs(candidate.choices).relative_step_time if predictor else None
        if outcome.state is State.COMPLETE and predicted is not None:
            metrics = replace(outcome.metrics, predicted_relative_step_time=predicted)
            outcome = replace(outcome, metrics=metrics)
        return apply_measured_constraints(outcome, self.config.constraints)


def proxy_task(config: SearchConfig, space: SearchSpace, images: Path) -> ProxyTask:
    """Return what every candidate is trained on, with the images opened here."""
    try:
        cached = open_cache(images)
    except FileNotFoundError:
        cached = _own_copy(config, images)
    return ProxyTask(
        config=config.proxy,
        images=cached,
        reference=space.reference(),
        device=torch.device("cuda" if config.gpus_per_worker > 0 else "cpu"),
        memory_limit_bytes=_memory_share_bytes(config),
    )


def _own_copy(config: SearchConfig, images: Path) -> CachedImages:
    """Decode this node's own copy of the images; accuracies on others would not compare.

    Raises:
        OSError: If there is none, or its content is not that of the driver's.
    """
    node = platform.node()
    try:
        cached = prepare(config.data, config.proxy.image_size)
    except ValueError as error:
        raise OSError(f"node {node} cannot read the images: {error}") from error
    if cached.path.name != images.name:  # the name says the content
        raise OSError(
            f"node {node} has other images at {config.data!r} than the driver: content "
            f"{cached.path.name}, expected {images.name}"
        )
    return cached


def _memory_share_bytes(config: SearchConfig) -> int:
    """Return what one of the workers may use: of the GPU that it shares, or of this host."""
    if config.gpus_per_worker > 0:
        return int(device_memory_bytes(torch.device("cuda")) * min(config.gpus_per_worker, 1.0))
    return worker_memory_bytes(config.workers)


def training_result(
    accuracy: float,
    train_loss: float,
    train_seconds: float,
    task: ProxyTask,
    rung: ReachedRung | None = None,
) -> TrainingResult:
    """Return the result of a training, compared with guessing on the same held-out images."""
    _, held_out = proxy_split(task.config, task.images)
    counts = np.bincount(task.images.splits["train"].labels[held_out])
    images, chance = int(counts.sum()), float(counts.max() / counts.sum())
    return TrainingResult(
        accuracy=accuracy,
        train_loss=train_loss,
        train_seconds=train_seconds,
        held_out_images=images,
        chance_accuracy=chance,
        at_chance=is_at_chance(accuracy, images=images, chance=chance),
        rung=rung,
    )


def device_clock(device: torch.device) -> Callable[[], float]:
    """Return the clock of device-seconds: process CPU time on a CPU, wall time on a GPU."""
    return time.perf_counter if device.type == "cuda" else time.process_time


def measured_costs(measured: Measurement, task: ProxyTask) -> MeasuredCosts:
    """Return the costs of a measured candidate, compared with the reference network's."""
    num_classes = task.images.num_classes
    return MeasuredCosts(
        timing=measured.step_time,
        relative_step_time=measured.relative_step_time,
        reference_step_time_s=measured.reference_step_time_s,
        num_params=measured.num_params,
        relative_params=measured.num_params / count_params(task.reference, num_classes),
        macs=measured.macs,
        num_classes=num_classes,
        timing_seconds=measured.timing_seconds,
    )
