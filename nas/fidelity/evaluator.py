"""From a rung of a candidate to its outcome: what a worker does."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from nas.candidate import Candidate, Metric, Outcome, State
from nas.costs.screening import measured_violation
from nas.evaluation.evaluator import (
    EvaluatorFactory,
    chance_metrics,
    device_clock,
    measured_metrics,
    proxy_task,
)
from nas.evaluation.safe_evaluation import worker_name
from nas.fidelity.checkpoints import RungCheckpoints
from nas.fidelity.job import RungJob
from nas.fidelity.rung_costs import RUNG, TIMING
from nas.reward import weighted_product
from nas.settings.config import SearchConfig
from search_space.cost import count_params
from search_space.space import SearchSpace
from trainer.device.memory import free_memory
from trainer.proxy.measurement import InfeasibleError
from trainer.proxy.rung_training import (
    RungResult,
    load_rung,
    measure_untrained,
    save_rung,
    train_rung,
)
from trainer.proxy.rungs import Rung, ladder_rungs
from trainer.proxy.task import ProxyTask


@dataclass(frozen=True, slots=True, kw_only=True)
class RungEvaluatorFactory:
    """Makes the function that turns rungs of candidates into outcomes, once in every worker.

    Attributes:
        base: Knows the settings, the space and the images.
        checkpoints: Where candidates rest between rungs. A node that does not see the folder
            trains the rungs before again.
    """

    base: EvaluatorFactory
    checkpoints: RungCheckpoints

    def __call__(self) -> Callable[[Candidate], Outcome]:
        """Open the images and settle the device; called in the worker."""
        torch.set_num_threads(1)
        config = self.base.config
        worker = RungWorker(
            config=config,
            space=self.base.space,
            task=proxy_task(config, self.base.space, self.base.images),
            rungs=ladder_rungs(config.proxy, config.progressive),
            checkpoints=self.checkpoints,
        )
        return lambda job: self.base.judged(job, worker.evaluate(job))


@dataclass(frozen=True, slots=True, kw_only=True)
class RungWorker:
    """Trains rungs, one after another.

    Attributes:
        config: The search's settings.
        space: Gives candidates their networks.
        task: What is trained on, and where.
        rungs: The ladder.
        checkpoints: Where candidates rest between rungs.
    """

    config: SearchConfig
    space: SearchSpace
    task: ProxyTask
    rungs: tuple[Rung, ...]
    checkpoints: RungCheckpoints

    def evaluate(self, job: Candidate) -> Outcome:
        """Train one rung; before the first, time the candidate.

        One that breaks a constraint by what was measured, or that cannot win, is not trained.

        Metrics hold the rung that the accuracy belongs to, and the device-seconds of every
        rung so far and of the timing: process CPU time on a CPU, wall time on a GPU.
        """
        if not isinstance(job, RungJob):
            raise TypeError(f"a search in rungs works on RungJob, got {type(job).__name__}")
        started, clock = time.perf_counter(), device_clock(self.task.device)
        began = clock()
        metrics: dict[str, Metric] = dict(job.known)
        state, reward, reason = State.COMPLETE, 0.0, ""
        try:
            if job.rung == 0:
                metrics |= self._measure(job)
                metrics[TIMING] = clock() - began
                began = clock()
                reason = measured_violation(metrics, self.config.constraints)
                if reason:
                    state = State.INFEASIBLE
                elif reason := self._reason_to_drop(job, metrics):
                    state = State.DROPPED
            if not reason:
                metrics |= self._train(job)
                reward = self._reward(metrics)
        except InfeasibleError as error:
            state, reason = State.FAIL, str(error)
        if state is State.FAIL:
            free_memory(self.task.device)  # now that no frame of the error holds it
        if state in (State.COMPLETE, State.FAIL):
            metrics[f"{RUNG}{job.rung}"] = clock() - began
        metrics["device_seconds"] = sum(
            float(value) for name, value in metrics.items() if name.startswith((TIMING, RUNG))
        )
        return Outcome(
            state=state,
            reward=reward,
            metrics=metrics,
            reason=reason,
            worker=worker_name(),
            seconds=time.perf_counter() - started,
        )

    def _measure(self, job: RungJob) -> dict[str, Metric]:
        """Return what is known of a candidate before any training."""
        measured = measure_untrained(self.space.architecture(job.choices), self.task)
        num_classes = self.task.images.num_classes
        metrics = measured_metrics(measured)
        for name in ("accuracy", "train_loss", "train_seconds"):
            del metrics[name]
        relative = measured.num_params / count_params(self.task.reference, num_classes)
        return {**metrics, "relative_params": relative, "num_classes": num_classes}

    def _reason_to_drop(self, job: RungJob, metrics: dict[str, Metric]) -> str:
        return job.bar.reason_to_drop(
            float(metrics["relative_step_time"]),
            float(metrics["relative_params"]),
            w=self.config.w,
            v=self.config.v,
        )

    def _reward(self, metrics: dict[str, Metric]) -> float:
        return weighted_product(
            float(metrics["accuracy"]),
            float(metrics["relative_step_time"]),
            float(metrics["relative_params"]),
            w=self.config.w,
            v=self.config.v,
        )

    def _train(self, job: RungJob) -> dict[str, Metric]:
        """Train the rung from where the candidate rests, or from the start where that is lost."""
        architecture = self.space.architecture(job.choices)
        state, first = None, job.rung
        if job.rung > 0:
            path = self.checkpoints.path(job.number, job.rung - 1)
            state = load_rung(path, self.task.device)
            first = 0 if state is None else job.rung
        started = time.perf_counter()
        result: RungResult | None = None
        for rung in self.rungs[first : job.rung + 1]:
            result = train_rung(architecture, self.task, rung, state)
            state = result.state
        assert result is not None
        seconds = time.perf_counter() - started
        if job.rung + 1 < len(self.rungs) and self.checkpoints.folder.is_dir():
            save_rung(self.checkpoints.path(job.number, job.rung), result.state)
        return {
            "accuracy": result.accuracy,
            **chance_metrics(result.accuracy, self.task),
            "train_loss": result.train_loss,
            "train_seconds": seconds + float(job.known.get("train_seconds", 0.0)),
            "rung": job.rung,
            "rung_image_size": self.rungs[job.rung].phase.image_size,
            "rungs_trained_again": job.rung - first + int(job.known.get("rungs_trained_again", 0)),
        }
