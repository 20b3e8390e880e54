"""From a rung of a candidate to its outcome: what a worker does."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from nas.candidate import Candidate, Outcome, State
from nas.costs.screening import measured_violation
from nas.evaluation.evaluator import (
    EvaluatorFactory,
    device_clock,
    measured_costs,
    proxy_task,
    training_result,
)
from nas.evaluation.safe_evaluation import worker_name
from nas.fidelity.checkpoints import RungCheckpoints
from nas.fidelity.job import RungJob
from nas.metrics import DeviceSeconds, MeasuredCosts, ReachedRung, TrainingResult
from nas.reward import weighted_product
from nas.settings.config import SearchConfig
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
        costs, training = job.known.costs, job.known.training
        spent = job.known.device_seconds or DeviceSeconds(total=0.0)
        timing, by_rung = spent.timing, dict(spent.by_rung)
        state, reward, reason = State.COMPLETE, 0.0, ""
        try:
            if job.rung == 0:
                costs = self._measure(job)
                timing = clock() - began
                began = clock()
                state, reason = self._verdict_before_training(job, costs)
            if not reason and costs:
                training = self._train(job)
                reward = self._reward(costs, training)
        except InfeasibleError as error:
            state, reason = State.FAIL, str(error)
        if state is State.FAIL:
            free_memory(self.task.device)  # now that no frame of the error holds it
        if state in (State.COMPLETE, State.FAIL):
            by_rung[job.rung] = clock() - began
        seconds = DeviceSeconds.summed(timing=timing, by_rung=by_rung)
        return Outcome(
            state=state,
            reward=reward,
            metrics=replace(job.known, costs=costs, training=training, device_seconds=seconds),
            reason=reason,
            worker=worker_name(),
            seconds=time.perf_counter() - started,
        )

    def _measure(self, job: RungJob) -> MeasuredCosts:
        """Return what is known of a candidate before any training."""
        measured = measure_untrained(self.space.architecture(job.choices), self.task)
        return measured_costs(measured, self.task)

    def _verdict_before_training(self, job: RungJob, costs: MeasuredCosts) -> tuple[State, str]:
        if reason := measured_violation(costs, self.config.constraints):
            return State.INFEASIBLE, reason
        reason = job.bar.reason_to_drop(
            costs.relative_step_time, costs.relative_params, w=self.config.w, v=self.config.v
        )
        return (State.DROPPED if reason else State.COMPLETE), reason

    def _reward(self, costs: MeasuredCosts, training: TrainingResult) -> float:
        return weighted_product(
            training.accuracy,
            costs.relative_step_time,
            costs.relative_params,
            w=self.config.w,
            v=self.config.v,
        )

    def _train(self, job: RungJob) -> TrainingResult:
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
        before = job.known.training
        again = job.rung - first
        if before and before.rung:
            seconds += before.train_seconds
            again += before.rung.trained_again
        size = self.rungs[job.rung].phase.image_size
        reached = ReachedRung(number=job.rung, image_size=size, trained_again=again)
        return training_result(
            result.accuracy, result.train_loss, seconds, self.task, rung=reached
        )
