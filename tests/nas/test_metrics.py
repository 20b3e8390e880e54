"""Groups of metrics: complete or absent in memory, flat in files."""

from dataclasses import replace

import pytest

from nas.candidate import Outcome, State
from nas.metrics import DeviceSeconds, Metric, Metrics, ReachedRung
from tests.toys.metrics import LATENCY, WHOLE, whole_metrics

RUNG: dict[str, Metric] = {"rung": 1, "rung_image_size": 16, "rungs_trained_again": 2}
SECONDS: dict[str, Metric] = {
    "device_seconds_timing": 1.5,
    "device_seconds_rung0": 2.0,
    "device_seconds": 7.5,
    "device_seconds_rung1": 4.0,
}


def test_complete_groups_are_typed() -> None:
    metrics = whole_metrics()
    assert metrics.costs is not None
    assert metrics.costs.timing.clock == WHOLE["timing_clock"]
    assert metrics.costs.timing.spread == WHOLE["timing_spread"]
    assert metrics.training is not None
    assert metrics.training.rung is None
    assert metrics.device_seconds == DeviceSeconds(total=11.0)
    assert metrics.other == {}
    assert list(metrics.to_dict().items()) == list(WHOLE.items())


@pytest.mark.parametrize("missing", WHOLE)
def test_an_incomplete_group_is_kept_as_other_metrics(missing: str) -> None:
    data = {name: value for name, value in WHOLE.items() if name != missing}
    metrics = Metrics.from_dict(data)
    assert None in (metrics.costs, metrics.training, metrics.device_seconds)
    assert metrics.to_dict() == data


def test_rungs_are_read_and_written() -> None:
    metrics = Metrics.from_dict({**WHOLE, **RUNG, **SECONDS})
    assert metrics.training is not None
    assert metrics.training.rung == ReachedRung(number=1, image_size=16, trained_again=2)
    assert metrics.device_seconds == DeviceSeconds(total=7.5, timing=1.5, by_rung={0: 2.0, 1: 4.0})
    assert metrics.to_dict() == {**WHOLE, **RUNG, **SECONDS}
    assert DeviceSeconds.summed(timing=1.5, by_rung={0: 2.0, 1: 4.0}) == metrics.device_seconds


def test_the_wait_for_the_device_is_written_if_there_was_one() -> None:
    metrics = Metrics.from_dict({**WHOLE, "device_wait_s": 12.5})
    assert metrics.costs is not None
    assert metrics.costs.device_wait_s == 12.5
    assert metrics.to_dict() == {**WHOLE, "device_wait_s": 12.5}
    assert "device_wait_s" not in whole_metrics().to_dict()


def test_a_measured_latency_is_read_and_written_at_the_end() -> None:
    metrics = Metrics.from_dict({**LATENCY, **WHOLE, **RUNG, **SECONDS})
    assert metrics.other == {}
    assert metrics.costs is not None
    assert metrics.costs.latency is not None
    assert metrics.costs.latency.relative_latency == 1.5
    assert (metrics.costs.latency.p95_s, metrics.costs.latency.threads) == (0.03, 1)
    written = metrics.to_dict()
    assert written == {**WHOLE, **RUNG, **SECONDS, **LATENCY}
    assert list(written)[-len(LATENCY) :] == list(LATENCY)
    assert whole_metrics().costs == replace(metrics.costs, latency=None)


@pytest.mark.parametrize("missing", LATENCY)
def test_an_incomplete_latency_is_kept_as_other_metrics(missing: str) -> None:
    rest = {name: value for name, value in LATENCY.items() if name != missing}
    metrics = whole_metrics(**rest)
    assert metrics.costs is not None
    assert metrics.costs.latency is None
    assert metrics.other == rest


def test_newer_metrics_replace_older_ones_and_keep_what_they_lack() -> None:
    before = Metrics.from_dict({**WHOLE, **RUNG})
    after = before.updated(whole_metrics(accuracy=0.75))
    assert after.training is not None
    assert before.training is not None
    assert after.training == replace(before.training, accuracy=0.75)
    assert before.updated(Metrics()) == before


def test_missing_groups_cannot_be_read() -> None:
    outcome = Outcome.failed("out of memory")
    with pytest.raises(ValueError, match="was not timed"):
        _ = outcome.costs
    with pytest.raises(ValueError, match="was not trained"):
        _ = outcome.training
    assert (
        Outcome(state=State.COMPLETE, reward=0.5, metrics=whole_metrics()).costs.macs == 7_000_000
    )
