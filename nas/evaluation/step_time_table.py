"""A run's table of step times: made or taken over once, and kept in the run's folder."""

import shlex
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from nas.evaluation.images import memory_share_bytes
from nas.settings.config import AUTO, SearchConfig
from search_space.command_line.command import print_lines
from search_space.space import SearchSpace
from trainer.data.cache.images import CachedImages
from trainer.device.gate import DeviceGate, device_key
from trainer.step_table.build import build_step_table, table_conditions
from trainer.step_table.console import summary_line, table_progress
from trainer.step_table.table import StepTable, load_step_table, save_step_table
from trainer.timing.synthetic_step import StepSettings

TABLE = "step_times.json"


def needs_table(config: SearchConfig) -> bool:
    """Whether a search asks for predicted step times, by a constraint or by its own setting."""
    limits_step_time = any(constraint.is_of_step_time for constraint in config.constraints)
    return config.step_time_table is not None or limits_step_time


def table_of_run(
    config: SearchConfig, space: SearchSpace, images: CachedImages, folder: Path, console: Console
) -> StepTable | None:
    """Return the run's own table, or the one that it was given, or one that is made here.

    A resumed run keeps its first table, wherever it is resumed.

    Raises:
        ValueError: If a given table was made under other conditions, or there is no device here
            to make one on; the message gives the command.
        OSError: If a table cannot be read or written.
    """
    if not needs_table(config):
        return None
    own, given = folder / TABLE, config.step_time_table
    if given not in (None, AUTO):
        table = load_step_table(given)
        _require_conditions(table, given, config, space, images.num_classes)
        if own.exists() and load_step_table(own) != table:
            raise ValueError(
                f"--step-time-table {given} is not the table that this run has: {own}"
            )
    elif own.exists():
        return load_step_table(own)
    else:
        print_lines(
            console, "timing the parts of the space, once, to predict step times: some minutes"
        )
        table = _made_here(config, space, images)
        print_lines(console, summary_line(table))
    save_step_table(own, table)
    return table


def step_settings(config: SearchConfig, num_classes: int) -> StepSettings:
    """Return how the search's training steps are run."""
    return StepSettings(
        batch_size=config.proxy.batch_size,
        num_classes=num_classes,
        device=torch.device("cuda" if config.gpus_per_worker > 0 else "cpu"),
        optimizer=config.proxy.optimizer,
        precision=config.proxy.precision,
    )


def _made_here(config: SearchConfig, space: SearchSpace, images: CachedImages) -> StepTable:
    settings = step_settings(config, images.num_classes)
    if settings.device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "a table of step times is made on the device that trains, and there is no GPU here; "
            f"make one there with: {_command(config, images.num_classes)}; then add "
            f"--step-time-table {TABLE}"
        )
    if settings.device.type == "cpu":
        torch.set_num_threads(1)  # as the workers train
    with (
        table_progress() as progress,
        DeviceGate(
            device_key(settings.device), notice=partial(print_lines, progress.console)
        ) as gate,
    ):
        return build_step_table(
            space,
            config.proxy.image_size,
            settings,
            gate,
            memory_limit_bytes=memory_share_bytes(config),
            progress=progress,
        )


def _require_conditions(
    table: StepTable, path: str, config: SearchConfig, space: SearchSpace, num_classes: int
) -> None:
    settings, unknown = step_settings(config, num_classes), []
    if settings.device.type == "cuda" and not torch.cuda.is_available():
        # The workers' GPU is not known here, so the table's device is not checked.
        unknown = ["device", "torch_version"]
        settings = step_settings(config.model_copy(update={"gpus_per_worker": 0.0}), num_classes)
    wanted = table_conditions(space, config.proxy.image_size, settings)
    if difference := table.conditions.difference(wanted, ignored=unknown):
        raise ValueError(
            f"--step-time-table {path} does not fit this search, it has {difference}; make it "
            f"with: {_command(config, num_classes)}"
        )


def _command(config: SearchConfig, num_classes: int) -> str:
    """Return what makes the table that a search needs."""
    proxy = config.proxy
    words = ["nas-time", "--space", config.space, "--image-size", proxy.image_size]
    words += ["--batch-size", proxy.batch_size, "--num-classes", num_classes]
    words += ["--optimizer", proxy.optimizer, "--precision", proxy.precision, "--table", TABLE]
    return shlex.join(str(word) for word in words)
