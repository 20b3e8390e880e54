"""Entry points of the commands.

Torch, Ray and pandas take seconds to import. This module imports none of them: each command is
imported when it starts, and Ctrl-C is handled by then.
"""

from collections.abc import Callable
from functools import partial
from pkgutil import resolve_name

from nas.module_path import leave_out_current_folder


def _command(name: str, function: str) -> Callable[[], int]:
    """Return a function that imports ``module:function`` and runs it as command `name`."""

    def run() -> int:
        leave_out_current_folder()
        from search_space.command_line.startup import start_command  # not another one's

        return start_command(name, partial(resolve_name, function))

    return run


search = _command("nas-search", "nas.cli:main")
scale = _command("nas-scale", "nas.scale_command:main")
train = _command("nas-train", "trainer.train_cli:main")
evaluate = _command("nas-evaluate", "trainer.evaluate_cli:main")
export = _command("nas-export", "trainer.export_cli:main")
time = _command("nas-time", "trainer.time_cli:time_main")
predict = _command("nas-predict", "trainer.predict_cli:main")
report = _command("nas-report", "nas.report_command:main")
