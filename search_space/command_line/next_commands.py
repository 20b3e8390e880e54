"""The lines at the end of a command that name the next commands."""

import shlex
from collections.abc import Sequence
from pathlib import Path

FIRST = "next: "


def next_lines(*commands: Sequence[str | Path]) -> list[str]:
    """Return one line for each command, quoted so that a shell takes it as it is.

    A word in capitals, such as IMAGES, stands for what only the user knows.
    """
    texts = [shlex.join(map(str, words)) for words in commands]
    return [
        f"{FIRST if number == 0 else ' ' * len(FIRST)}{text}" for number, text in enumerate(texts)
    ]
