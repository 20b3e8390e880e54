"""What the further trainings of the finalists predict for the images they were not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.candidate import Record, State
from nas.finalists.finalist_round import FinalistRound
from trainer.proxy.predictions import Predictions


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalistPredictions:
    """The predictions on file of a run's further trainings.

    Attributes:
        found: Those of each training that has some.
        missing: Trainings without: of an earlier version, or by a worker that did not see the
            run's folder.
        damaged: A sentence on each damaged file.
    """

    found: tuple[Predictions, ...]
    missing: int
    damaged: tuple[str, ...] = ()


def read_predictions(last: FinalistRound, records: Sequence[Record]) -> FinalistPredictions:
    """Return the predictions of the trainings that succeeded; damaged files are passed over.

    Args:
        last: The finalist round of the run.
        records: Every candidate of the search.

    Raises:
        ValueError: If the result file of a training is damaged.
        OSError: If a file cannot be read.
    """
    found, damaged, missing = [], [], 0
    for training in last.trainings(records):
        outcome = last.results.find(training)
        if outcome is None or outcome.state is not State.COMPLETE:
            continue
        try:
            predictions = last.predictions.find(training)
        except ValueError as error:
            damaged.append(str(error))
            continue
        if predictions is None:
            missing += 1
        else:
            found.append(predictions)
    return FinalistPredictions(found=tuple(found), missing=missing, damaged=tuple(damaged))
