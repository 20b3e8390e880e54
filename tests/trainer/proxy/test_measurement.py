"""The latency of a candidate, from that of its network and of the reference network."""

from dataclasses import replace

import pytest

from tests.toys.latency import latency
from trainer.proxy.measurement import MeasuredLatency

CANDIDATE = latency(p50_s=0.03, p95_s=0.05, cpu_s=0.02)
REFERENCE = latency(p50_s=0.02, p95_s=0.04, cpu_s=0.016)


def test_the_wall_time_counts_in_a_quiet_measurement() -> None:
    measured = MeasuredLatency.of(CANDIDATE, REFERENCE)
    assert (measured.latency_s, measured.reference_latency_s) == (0.03, 0.02)
    assert measured.relative_latency == pytest.approx(1.5)
    assert (measured.p50_s, measured.p95_s, measured.contaminated) == (0.03, 0.05, False)


def test_the_cpu_time_counts_where_other_programs_took_the_processor() -> None:
    both = [replace(one, contaminated=True) for one in (CANDIDATE, REFERENCE)]
    measured = MeasuredLatency.of(*both)
    assert (measured.latency_s, measured.reference_latency_s) == (0.02, 0.016)
    assert measured.relative_latency == pytest.approx(1.25)
    assert (measured.p50_s, measured.p95_s, measured.contaminated) == (0.03, 0.05, True)
