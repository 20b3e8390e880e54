"""What trackers receive of a candidate."""

from nas.report.tracked import candidate_metrics
from tests.nas.nas_records import failed, infeasible, trained


def test_a_trained_candidate_has_reward_accuracy_and_costs() -> None:
    found = candidate_metrics(trained(3, 0.5, accuracy=0.6))
    assert found["reward"] == 0.5
    assert found["accuracy"] == 0.6
    assert found["step_time_s"] == 0.02
    assert found.keys() >= {"relative_step_time", "num_params"}


def test_a_candidate_without_measurements_has_no_metrics() -> None:
    assert candidate_metrics(failed(1)) == {}
    assert candidate_metrics(infeasible(2)) == {}
