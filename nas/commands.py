"""Entry points of the commands. Each imports its command once Ctrl-C is handled.

Torch, Ray and pandas take seconds to import. This module imports none of them.
"""

from collections.abc import Callable

from search_space.command_line.startup import start_command


def search() -> int:
    """Run nas-search."""

    def load() -> Callable[[], int]:
        from nas.cli import main

        return main

    return start_command("nas-search", load)


def scale() -> int:
    """Run nas-scale."""

    def load() -> Callable[[], int]:
        from nas.scale_command import main

        return main

    return start_command("nas-scale", load)


def train() -> int:
    """Run nas-train."""

    def load() -> Callable[[], int]:
        from trainer.train_cli import main

        return main

    return start_command("nas-train", load)


def time() -> int:
    """Run nas-time."""

    def load() -> Callable[[], int]:
        from trainer.time_cli import time_main

        return time_main

    return start_command("nas-time", load)


def report() -> int:
    """Run nas-report."""

    def load() -> Callable[[], int]:
        from nas.cli import report_main

        return report_main

    return start_command("nas-report", load)
