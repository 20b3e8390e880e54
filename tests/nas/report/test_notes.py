"""Notes at the end of a search."""

from dataclasses import replace

from nas.candidate import Record, State
from nas.metrics import DeviceSeconds, Metrics
from nas.report.notes import prediction_note, rung_notes
from tests.nas.nas_records import failed, infeasible, trained
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


def timed(record: Record, by_rung: dict[int, float], state: State | None = None) -> Record:
    spent = DeviceSeconds.summed(timing=2.0, by_rung=by_rung)
    outcome = replace(record.outcome, metrics=Metrics(device_seconds=spent))
    return replace(record, outcome=replace(outcome, state=state or record.outcome.state))


def test_candidates_that_were_only_timed_are_counted_whatever_the_reason() -> None:
    records = [
        timed(trained(0, 0.5), {0: 10.0, 1: 20.0}),
        timed(infeasible(1), {}),  # its measured costs break a constraint
        infeasible(2),  # by predicted costs: not timed
    ]
    timing, *_ = rung_notes(records)
    assert timing == "timing: 2 candidates, 4 device-seconds; 1 of them was not trained"
    dropped = timed(infeasible(3), {}, State.DROPPED)
    timing, *_ = rung_notes([*records, dropped, timed(failed(4), {0: 1.0})])
    assert timing == "timing: 4 candidates, 8 device-seconds; 2 of them were not trained"
