"""What a search says while none of its workers is up."""

from collections.abc import Iterator

import pytest

from nas.execution.worker_watch import Vacancy


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """One number, the seconds of a clock that tests set."""
    seconds = [100.0]

    def ticks() -> Iterator[float]:
        while True:
            yield seconds[0]

    monkeypatch.setattr("time.monotonic", ticks().__next__)
    return seconds


def test_a_note_when_nobody_is_up_for_long_and_one_when_somebody_is(clock: list[float]) -> None:
    notes: list[str] = []
    vacancy = Vacancy(notes.append, patience_s=60)
    for clock[0], is_up in [(110, False), (150, True), (209, False)]:
        vacancy.tell(is_somebody_up=is_up)
    assert notes == []
    for clock[0], is_up in [(211, False), (400, False)]:
        vacancy.tell(is_somebody_up=is_up)
    (note,) = notes
    assert note.startswith("no worker has been up for 61 s: Ray has room for none")
    for clock[0], is_up in [(500, True), (510, True), (569, False)]:
        vacancy.tell(is_somebody_up=is_up)
    assert notes[1:] == ["a worker is up again"]
    clock[0] = 571
    vacancy.tell(is_somebody_up=False)
    assert len(notes) == 3
