"""A wish to stop is noted once, wherever the search is when it comes."""

import signal

import pytest

from trainer.stop_signals import stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_wish_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_signals() as wish:
        assert not wish
        signal.raise_signal(number)
        assert wish
        assert wish.signal is number
    assert signal.getsignal(number) is before


def test_a_wish_that_came_before_an_inner_block_is_known_in_it() -> None:
    with stop_signals() as outer:
        signal.raise_signal(signal.SIGTERM)
        with stop_signals() as inner:
            assert inner
        assert outer


def test_a_wish_in_an_inner_block_is_known_outside_it() -> None:
    with stop_signals() as outer:
        with stop_signals():
            signal.raise_signal(signal.SIGINT)
        assert outer.signal is signal.SIGINT


def test_an_inner_block_takes_back_a_handler_that_was_taken() -> None:
    with stop_signals() as outer:
        signal.signal(signal.SIGTERM, lambda number, frame: None)  # as Ray does when it starts
        with stop_signals():
            signal.raise_signal(signal.SIGTERM)
        assert outer.signal is signal.SIGTERM


def test_a_second_interrupt_does_not_wait() -> None:
    with stop_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
