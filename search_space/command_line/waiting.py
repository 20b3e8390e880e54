"""Lines about what a command waits for, if it waits for more than a moment."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from search_space.command_line.command import print_note

# Seconds of waiting after which the user is told what is waited for.
NOTE_AFTER_S = 2.0


@contextmanager
def said_if_slow(
    line: str, say: Callable[[str], None] = print_note, after_s: float = NOTE_AFTER_S
) -> Iterator[None]:
    """Say `line` once if the block takes longer than a moment; a quick block says nothing.

    Args:
        line: What is waited for, such as "waiting for Ray to start".
        say: Receives the line, in another thread; by default it goes to stderr.
        after_s: Seconds after which the line is said.
    """
    timer = threading.Timer(after_s, say, [line])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
