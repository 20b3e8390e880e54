"""Notes at the end of a search."""

from nas.candidate import Record
from nas.report.notes import prediction_note
from tests.nas.nas_records import failed, trained
from tests.toys.metrics import with_metrics


def predicted(number: int, measured: float, prediction: float) -> Record:
    record = trained(number, 0.5, relative=measured)
    return with_metrics(record, predicted_relative_step_time=prediction)


def test_predicted_step_times_are_compared_with_measured_ones() -> None:
    records = [predicted(0, 2.0, 2.2), predicted(1, 1.0, 0.7), failed(2), trained(3, 0.5)]
    note = "predicted step times were off by 20.0% on average (2 measured candidates)"
    assert prediction_note(records) == note  # 10 % and 30 %


def test_there_is_no_note_without_predictions() -> None:
    assert prediction_note([trained(0, 0.5), failed(1)]) == ""
