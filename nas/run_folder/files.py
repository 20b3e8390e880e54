"""Files of a run besides the ledger: trials.csv, best.json, config.yaml, environment.json."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from search_space.checksum import with_comment
from search_space.space import SearchSpace
from trainer.data.cache.images import CachedImages
from trainer.data.notes import image_notes
from trainer.device.naming import cpu_name
from trainer.environment import write_environment
from trainer.export.search_ledger import ledger_facts
from trainer.machine.cpus import available_cpus

COSTS = ("step_time_s", "relative_step_time", "num_params", "macs", "peak_memory_bytes")
LATENCY = ("latency_s", "relative_latency")  # if a constraint of the search limits it
# First columns of trials.csv; the decisions and all other metrics follow.
LEADING_COLUMNS = ("number", "key", "state", "reward", "accuracy", *COSTS)
PACKAGES = ("torch", "ray", "optuna", "numpy", "pandas")


def trials_table(records: Sequence[Record], space: SearchSpace) -> pd.DataFrame:
    """Return one row per candidate: choices, metrics, state.

    The choices of a removed stage and the missing metrics of a failed candidate are empty.
    """
    rows = [_row(record) for record in sorted(records, key=lambda r: r.candidate.number)]
    names = [decision.name for decision in space.decisions()]
    columns = dict.fromkeys([*LEADING_COLUMNS, *names, "reason", "seconds", "worker"])
    columns |= dict.fromkeys(name for row in rows for name in row)
    # Without this type, whole numbers in a column with empty cells would become floats.
    whole = [name for name in columns if {type(row[name]) for row in rows if name in row} == {int}]
    return pd.DataFrame(rows, columns=list(columns)).astype(dict.fromkeys(whole, "Int64"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """Writes the files of a run, and returns their paths.

    Attributes:
        folder: The run's folder; its name is that of the run.
        config: The search's settings.
        space: Maps choices to networks.
    """

    folder: Path
    config: SearchConfig
    space: SearchSpace

    def write_trials(self, records: Sequence[Record]) -> Path:
        """Write ``trials.csv``, which pandas reads without this package."""
        table = trials_table(records, self.space)
        return write_atomic(self.folder / "trials.csv", table.to_csv(index=False))

    def write_best(self, winner: Record, finalist: Mapping[str, Any] | None = None) -> Path:
        """Write ``best.json``, the architecture file that nas-scale and nas-train read.

        `finalist` describes the winner's further trainings; it is None if there were none.
        """
        path = self.folder / BEST
        save_architecture(path, self.architecture_file(winner, finalist))
        return path

    def architecture_file(
        self, record: Record, finalist: Mapping[str, Any] | None = None
    ) -> ArchitectureFile:
        """Return the architecture file of a trained candidate of the run."""
        row, costs = _row(record), record.outcome.costs
        latency = [name for name in LATENCY if name in row]
        return ArchitectureFile(
            architecture=self.space.architecture(record.candidate.choices),
            name=f"{self.folder.name}-{record.candidate.number}",
            train_size=self.space.image_size.train,
            eval_size=self.space.image_size.eval,
            metrics={name: row[name] for name in ("accuracy", *COSTS, *latency, "reward")},
            provenance={
                "command": "nas-search",
                "run": self.folder.name,
                "candidate": record.candidate.number,
                "choices": dict(record.candidate.choices),
                "space": self.space.name,
                "settings": self.config.identity(),
                "num_classes": costs.num_classes,
                "device": costs.timing.device,
                "torch_version": costs.timing.torch_version,
                "finalist": finalist,
                "ledger": ledger_facts(self.folder),
            },
        )

    def write_config(self) -> Path:
        """Write ``config.yaml``: all settings, defaults included."""
        settings = yaml.safe_dump(self.config.model_dump(mode="json"), sort_keys=False)
        return write_atomic(self.folder / "config.yaml", with_comment(settings))

    def write_environment(self, images: CachedImages) -> Path:
        """Write ``environment.json``: versions, host, commit, command, seed and the images."""
        return write_environment(
            self.folder,
            command=map(without_password, sys.argv),
            seed=self.config.seed,
            packages=PACKAGES,
            device={
                "cpu": cpu_name(),
                "cores": available_cpus(),
                "gpus": [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())],
            },
            images={
                "name": images.name,
                "cache": images.path.name,
                "folder": str(images.path),
                "content": images.content,
                "image_size": images.image_size,
                "native_size": images.native_size,
                "classes": list(images.class_names),
                "counts": {name: len(split) for name, split in images.splits.items()},
                "notes": image_notes(images, flip=self.config.proxy.flip),
            },
        )


def written_settings(
    folder: Path, config: SearchConfig, space: SearchSpace, images: CachedImages
) -> RunFiles:
    """Write ``config.yaml`` and ``environment.json``, and return the writer of the other files."""
    files = RunFiles(folder=folder, config=config, space=space)
    files.write_config()
    files.write_environment(images)
    return files


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
