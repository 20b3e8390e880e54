"""The notice that a search has no running worker."""

from collections.abc import Iterator

import pytest

from nas.execution.ray_actors import NoWorkerNotice
from tests.toys.observer import ToyObserver


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """One number, the seconds of a clock that tests set."""
    seconds = [100.0]

    def ticks() -> Iterator[float]:
        while True:
            yield seconds[0]

    monkeypatch.setattr("time.monotonic", ticks().__next__)
    return seconds


def test_a_note_when_no_worker_runs_for_long_and_one_when_a_worker_runs(
    clock: list[float],
) -> None:
    notes: list[str] = []
    notice = NoWorkerNotice(ToyObserver(on_note=notes.append))
    for clock[0], is_up in [(110, False), (150, True), (209, False)]:
        notice.update(any_running=is_up)
    assert notes == []
    for clock[0], is_up in [(211, False), (400, False)]:
        notice.update(any_running=is_up)
    (note,) = notes
    assert note.startswith("no worker has run for 61 s: Ray has no resources for one")
    for clock[0], is_up in [(500, True), (510, True), (569, False)]:
        notice.update(any_running=is_up)
    assert notes[1:] == ["a worker runs again"]
    clock[0] = 571
    notice.update(any_running=False)
    assert len(notes) == 3
