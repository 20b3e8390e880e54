"""A line is said only for a wait of more than a moment."""

import threading

import pytest

from search_space.command_line.waiting import said_if_slow


def test_a_slow_block_is_said_once() -> None:
    lines, said = list[str](), threading.Event()

    def say(line: str) -> None:
        lines.append(line)
        said.set()

    with said_if_slow("waiting for Ray to start", say, after_s=0.01):
        assert said.wait(30)
    assert lines == ["waiting for Ray to start"]


def test_a_quick_block_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    timers = list[threading.Timer]()

    class Watched(threading.Timer):
        def start(self) -> None:
            timers.append(self)
            super().start()

    monkeypatch.setattr("threading.Timer", Watched)
    with said_if_slow("waiting", lambda line: None, after_s=60):
        assert timers[0].is_alive()
    timers[0].join(30)  # a cancelled timer ends at once
    assert not timers[0].is_alive()
