"""Evaluation of a job in a worker: time the candidate, train it, and return its outcome."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch

from nas.analysis.statistics import is_at_chance
from nas.candidate import Candidate, Outcome, State
from nas.costs.constraint import Constraint, measured_violation
from nas.costs.predictor import CostPredictor
from nas.engine.job import Job, Training
from nas.engine.successive_halving import RungId
from nas.evaluation.images import proxy_task
from nas.evaluation.prediction_files import PredictionFiles
from nas.evaluation.worker import worker_name
from nas.metrics import DeviceSeconds, Metrics, ReachedRung, TrainingResult
from nas.settings.config import SearchConfig
from search_space.architecture import Architecture
from trainer.device.memory import free_memory
from trainer.proxy.measurement import MeasuredCosts, UntrainableError
from trainer.proxy.rung_training import load_rung, save_rung, train_rung
from trainer.proxy.rungs import Rung, training_rungs
from trainer.proxy.step_timing import measure_costs
from trainer.proxy.task import ProxyTask, proxy_split

CHECKPOINTS = "checkpoints"  # folder in a run's folder


@dataclass(frozen=True, slots=True, kw_only=True)
class RungCheckpoints:
    """The folder of a run's checkpoints ``N-rR.pt`` between two rungs. They are a cache.

    If a file is missing, the rungs before it are trained again. That takes time; on a CPU the
    result is the same, bit by bit.

    Attributes:
        folder: The folder, absolute.
    """

    folder: Path

    @classmethod
    def of_run(cls, folder: Path) -> Self:
        """Return the checkpoints of the run in `folder`."""
        return cls(folder=(folder / CHECKPOINTS).resolve())

    def prepare(self) -> None:
        """Make the folder, and remove the drafts that killed workers left.

        Raises:
            OSError: If the folder cannot be made.
        """
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)

    def path(self, number: int, rung: int) -> Path:
        """Return the file of a candidate's state after a rung."""
        return self.folder / f"{number}-r{rung}.pt"

    def tidy(self, in_use: Iterable[RungId]) -> None:
        """Remove every file except those of the candidates and rungs in use."""
        kept = {self.path(number, rung).name for number, rung in in_use}
        for path in self.folder.glob("[0-9]*.pt"):
            if path.name not in kept:
                path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatorFactory:
    """Makes a worker's evaluator, once in every worker process.

    Attributes:
        config: The search's settings.
        images: Folder of the decoded images. A node without access to it decodes its own copy.
        predictor: Has the space, which maps choices to networks. Predicts step times, which are
            recorded together with the measured ones.
        checkpoints: Where the state after a rung is kept; None for a search with one rung.
        predictions: Where the predictions of the finalists' trainings are kept; None for nowhere.
    """

    config: SearchConfig
    images: Path
    predictor: CostPredictor
    checkpoints: RungCheckpoints | None = None
    predictions: PredictionFiles | None = None

    def __call__(self) -> "Evaluator":
        """Open the images and select the device; called in the worker."""
        torch.set_num_threads(1)
        task = proxy_task(self.config, self.predictor.space, self.images)
        return Evaluator(factory=self, task=task)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluator:
    """Turns jobs and trainings into outcomes.

    Attributes:
        factory: The settings that all workers share.
        task: Images, settings and device of the short training.
        finalist: The training of a finalist that it evaluates; its predictions are kept.
    """

    factory: EvaluatorFactory
    task: ProxyTask
    finalist: Training | None = None

    def __call__(self, candidate: Candidate) -> Outcome:
        """Return the outcome of a `Job` or a `Training`; a plain candidate is trained in full."""
        config = self.factory.config
        if isinstance(candidate, Training):
            # The search's constraints were applied to the candidate before it got here.
            own = {"seed": candidate.seed, "epochs": candidate.epochs}
            proxy = self.task.config.model_copy(update=own)
            task = replace(self.task, config=proxy)
            evaluator = replace(self, task=task, finalist=candidate)
            return evaluator._evaluate(candidate, training_rungs(proxy), ())
        return self._evaluate(candidate, config.training_rungs, config.constraints)

    def _evaluate(
        self, candidate: Candidate, rungs: tuple[Rung, ...], constraints: tuple[Constraint, ...]
    ) -> Outcome:
        """Time the candidate before its first rung, and train the job's rung.

        One whose measured costs violate a constraint, or that is pruned, is not trained.
        """
        job = candidate if isinstance(candidate, Job) else Job(**Candidate.to_dict(candidate))
        # Device-seconds are process CPU time on a CPU, wall time on a GPU.
        clock = time.perf_counter if self.task.device.type == "cuda" else time.process_time
        started = time.perf_counter()
        spent = job.known.device_seconds or DeviceSeconds(total=0.0)
        timing, by_rung = spent.timing or 0.0, dict(spent.by_rung)
        costs, training = job.known.costs, job.known.training
        state, reason, begun = State.COMPLETE, "", clock()
        predictor = self.factory.predictor
        architecture = predictor.space.architecture(job.choices)
        try:
            if costs is None:
                with_latency = any(one.is_of_latency for one in constraints)
                costs = measure_costs(architecture, self.task, with_latency=with_latency)
                timing, begun = clock() - begun, clock()
                state, reason = self._reason_not_to_train(job, costs, constraints)
            if state is State.COMPLETE:
                training = self._train(job, architecture, rungs)
        except UntrainableError as error:
            state, reason = State.FAIL, str(error)
        if state is State.FAIL:
            free_memory(self.task.device)  # now that no frame of the error holds it
        if state in (State.COMPLETE, State.FAIL):
            by_rung[job.rung] = clock() - begun
        seconds = DeviceSeconds.summed(timing=timing, by_rung=by_rung)
        if len(rungs) == 1:
            seconds = DeviceSeconds(total=seconds.total)
        outcome = Outcome(
            state=state,
            metrics=Metrics(
                costs=costs,
                training=training,
                device_seconds=seconds,
                predicted_relative_step_time=predictor.relative_step_time(architecture),
            ),
            reason=reason,
            worker=worker_name(),
            seconds=time.perf_counter() - started,
        )
        if state is not State.COMPLETE:
            return outcome
        return outcome.with_reward(w=self.factory.config.w, v=self.factory.config.v)

    def _reason_not_to_train(
        self, job: Job, costs: MeasuredCosts, constraints: tuple[Constraint, ...]
    ) -> tuple[State, str]:
        if reason := measured_violation(costs, constraints):
            return State.INFEASIBLE, reason
        config, relative = self.factory.config, (costs.relative_step_time, costs.relative_params)
        reason = job.threshold.pruning_reason(*relative, w=config.w, v=config.v)
        return (State.DROPPED if reason else State.COMPLETE), reason

    def _train(
        self, job: Job, architecture: Architecture, rungs: tuple[Rung, ...]
    ) -> TrainingResult:
        """Train the rung from the candidate's checkpoint, or from scratch if that is missing."""
        task, checkpoints, started = self.task, self.factory.checkpoints, time.perf_counter()
        state, first = None, 0
        if job.rung > 0 and checkpoints is not None:
            state = load_rung(checkpoints.path(job.number, job.rung - 1), task.device)
            first = 0 if state is None else job.rung
        for rung in rungs[first : job.rung + 1]:
            result = train_rung(architecture, task, rung, state)
            state = result.state
        if self.finalist is not None and self.factory.predictions is not None:
            # Before the result file: a training that has one is not done again.
            self.factory.predictions.save(self.finalist, result.predictions)
        seconds, again = time.perf_counter() - started, job.rung - first
        is_last = job.rung + 1 == len(rungs)
        if not is_last and checkpoints is not None and checkpoints.folder.is_dir():
            save_rung(checkpoints.path(job.number, job.rung), result.state)
        before = job.known.training
        if before and before.rung:
            seconds += before.train_seconds
            again += before.rung.trained_again
        size = rungs[job.rung].phase.image_size
        reached = ReachedRung(number=job.rung, image_size=size, trained_again=again)
        _, held_out = proxy_split(task.config, task.images)
        counts = np.bincount(task.images.splits["train"].labels[held_out])
        num_images, chance = int(counts.sum()), float(counts.max() / counts.sum())
        return TrainingResult(
            accuracy=result.accuracy,
            train_loss=result.train_loss,
            train_seconds=seconds,
            held_out_images=num_images,
            chance_accuracy=chance,
            at_chance=is_at_chance(result.accuracy, images=num_images, chance=chance),
            rung=reached if len(rungs) > 1 else None,
        )
