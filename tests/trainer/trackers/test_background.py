"""A tracker that fails or hangs costs one line, and never the run."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from trainer.trackers.background import BackgroundTracker


class Toy:
    """A tracker that keeps its calls, and raises in the calls of one name."""

    def __init__(self, fails_in: str = "", error: BaseException | None = None) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._fails_in, self._error = fails_in, error or OSError("no network")

    def start(self, config: Mapping[str, Any]) -> str:
        self._call("start", config)
        return "https://there"

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        self._call("log", metrics, step)

    def finish(self, summary: Mapping[str, float] | None) -> None:
        self._call("finish", summary)

    def _call(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] == self._fails_in:
            raise self._error


def run_of(toy: Toy, lines: list[str], patience_s: float = 60.0) -> None:
    tracker = BackgroundTracker("toy", lambda: toy, lines.append, patience_s)
    tracker.start({"epochs": 2})
    tracker.log({"loss": 0.5}, 1)
    tracker.log({"loss": 0.4}, 2)
    tracker.finish({"top1": 0.9})


def test_calls_arrive_in_order_and_the_place_of_the_run_is_told() -> None:
    toy, lines = Toy(), list[str]()
    run_of(toy, lines)
    assert toy.calls == [
        ("start", {"epochs": 2}),
        ("log", {"loss": 0.5}, 1),
        ("log", {"loss": 0.4}, 2),
        ("finish", {"top1": 0.9}),
    ]
    assert lines == ["tracker toy: https://there"]


@pytest.mark.parametrize(("fails_in", "calls"), [("start", 1), ("log", 2), ("finish", 4)])
def test_an_error_is_one_line_and_the_tracker_is_not_called_again(
    fails_in: str, calls: int
) -> None:
    toy, lines = Toy(fails_in), list[str]()
    run_of(toy, lines)
    assert len(toy.calls) == calls
    failures = [line for line in lines if "failed" in line]
    assert failures == [
        "note: tracker toy failed, and the run goes on without it: OSError: no network"
    ]


def test_a_library_that_exits_is_an_error_too() -> None:
    lines = list[str]()
    run_of(Toy("start", SystemExit(1)), lines)
    assert lines == ["note: tracker toy failed, and the run goes on without it: SystemExit: 1"]


def test_the_line_of_an_error_has_no_password_and_no_line_break() -> None:
    lines = list[str]()
    run_of(Toy("start", ValueError("bad\nhttps://me:secret@host/\x1b[31m")), lines)
    assert len(lines) == 1
    assert "secret" not in lines[0]
    assert "\n" not in lines[0]
    assert "\x1b" not in lines[0]


def test_a_library_that_cannot_be_imported_is_one_line() -> None:
    def make() -> Toy:
        raise ImportError("No module named 'toy'")

    lines = list[str]()
    tracker = BackgroundTracker("toy", make, lines.append)
    tracker.start({})
    tracker.finish(None)
    assert len(lines) == 1
    assert "No module named 'toy'" in lines[0]


def test_a_tracker_that_hangs_is_left_behind() -> None:
    answer = threading.Event()

    class Hanging(Toy):
        def log(self, metrics: Mapping[str, float], step: int) -> None:
            answer.wait()

    lines = list[str]()
    run_of(Hanging(), lines, patience_s=0.2)
    assert "tracker toy has not answered for 0.2 s" in lines[-1]
    answer.set()
