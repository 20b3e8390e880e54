"""Command `nas-time --space`: measures the step time table of a search space on this device."""

import argparse
import json
from functools import partial
from pathlib import Path

from rich.progress import Progress

from search_space.command_line.command import print_lines
from search_space.command_line.terminal import PlainConsole, visible
from search_space.space import SearchSpace
from trainer.data.progress import progress_bar
from trainer.device.gate import DeviceGate, device_key
from trainer.step_table.build import build_step_table
from trainer.step_table.table import StepTable, save_step_table
from trainer.timing.synthetic_step import StepSettings

DEFAULT_TABLE = Path("step_times.json")


def table_command(args: argparse.Namespace, settings: StepSettings) -> int:
    """Build the table of ``args.space``, write it, and print its size and accuracy.

    Raises:
        ValueError: If the space is unknown.
        OSError: If the file cannot be written.
    """
    space, path = SearchSpace.load(args.space), args.table or DEFAULT_TABLE
    if not path.parent.is_dir():
        raise ValueError(f"--table {path}: there is no folder {path.parent}")
    image_size = args.image_size or space.proxy_image_size
    with (
        table_progress() as progress,
        DeviceGate(
            device_key(settings.device), notice=partial(print_lines, progress.console)
        ) as gate,
    ):
        table = build_step_table(
            space,
            image_size,
            settings,
            gate,
            networks=args.calibration_networks,
            progress=progress,
        )
    save_step_table(path, table)
    if args.json:
        content = table.to_dict()
        kept = ("conditions", "reference_step_time_s", "relative_error", "seconds")
        counts = {"parts": len(table.parts), "networks": len(table.measured)}
        shown = {"table": str(path), **{name: content[name] for name in kept}, **counts}
        print(json.dumps(shown, indent=2))
    else:
        print(visible(f"{summary_line(table)}\nwrote {path}", kept="\n"))
    return 0


def table_progress() -> Progress:
    """Return a display on stderr of the timed groups of parts and networks, and the time left."""
    return progress_bar("timing {task.description}", console=PlainConsole(stderr=True))


def summary_line(table: StepTable) -> str:
    """Return one line with the size, the accuracy and the duration of a table."""
    return (
        f"{len(table.parts)} parts of {table.conditions.space} and {len(table.measured)} whole "
        f"networks timed in {table.seconds:.0f} s; predictions are off by "
        f"{table.relative_error:.1%} on average (each network from the others)"
    )
