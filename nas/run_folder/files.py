"""The files of a run that people meet, beside the ledger: written whole, from values."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
import yaml

from nas.candidate import Record
from nas.mirror.url import without_password
from nas.settings.config import SearchConfig
from search_space.architecture_file import BEST, ArchitectureFile, save_architecture
from search_space.atomic_file import write_atomic
from search_space.space import SearchSpace
from trainer.device.naming import cpu_name

# What comes first in trials.csv; the decisions and whatever else was measured follow.
LEADING_COLUMNS = (
    "number",
    "key",
    "state",
    "reward",
    "accuracy",
    "step_time_s",
    "relative_step_time",
    "num_params",
    "macs",
    "peak_memory_bytes",
)
PACKAGES = ("torch", "ray", "optuna", "numpy", "pandas")


def trials_table(records: Sequence[Record], space: SearchSpace) -> pd.DataFrame:
    """Return one row a candidate: what it is, what was measured, and how it ended.

    The choices of a removed stage, and what a failed candidate has not got, are empty.
    """
    rows = [_row(record) for record in sorted(records, key=lambda r: r.candidate.number)]
    decisions = [decision.name for decision in space.decisions()]
    known = [*LEADING_COLUMNS, *decisions, "reason", "seconds", "worker"]
    found = {name: None for row in rows for name in row}
    columns = known + [name for name in found if name not in known]
    counted = {"num_params", "macs", "peak_memory_bytes"}
    counted |= {name for name in found if _is_counted([row[name] for row in rows if name in row])}
    whole = counted | {
        decision.name
        for decision in space.decisions()
        if all(isinstance(option, int) for option in decision.options)
    }
    # Whole numbers stay whole beside empty cells, which would turn them into floats.
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(sorted(whole), "Int64"))


def write_trials(folder: Path, records: Sequence[Record], space: SearchSpace) -> Path:
    """Write ``trials.csv``, readable by pandas without this package."""
    path = folder / "trials.csv"
    write_atomic(path, trials_table(records, space).to_csv(index=False))
    return path


def write_best(
    folder: Path,
    record: Record,
    config: SearchConfig,
    space: SearchSpace,
    *,
    finalist: dict[str, Any] | None = None,
) -> Path:
    """Write ``best.json``, the architecture file that nas-scale and nas-train read.

    Args:
        folder: The run's.
        record: The winner, with the measurements to tell of.
        config: The search's settings.
        space: Gives the winner its network.
        finalist: How further trainings confirmed it; None where there were none yet.
    """
    path = folder / BEST
    save_architecture(path, architecture_file(folder.name, record, config, space, finalist))
    return path


def architecture_file(
    run: str,
    record: Record,
    config: SearchConfig,
    space: SearchSpace,
    finalist: dict[str, Any] | None = None,
) -> ArchitectureFile:
    """Return the architecture file of a trained candidate of the run called `run`."""
    outcome = record.outcome
    costs, timing = outcome.costs, outcome.costs.timing
    return ArchitectureFile(
        architecture=space.architecture(record.candidate.choices),
        name=f"{run}-{record.candidate.number}",
        train_size=space.image_size.train,
        eval_size=space.image_size.eval,
        metrics={
            "accuracy": outcome.training.accuracy,
            "step_time_s": timing.step_time_s,
            "relative_step_time": costs.relative_step_time,
            "num_params": costs.num_params,
            "macs": costs.macs,
            "peak_memory_bytes": timing.peak_memory_bytes,
            "reward": outcome.reward,
        },
        provenance={
            "command": "nas-search",
            "run": run,
            "candidate": record.candidate.number,
            "choices": dict(record.candidate.choices),
            "space": space.name,
            "settings": config.identity(),
            "num_classes": costs.num_classes,
            "device": timing.device,
            "torch_version": timing.torch_version,
            "finalist": finalist,
        },
    )


def write_config(folder: Path, config: SearchConfig) -> Path:
    """Write ``config.yaml``: every setting, those by default too."""
    path = folder / "config.yaml"
    text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)
    write_atomic(path, text)
    return path


def write_environment(folder: Path, config: SearchConfig, images: dict[str, Any]) -> Path:
    """Write ``environment.json``: versions, host, commit, command, seed and the images."""
    path = folder / "environment.json"
    environment = {
        "command": [without_password(word) for word in sys.argv],
        "seed": config.seed,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "host": platform.node(),
        "platform": platform.platform(),
        "device": {
            "cpu": cpu_name(),
            "cores": len(os.sched_getaffinity(0)),
            "gpus": [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())],
        },
        "images": images,
    }
    write_atomic(path, json.dumps(environment, indent=2) + "\n")
    return path


def _row(record: Record) -> dict[str, Any]:
    candidate, outcome = record.candidate, record.outcome
    return {
        "number": candidate.number,
        "key": candidate.key,
        "state": str(outcome.state),
        "reward": outcome.reward,
        **outcome.metrics.to_dict(),
        **candidate.choices,
        "reason": outcome.reason,
        "seconds": outcome.seconds,
        "worker": outcome.worker,
    }


def _is_counted(values: Sequence[Any]) -> bool:
    """Whether a column holds nothing but whole numbers."""
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _commit() -> str | None:
    """Return the commit of this source tree, with a plus if it was changed; None outside git."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return result.stdout.strip() or None
