"""After the budget is spent: the best candidates are trained again before one is named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from nas.candidate import Outcome, Record, State
from nas.engine.limits import Limits
from nas.engine.timeouts import TimeoutClock
from nas.evaluation.evaluator import EvaluatorFactory
from nas.finalists.finalists import Finals, choose_finalists, finalist_trainings, judge_finalists
from nas.finalists.retraining import RetrainingFactory, missing_trainings, run_trainings
from nas.finalists.training import Training, TrainingResults, describe_training
from nas.settings.config import SearchConfig
from trainer.cluster.ray_session import RaySession
from trainer.proxy.rungs import ladder_rungs

FINALISTS = "finalists"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalRound:
    """The further trainings of a run's best candidates.

    It is a function of the candidates and of the files in ``finalists/``: a larger budget or
    more seeds train what is missing, and nothing again.

    Attributes:
        config: The search's settings.
        results: One file a training.
    """

    config: SearchConfig
    results: TrainingResults

    @classmethod
    def of_run(cls, folder: Path, config: SearchConfig, run_id: str) -> "FinalRound":
        """Return the final round of the run in `folder`."""
        results = TrainingResults(folder=(folder / FINALISTS).resolve(), run_id=run_id)
        return cls(config=config, results=results)

    def trainings(self, records: Sequence[Record]) -> tuple[Training, ...]:
        """Return every further training that the best of `records` get."""
        first = self.config.seed + 1  # the search itself took the seed
        return finalist_trainings(
            choose_finalists(records, self.config.num_finalists),
            seeds=range(first, first + self.config.finalist_seeds),
            epochs=self.config.epochs_of_finalists,
        )

    def missing(self, records: Sequence[Record]) -> tuple[Training, ...]:
        """Return the trainings that are not done yet.

        Raises:
            ValueError: If there is a damaged file; the message names it.
        """
        return missing_trainings(self.trainings(records), self.results)

    def run(
        self,
        session: RaySession,
        factory: EvaluatorFactory,
        records: Sequence[Record],
        limits: Limits,
        on_note: Callable[[str], None],
    ) -> Signals | None:
        """Do what is missing; return the signal that stopped it early, or None.

        It is done also when the search's time is up: a few trainings, known beforehand, without
        which the search would only have a guess.

        Args:
            session: Where the workers run.
            factory: What the search's workers use.
            records: Every candidate of the search.
            limits: What a candidate may take; a training has more time by its epochs.
            on_note: Told a line at each training that ends, and what else there is to say.

        Raises:
            WorkerError: If a worker raised an exception.
            ValueError: If a file of the results is damaged.
            OSError: If a result cannot be written.
        """
        trainings = self.trainings(records)
        if not trainings:
            return None
        self.results.folder.mkdir(exist_ok=True)
        left = len(self.missing(records))

        def on_done(training: Training, outcome: Outcome) -> None:
            nonlocal left
            left -= 1
            done = f"{len(trainings) - left}/{len(trainings)}"
            on_note(f"{describe_training(training, outcome)}; {done}")

        return run_trainings(
            session,
            RetrainingFactory(base=factory),
            trainings,
            results=self.results,
            on_done=on_done,
            on_note=on_note,
            limits=limits,
            timeout_s=self._timeout_s(records, limits),
        )

    def _timeout_s(self, records: Sequence[Record], limits: Limits) -> float:
        """Return how long a training may take, by what the search's took and its epochs."""
        clock, parts = TimeoutClock(limits.timeout), self._parts_of_work()
        for record in records:
            if record.outcome.state is State.COMPLETE:
                clock.learn(record.outcome.seconds / parts[record.rung])
        longer = self.config.epochs_of_finalists / self.config.proxy.epochs
        return clock.limit_s * max(1.0, longer)

    def _parts_of_work(self) -> tuple[float, ...]:
        """Return, by rung, its part of the work of a whole training: epochs x pixels."""
        proxy = self.config.proxy
        if self.config.fidelity == "full":
            return (1.0,)
        return tuple(
            rung.epochs * rung.phase.image_size**2 / (proxy.epochs * proxy.image_size**2)
            for rung in ladder_rungs(proxy, self.config.progressive)
        )

    def finals(self, records: Sequence[Record]) -> Finals | None:
        """Return the finalists as they ended, or None where there are none or some are missing.

        Raises:
            ValueError: If there is a damaged file; the message names it.
        """
        trainings = self.trainings(records)
        found = {training.label: self.results.find(training) for training in trainings}
        outcomes = {label: outcome for label, outcome in found.items() if outcome is not None}
        if not found or len(outcomes) < len(found):
            return None
        return judge_finalists(
            choose_finalists(records, self.config.num_finalists),
            trainings,
            outcomes,
            w=self.config.w,
            v=self.config.v,
        )
