import io
from types import SimpleNamespace

import pytest

from trainer.data.progress import decoding_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_for_each_pass_and_removes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with decoding_progress("reading", stream) as report:
        for total in (3, 5):
            for done in range(1, total + 1):
                report(done, total)
    assert "reading" in stream.getvalue()
    assert "5/5" in stream.getvalue()


def test_a_log_gets_a_line_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 4.0, 11.0, 12.0, 25.0])
    fake_time = SimpleNamespace(monotonic=lambda: next(clock))
    monkeypatch.setattr("trainer.data.progress.time", fake_time)
    stream = io.StringIO()
    with decoding_progress("reading", stream) as report:
        for done in range(1, 5):
            report(done, 4)
    assert stream.getvalue() == "reading: 2 of 4\nreading: 4 of 4\n"


def test_nothing_is_shown_if_nothing_is_decoded() -> None:
    stream = io.StringIO()
    with decoding_progress(stream=stream):
        pass
    assert stream.getvalue() == ""
