"""A training step on the CPU, timed in process CPU time."""

import resource
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from trainer.timing.training_step import Step


class CpuStep:
    """Times a step by the CPU time of this process; meant for one thread."""

    clock = "process_cpu"

    def __init__(self, step: Step) -> None:
        self._step = step
        step.network.train()

    def block(self, steps: int) -> float:
        """Return process CPU seconds per step over `steps` steps."""
        start = time.process_time()
        for _ in range(steps):
            self._step.run()
        return (time.process_time() - start) / steps

    def parts(self, steps: int) -> tuple[float, float, float]:
        """Return mean process CPU seconds of forward with loss, backward and update."""
        step, totals = self._step, np.zeros(3)
        for _ in range(steps):
            step.optimizer.zero_grad(set_to_none=True)
            marks = [time.process_time()]
            loss = step.forward()
            marks.append(time.process_time())
            step.backward(loss)
            marks.append(time.process_time())
            step.optimizer.step()
            marks.append(time.process_time())
            totals += np.diff(marks)
        forward, backward, update = totals / steps
        return float(forward), float(backward), float(update)

    def peak_memory_bytes(self) -> int:
        """Return the process's peak resident memory, libraries and data included.

        On Linux the peak is started anew, so that it is this step's; elsewhere it is the peak
        since the process began.
        """
        restart = Path("/proc/self/clear_refs")
        with suppress(OSError):  # not on Linux, or a container that forbids it
            restart.write_text("5")  # man 5 proc: resets the peak resident set size
        self._step.run()
        return _peak_resident_bytes()


def _peak_resident_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="utf-8").splitlines()
        peak_kib = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
        return int(peak_kib) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB elsewhere
