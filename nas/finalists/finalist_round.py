"""The finalist round: the best candidates are trained again before the winner is named."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from nas.analysis.ranking import ranked
from nas.candidate import Record, State
from nas.dispatch.job_queue import JobObserver
from nas.dispatch.limits import Limits
from nas.dispatch.result_files import Evaluate, ResultFiles
from nas.engine.job import Training
from nas.evaluation.prediction_files import PredictionFiles
from nas.execution.ray_actors import run_with_actors
from nas.finalists.finalists import Finals, finalist_trainings, judge_finalists
from nas.finalists.training_queue import TrainingNotes, TrainingQueue, missing_trainings
from nas.settings.config import SearchConfig
from trainer.cluster.ray_session import RaySession

FINALISTS = "finalists"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalistRound:
    """The further trainings of a run's best candidates.

    It is a function of the candidates and of the files in ``finalists/``: with a larger budget
    or more seeds, only the missing trainings are done.

    Attributes:
        config: The search's settings.
        results: One file a training.
        predictions: What the trainings predict, one file each where a worker could write it.
    """

    config: SearchConfig
    results: ResultFiles
    predictions: PredictionFiles

    @classmethod
    def of_run(cls, folder: Path, config: SearchConfig, run_id: str) -> "FinalistRound":
        """Return the finalist round of the run in `folder`."""
        results = ResultFiles(folder=(folder / FINALISTS).resolve(), run_id=run_id)
        return cls(
            config=config, results=results, predictions=PredictionFiles.of_run(folder, run_id)
        )

    def trainings(self, records: Sequence[Record]) -> tuple[Training, ...]:
        """Return every further training of the best of `records`."""
        first = self.config.seed + 1  # the search itself took the seed
        return finalist_trainings(
            ranked(records)[: self.config.num_finalists],
            seeds=range(first, first + self.config.finalist_seeds),
            epochs=self.config.epochs_of_finalists,
        )

    def missing(self, records: Sequence[Record]) -> tuple[Training, ...]:
        """Return the trainings that are not done yet; a damaged file raises a ValueError."""
        return missing_trainings(self.trainings(records), self.results)

    def run(
        self,
        session: RaySession,
        make_evaluator: Callable[[], Evaluate],
        records: Sequence[Record],
        limits: Limits,
        observer: JobObserver,
    ) -> Signals | None:
        """Do the missing trainings; return the signal that stopped them early, or None.

        They are done also when the search's time is up: without them, the best of many short
        trainings is a guess.

        Args:
            session: Where the workers run.
            make_evaluator: Makes the evaluator of the search's workers.
            records: Every candidate of the search.
            limits: What a candidate may take; a training's time limit grows with its epochs.
            observer: Receives a line for each finished training, and other notes.

        Raises:
            WorkerError, ValueError, OSError: As `run_with_actors`.
        """
        trainings, missing = self.trainings(records), self.missing(records)
        if not missing:
            return None
        for place in (self.results.folder, self.predictions.folder):
            place.mkdir(exist_ok=True)
        queue = TrainingQueue(
            trainings,
            self.results,
            limits=limits,
            timeout_s=self._timeout_s(records, limits),
            observer=TrainingNotes(observer, total=len(trainings), missing=len(missing)),
        )
        return run_with_actors(queue, session, make_evaluator)

    def _timeout_s(self, records: Sequence[Record], limits: Limits) -> float:
        """Return the time limit of a training, from the search's durations and its epochs."""
        proxy = self.config.proxy
        work = [  # of each rung / that of a full training: epochs x pixels
            rung.epochs * rung.phase.image_size**2 / (proxy.epochs * proxy.image_size**2)
            for rung in self.config.training_rungs
        ]
        durations = [
            record.outcome.seconds / work[record.rung]
            for record in records
            if record.outcome.state is State.COMPLETE
        ]
        longer = self.config.epochs_of_finalists / proxy.epochs
        return limits.timeout.limit_s(durations) * max(1.0, longer)

    def finals(self, records: Sequence[Record]) -> Finals | None:
        """Return the finalists' results, or None if there are none or some are missing.

        A damaged result file raises a ValueError.
        """
        trainings = self.trainings(records)
        found = {training.file_stem: self.results.find(training) for training in trainings}
        outcomes = {label: outcome for label, outcome in found.items() if outcome is not None}
        if not found or len(outcomes) < len(found):
            return None
        return judge_finalists(
            ranked(records)[: self.config.num_finalists],
            trainings,
            outcomes,
            w=self.config.w,
            v=self.config.v,
        )
