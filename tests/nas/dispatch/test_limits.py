"""Durations, sizes and limits: parsing, and their effect on the queue."""

import math
import time
from pathlib import Path

import pytest

from nas.candidate import Candidate, Outcome, State
from nas.dispatch.dispatcher import Dispatcher
from nas.dispatch.limits import Limits, RungTimeouts, Timeout, TooManyFailuresError
from nas.engine.engine import Engine
from nas.engine.events import Died, Opened, Told
from nas.engine.ledger import Ledger, read_ledger
from nas.engine.study import quiet_optuna
from nas.samplers import sampler_factory
from nas.session import spent_seconds
from nas.units import Duration, MemorySize
from tests.toys.space import ToySpace, toy_outcome


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2h", 7200), ("90m", 5400), ("45s", 45), ("1h30m", 5400), ("1d", 86400), ("0.5h", 1800),
     ("30", 30), (" 2H ", 7200), ("1h0m5s", 3605), ("1h30", 3630)],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert Duration.parse(text) == Duration(seconds, text)


@pytest.mark.parametrize("text", ["", "soon", "0", "0h", "-5m", "2h ago", "30m1h", "inf", "nan"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time such as 2h"):
        Duration.parse(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4 * 10**9), ("512 MiB", 512 * 2**20), ("1.5T", 1_500_000_000_000), ("64k", 64_000)],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert MemorySize.parse(text) == MemorySize(size, text)


@pytest.mark.parametrize("text", ["", "4", "GB", "0GB", "-1GB", "4 apples"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a size such as"):
        MemorySize.parse(text)


def test_a_timeout_is_a_time_a_multiple_of_the_median_or_none() -> None:
    assert Timeout.parse("10m") == Timeout(seconds=600)
    assert Timeout.parse("20x") == Timeout(multiple=20)
    assert Timeout.parse("off") == Timeout()
    for text in ("never", "1x", "0.5x", "x"):
        with pytest.raises(ValueError, match="must be"):
            Timeout.parse(text)


def test_a_rung_is_measured_by_its_own_kind() -> None:
    timeouts = RungTimeouts(Timeout.parse("20x"))
    for _ in range(5):
        timeouts.add_duration(0, 100.0)
    assert timeouts.limit_s(0) == 2000
    assert timeouts.limit_s(1) == 20_000  # few know yet: ten times the rung before
    assert timeouts.limit_s(2) == 200_000
    for _ in range(5):
        timeouts.add_duration(1, 300.0)
    assert (timeouts.limit_s(0), timeouts.limit_s(1)) == (2000, 6000)
    assert RungTimeouts(Timeout(seconds=7)).limit_s(2) == 7
    assert RungTimeouts(Timeout()).limit_s(2) == math.inf


def test_a_multiple_waits_for_a_median_and_is_never_less_than_ten_minutes() -> None:
    timeout = Timeout.parse("20x")
    durations = [100.0, 5000.0, 110.0, 90.0]
    for known in range(5):
        assert timeout.limit_s(durations[:known]) == math.inf
    assert timeout.limit_s([*durations, 100.0]) == 2000  # of 90, 100, 100, 110, 5000
    assert timeout.limit_s([1.0] * 5) == 600
    assert Timeout().limit_s([1.0] * 5) == math.inf
    assert Timeout(seconds=7).limit_s([]) == 7


def queue_of(path: Path, limits: Limits, *, budget: int = 40) -> tuple[Dispatcher, Ledger]:
    quiet_optuna()
    ledger = Ledger(path, {})
    engine = Engine(ToySpace(), sampler_factory("random", seed=0), ledger, budget=budget)
    return Dispatcher(engine, limits=limits), ledger


def take(queue: Dispatcher) -> Candidate:
    candidate = queue.next_job()
    assert candidate is not None
    return candidate


def test_no_more_are_handed_out_at_once_than_may(tmp_path: Path) -> None:
    queue, ledger = queue_of(tmp_path / "ledger.jsonl", Limits(max_concurrent=2))
    with ledger:
        first, second = take(queue), take(queue)
        assert queue.next_job() is None
        assert not queue.is_idle
        queue.complete(first, toy_outcome(first))
        third = take(queue)
        assert queue.next_job() is None
        queue.worker_died(third, "killed")
        assert take(queue) == third
        queue.timed_out(second, 5.0)
        take(queue)
        assert queue.next_job() is None
    queue, ledger = queue_of(tmp_path / "ledger.jsonl", Limits(max_concurrent=1))
    with ledger:  # of the two that were in flight, one goes out
        take(queue)
        assert queue.next_job() is None


def test_after_its_time_a_session_hands_out_nothing_and_what_is_out_still_counts(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.jsonl"
    queue, ledger = queue_of(path, Limits(ends=time.monotonic() + 3600))
    with ledger:
        left = take(queue)
    queue, ledger = queue_of(path, Limits(ends=time.monotonic() - 1))
    with ledger:
        assert queue.next_job() is None  # not even what was in flight
        assert queue.is_idle
        assert queue.limits.time_is_up
    queue, ledger = queue_of(path, Limits())
    with ledger:
        assert take(queue) == left


def test_a_success_ends_a_row_of_failures(tmp_path: Path) -> None:
    queue, ledger = queue_of(tmp_path / "ledger.jsonl", Limits(max_failures=2))
    with ledger:
        for _ in range(3):
            for reason in ("NaN", "too slow"):
                queue.complete(take(queue), Outcome.failed(reason))
            queue.complete(candidate := take(queue), toy_outcome(candidate))
        queue.complete(take(queue), Outcome.failed("NaN", traceback="Traceback: here"))
        queue.complete(take(queue), Outcome.failed("NaN"))
        with pytest.raises(
            TooManyFailuresError,
            match=r"^3 candidates in a row failed: NaN \(2 times\); too slow$",
        ) as stopped:
            queue.complete(take(queue), Outcome.failed("too slow"))
    assert stopped.value.traceback == "Traceback: here"
    events = read_ledger(tmp_path / "ledger.jsonl").events
    told = [event.outcome for event in events if isinstance(event, Told)]
    assert len(told) == 12  # also the one that was too much
    assert not any(outcome.traceback for outcome in told)


def test_a_timed_out_candidate_is_a_failure_that_is_not_tried_again(tmp_path: Path) -> None:
    queue, ledger = queue_of(tmp_path / "ledger.jsonl", Limits())
    with ledger:
        slow = take(queue)
        queue.timed_out(slow, 61.2)
        assert take(queue) != slow
    events = read_ledger(tmp_path / "ledger.jsonl").events
    (told,) = [event.outcome for event in events if isinstance(event, Told)]
    assert told.state is State.FAIL
    assert told.reason == "timeout: not done after 61 s"


def test_the_time_that_sessions_took_is_read_from_their_events() -> None:
    events = [
        Opened(pid=1, host="a", time=1000.0),
        Died(number=0, reason="", time=1010.0),
        Died(number=0, reason="", time=1060.0),
        Opened(pid=2, host="a", time=5000.0),  # a killed session lasts until its last event
        Died(number=0, reason="", time=5030.0),
    ]
    assert spent_seconds(events) == 90.0
    assert spent_seconds([]) == 0.0


def test_a_clock_that_was_set_back_gives_no_negative_time() -> None:
    """50 s before the clock was set back by an hour, 30 s after; the step between is unknown."""
    times = [10_000.0, 10_050.0, 6_450.0, 6_480.0]
    opened, *died = times
    events = [
        Opened(pid=1, host="a", time=opened),
        *(Died(number=0, reason="", time=time) for time in died),
        Opened(pid=1, host="a", time=2_000.0),  # set back further between two sessions
        Died(number=0, reason="", time=2_007.0),
    ]
    assert spent_seconds(events) == 50.0 + 30.0 + 7.0


def test_a_clock_that_is_set_during_a_session_does_not_change_durations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        for jump in (-7200.0, 3 * 86_400.0):
            wall = time.time() + jump
            monkeypatch.setattr(time, "time", lambda wall=wall: wall)
            ledger.append(Died(number=0, reason=""))
    events = read_ledger(tmp_path / "ledger.jsonl").events
    assert len(events) == 3
    assert [event.time for event in events] == sorted(event.time for event in events)
    assert spent_seconds(events) < 3600.0


def test_limits_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Limits\.max_failures must be >= 0, got -1"):
        Limits(max_failures=-1)
    with pytest.raises(ValueError, match=r"Limits\.max_concurrent must be >= 1, got 0"):
        Limits(max_concurrent=0)
