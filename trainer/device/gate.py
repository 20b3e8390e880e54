"""A cooperative gate of a device: training steps share it, a timer holds it alone.

A gate is two file locks, a turnstile and the device lock. A training step holds the device lock
shared. A timer closes the turnstile, waits until the current steps release the device lock, and
holds it exclusively. Without the turnstile, steps that follow each other closely would keep the
timer waiting without end. The kernel releases both locks when their process dies.

No process waits without end. A timer lets the steps through after `SLICE_S` seconds. A process
that is stopped (Ctrl-Z, a debugger), or that holds the device longer than the bounds in
`trainer.device.waiting`, is passed: the others put new lock files in the place of those that it
holds. When it continues, its timer finds that its lease is broken, and measures again.

The gate works among the processes of one user on one host. The timer detects and reports
disturbance by other users and programs.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import torch

from trainer.device.lock_files import LockFiles
from trainer.device.waiting import (
    LEASE_BOUND_S,
    STEP_BOUND_S,
    Notice,
    Obstacle,
    Waiting,
    no_notice,
)
from trainer.machine.private_folder import private_folder
from trainer.machine.processes import ProcessName, is_stopped

# Seconds that a timer holds the device at a time, and then leaves it to the steps that wait.
SLICE_S = 10.0
BREAK_S = 0.1  # several times as long as the longest time between two attempts of a waiting step
# Seconds between two checks that the lock files are still those that the other processes use.
SECONDS_BETWEEN_CHECKS = 1.0

_EXCLUSIVE = fcntl.LOCK_EX | fcntl.LOCK_NB
_SHARED = fcntl.LOCK_SH | fcntl.LOCK_NB


def device_key(device: torch.device) -> str:
    """Return the name of a device's gate: by UUID for a GPU; one for all CPUs of the host."""
    if device.type == "cuda":
        return f"gpu-{torch.cuda.get_device_properties(device).uuid}"
    return "cpu"


class DeviceGate:
    """The gate of one device. Use one object per process and thread, and close it.

    Args:
        key: Name of the gate, see `device_key`.
        folder: Folder of the lock files, on a local file system; by default a folder of this
            user in the host's temporary folder.
        notice: Receives a line when this process waits for another one for some seconds.

    Raises:
        OSError: If the lock files cannot be made.
    """

    def __init__(
        self, key: str, *, folder: Path | None = None, notice: Notice = no_notice
    ) -> None:
        if folder is None:
            folder = private_folder("nas-gate")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._files = LockFiles(folder, key)
        self._waiting = Waiting(notice)
        self._own_name = ProcessName.own()
        self._check_at = float("-inf")
        self._step = DeviceStep(self)

    @property
    def waited_s(self) -> float:
        """Seconds that this process waited for others at this gate."""
        return self._waiting.seconds

    def step(self) -> "DeviceStep":
        """Return the context of a training step, which holds the device shared.

        It takes two microseconds if no timer holds the device.
        """
        return self._step

    @contextmanager
    def lease(self) -> Iterator["Lease"]:
        """Hold the device alone: current steps end first, further steps wait."""
        self._take_lease()
        try:
            yield Lease(self)
        finally:
            self._end_lease()

    def _enter_step(self) -> None:
        now = time.monotonic()
        if now >= self._check_at:
            self._files.refresh()
            self._check_at = now + SECONDS_BETWEEN_CHECKS
        if self._try_step():
            return
        self._waiting.begin()
        while not self._try_step():
            if self._waiting.is_over(self._timer):
                self._files.replace()
            else:
                self._files.refresh()

    def _try_step(self) -> bool:
        """Take the device shared, and return whether it was free."""
        files = self._files
        try:
            fcntl.flock(files.turnstile, _SHARED)
        except BlockingIOError:
            return False
        try:
            fcntl.flock(files.device, _SHARED)
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(files.turnstile, fcntl.LOCK_UN)
        return True

    def _take_lease(self) -> None:
        self._waiting.begin()
        is_closed = False  # whether this process has closed the turnstile
        while True:
            if not self._files.are_current():
                self._files.refresh()
                is_closed = False
            if not is_closed and _try_lock(self._files.turnstile):
                is_closed = True
                self._waiting.begin()  # for the steps now
                self._files.write_holder(self._own_name)
            if is_closed and _try_lock(self._files.device):
                return
            if self._waiting.is_over(self._steps if is_closed else self._timer):
                self._files.replace()
                is_closed = False

    def _end_lease(self) -> None:
        fcntl.flock(self._files.device, fcntl.LOCK_UN)
        fcntl.flock(self._files.turnstile, fcntl.LOCK_UN)

    def _timer(self) -> Obstacle:
        token, holder = self._files.holder()
        return Obstacle(
            token=f"lease {token}",
            text=f"{holder or 'another process'} is timing",
            is_stopped=holder is not None and holder.is_stopped(),
            bound_s=LEASE_BOUND_S,
        )

    def _steps(self) -> Obstacle:
        users = self._files.device_users()
        named = f"process {users[0]}" if users else "another process"
        return Obstacle(
            token="steps",
            text=f"{named} is in a training step",
            is_stopped=bool(users) and all(is_stopped(user) for user in users),
            bound_s=STEP_BOUND_S,
        )

    def close(self) -> None:
        """Close the lock files."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class DeviceStep:
    """The context of training steps, one at a time. It is faster than a generator."""

    __slots__ = ("_gate",)

    def __init__(self, gate: DeviceGate) -> None:
        self._gate = gate

    def __enter__(self) -> None:
        self._gate._enter_step()

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._gate._files.device, fcntl.LOCK_UN)


class Lease:
    """A device that one timer holds alone, in slices of `SLICE_S` seconds."""

    def __init__(self, gate: DeviceGate) -> None:
        self._gate = gate
        self._is_broken = False
        self._slice_ends = time.monotonic() + SLICE_S

    def is_broken(self) -> bool:
        """Return whether others passed this timer, so that its measurement may be disturbed."""
        self._is_broken = self._is_broken or not self._gate._files.are_current()
        return self._is_broken

    def renew(self) -> None:
        """Hold the device alone again after the lease was broken."""
        self._gate._take_lease()
        self._is_broken = False
        self._slice_ends = time.monotonic() + SLICE_S

    def let_others_through(self) -> float:
        """Leave the device to waiting steps if a slice is over; return the seconds that it took.

        Call it between two measurements. Zero means that the device was held all the time.
        """
        started = time.monotonic()
        if started < self._slice_ends or self.is_broken():
            return 0.0
        self._gate._end_lease()
        time.sleep(BREAK_S)
        self._gate._take_lease()
        self._slice_ends = time.monotonic() + SLICE_S
        return time.monotonic() - started


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, _EXCLUSIVE)
    except BlockingIOError:
        return False
    return True
