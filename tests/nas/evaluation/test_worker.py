"""The memory guard of a worker."""

import time

import pytest

from nas.evaluation.worker import memory_guard
from trainer.device.host_memory import own_memory_bytes

on_linux = pytest.mark.skipif(own_memory_bytes() is None, reason="needs /proc, which is Linux")


@on_linux
def test_a_guard_speaks_once_and_only_above_its_limit() -> None:
    reasons: list[str] = []
    with memory_guard(2**50, reasons.append):
        pass
    assert reasons == []
    with memory_guard(1, reasons.append):
        end = time.monotonic() + 60
        while not reasons and time.monotonic() < end:
            time.sleep(0.01)
    (reason,) = reasons
    assert reason.startswith("out of memory: its worker held ")
