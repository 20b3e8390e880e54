"""When a search says that its workers wait for another command's timer."""

from nas.execution.device_notice import DeviceNotice
from tests.toys.observer import ToyObserver

TIMER = "process 123 (nas-time) is timing"


class Steps:
    """A clock and a device, both set by the test."""

    def __init__(self) -> None:
        self.now, self.timer, self.notes = 0.0, "", list[str]()
        observer = ToyObserver(on_note=self.notes.append)
        self.notice = DeviceNotice(observer, lambda: self.timer, lambda: self.now)

    def at(self, now: float, timer: str) -> list[str]:
        """Return all notes so far, after an update at the time `now`."""
        self.now, self.timer = now, timer
        self.notice.update()
        return self.notes


def test_a_timer_of_another_command_is_noted_after_two_seconds() -> None:
    steps = Steps()
    assert steps.at(0.0, TIMER) == []
    assert steps.at(1.9, TIMER) == []
    assert steps.at(2.0, TIMER) == [f"waiting for the device: {TIMER}"]


def test_it_is_repeated_only_after_a_minute() -> None:
    steps = Steps()
    for now in (0.0, 3.0, 30.0, 62.9):
        assert len(steps.at(now, TIMER)) <= 1
    assert len(steps.at(63.0, TIMER)) == 2


def test_short_measurements_are_not_noted() -> None:
    steps = Steps()
    for now in range(0, 40, 4):
        steps.at(now, TIMER)
        assert steps.at(now + 2.0, "") == []


def test_each_process_has_its_own_two_seconds() -> None:
    steps = Steps()
    steps.at(0.0, TIMER)
    assert steps.at(1.5, "process 124 (nas-time) is timing") == []
    assert steps.at(3.0, "process 124 (nas-time) is timing") == []
    assert len(steps.at(3.5, "process 124 (nas-time) is timing")) == 1
