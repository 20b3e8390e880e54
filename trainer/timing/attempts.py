"""Measurements that are repeated until they are good enough, under a lease of the device."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from trainer.device.gate import Lease

# Wall time / CPU time of one thread above which another process has disturbed a measurement.
CONTENTION = 1.05
# Further measurements if other processes passed this one while it was stopped.
MAX_REPEATS = 3


class Attempt(Protocol):
    """One measurement."""

    @property
    def is_broken(self) -> bool:
        """Whether others did not respect the lease, because this process was stopped."""

    @property
    def spread(self) -> float:
        """Largest relative spread of all that was measured together."""


SomeAttempt = TypeVar("SomeAttempt", bound=Attempt)


def repeated(
    measure: Callable[[], SomeAttempt],
    suffices: Callable[[SomeAttempt], bool],
    lease: Lease,
    *,
    max_attempts: int,
) -> list[SomeAttempt]:
    """Measure until a measurement suffices, and return all measurements.

    A measurement that others disturbed because this process was stopped does not count, up to
    `MAX_REPEATS` times, and the lease is renewed after it.

    Args:
        measure: Makes one measurement.
        suffices: Whether no further one is needed; not asked about a broken measurement.
        lease: The device's lease.
        max_attempts: Largest number of measurements that are not broken.
    """
    attempts: list[SomeAttempt] = []
    broken = 0
    while len(attempts) < max_attempts + min(broken, MAX_REPEATS):
        attempts.append(measure())
        if attempts[-1].is_broken:
            broken += 1
            lease.renew()
        elif suffices(attempts[-1]):
            break
    return attempts
