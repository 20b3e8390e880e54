"""Stop requests: signals inside and outside nested blocks."""

import signal

import pytest

from trainer.stop_signals import stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_request_and_the_handlers_are_restored(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signals() as stop:
        assert not stop.requested()
        signal.raise_signal(number)
        assert stop.requested()
        assert stop.signal is number
    assert signal.getsignal(number) is before


def test_a_request_before_an_inner_block_is_known_in_it() -> None:
    with stop_signals() as outer:
        signal.raise_signal(signal.SIGTERM)
        with stop_signals() as inner:
            assert inner.requested()
        assert outer.requested()


def test_a_request_in_an_inner_block_is_known_outside_it() -> None:
    with stop_signals() as outer:
        with stop_signals():
            signal.raise_signal(signal.SIGINT)
        assert outer.signal is signal.SIGINT


def test_an_inner_block_sets_a_replaced_handler_again() -> None:
    with stop_signals() as outer:
        signal.signal(signal.SIGTERM, lambda number, frame: None)  # as Ray does when it starts
        with stop_signals():
            signal.raise_signal(signal.SIGTERM)
        assert outer.signal is signal.SIGTERM


def test_a_second_interrupt_raises_at_once() -> None:
    with stop_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_a_second_sigterm_does_not_interrupt() -> None:
    with stop_signals() as stop:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal is signal.SIGTERM


def test_a_closed_terminal_is_a_request_unless_it_is_ignored() -> None:
    before = signal.getsignal(signal.SIGHUP)
    try:
        for handler, wanted in ((signal.SIG_DFL, signal.SIGHUP), (signal.SIG_IGN, None)):
            signal.signal(signal.SIGHUP, handler)
            with stop_signals() as stop:
                signal.raise_signal(signal.SIGHUP)
                assert stop.signal is wanted
            assert signal.getsignal(signal.SIGHUP) is handler
    finally:
        signal.signal(signal.SIGHUP, before)
