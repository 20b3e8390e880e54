"""What the folder of a training holds, which may be in progress; nothing is locked or changed."""

import csv
import fcntl
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from search_space.kinds import wrong_entry
from search_space.text_files import parse_json, read_text
from trainer.config import parse_settings
from trainer.evaluation.files import EVALUATION, read_evaluations
from trainer.evaluation.record import EvaluationRecord, SplitName

CONFIG, ENVIRONMENT, SUMMARY = "config.yaml", "environment.json", "summary.json"
METRICS, LOCK = "metrics.csv", ".lock"
MAX_METRICS_BYTES = 256 * 2**20
# The split whose evaluation says most about new images is first.
SPLITS: tuple[SplitName, ...] = ("test", "validation", "holdout", "train")
Values = Mapping[str, Any]
_PHASES = list[dict[str, float | None]]
# Kinds of what the pages read of each file. Files of earlier versions lack some.
_PLAN = {
    **dict.fromkeys(("steps", "num_images", "num_evaluated"), int),
    "steps_per_epoch": float,
    "evaluated_on": str,
    "phases": _PHASES,
    "segments": list[tuple[int, int]],
}
_SUMMARY = {
    **dict.fromkeys(("steps", "num_images", "num_evaluated", "num_params", "macs"), int),
    **dict.fromkeys(("eval_size", "skipped_steps", "rewinds"), int),
    **dict.fromkeys(("epochs", "train_seconds"), float),
    **dict.fromkeys(("evaluated_on", "device", "precision", "torch_version"), str),
    "phases": _PHASES,
    "notes": list[str],
}
_ENVIRONMENT = {
    "command": list[str],
    "packages": dict[str, str],
    "images": dict[str, Any],
    "plan": dict[str, Any],
}
_CONFIG = {"recipe": dict[str, Any], "architecture": dict[str, Any]}
RunState = Literal["running", "stopped", "finished"]


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """The files of a training.

    Attributes:
        folder: Its folder; the name is that of the training.
        settings: Content of ``config.yaml``.
        environment: Content of ``environment.json``; empty without.
        summary: Content of ``summary.json``; None if the training has not ended.
        rows: Rows of ``metrics.csv``, one an evaluation during the training; numbers are finite.
        evaluations: Evaluations of the final model by split, in the order of `SPLITS`.
        is_locked: Whether a process on this machine trains in the folder.
    """

    folder: Path
    settings: Values
    environment: Values
    summary: Values | None
    rows: tuple[Mapping[str, float], ...]
    evaluations: Mapping[SplitName, EvaluationRecord]
    is_locked: bool

    @property
    def name(self) -> str:
        """Name of the training."""
        return self.folder.resolve().name

    @property
    def state(self) -> RunState:
        """Whether the training runs, has stopped before its end, or is finished."""
        if self.summary is not None:
            return "finished"
        return "running" if self.is_locked else "stopped"

    @property
    def plan(self) -> Values:
        """Phases and steps; empty in runs of earlier versions."""
        plan: Values = self.environment.get("plan", {})
        return plan

    @property
    def images(self) -> Values:
        """What was recorded of the images: name, data, notes and others."""
        images: Values = self.environment.get("images", {})
        return images

    @property
    def recipe(self) -> Values:
        """The settings of the recipe."""
        recipe: Values = self.settings.get("recipe", {})
        return recipe

    @property
    def architecture(self) -> Values:
        """The architecture file that was trained."""
        file: Values = self.settings.get("architecture", {})
        return file

    @property
    def total_steps(self) -> int | None:
        """Steps of the whole training; None if they are not on file."""
        steps: int | None = (self.summary or self.plan).get("steps")
        return steps

    @cached_property
    def step(self) -> int:
        """Steps that are known to be done: at the newest evaluation or checkpoint."""
        if self.summary is not None and self.total_steps is not None:
            return self.total_steps
        names = (path.stem for path in (self.folder / "checkpoints").glob("step-*.pt"))
        numbers = [name.removeprefix("step-") for name in names]
        saved = [int(number) for number in numbers if number.isascii() and number.isdigit()]
        return max([*saved, *(int(row["step"]) for row in self.rows[-1:])], default=0)


def is_training(folder: Path) -> bool:
    """Return whether `folder` holds a training, by the settings in its ``config.yaml``.

    Raises:
        OSError: If the file cannot be read.
    """
    try:
        return isinstance(_settings(folder).get("recipe"), dict)
    except (ValueError, FileNotFoundError, NotADirectoryError):
        return False


def read_training(folder: Path) -> TrainingRun:
    """Return the training in `folder`, which may be in progress.

    Raises:
        ValueError: If the folder holds none, or a file is damaged; names the file.
        OSError: If a file cannot be read.
    """
    if not (folder / CONFIG).exists():
        raise ValueError(f"{folder} holds no training: there is no {CONFIG}")
    evaluations = read_evaluations(folder / EVALUATION)
    summary = _json_file(folder / SUMMARY, _SUMMARY)
    environment = _json_file(folder / ENVIRONMENT, _ENVIRONMENT) or {}
    _require_kinds(folder / ENVIRONMENT, environment.get("plan", {}), _PLAN)
    settings = _settings(folder)
    _require_kinds(folder / CONFIG, settings, _CONFIG)
    return TrainingRun(
        folder=folder,
        settings=settings,
        environment=environment,
        summary=summary,
        rows=read_rows(folder / METRICS),
        evaluations={split: evaluations[split] for split in SPLITS if split in evaluations},
        is_locked=summary is None and _is_locked(folder / LOCK),
    )


def read_rows(path: Path) -> tuple[dict[str, float], ...]:
    """Return the rows of a ``metrics.csv``; none if it does not exist. Other cells are left out.

    Raises:
        ValueError: If a row has no step or no epoch, as after damage; names file and row.
        OSError: If it cannot be read.
    """
    if not path.exists():
        return ()
    rows = []
    text = read_text(path, max_bytes=MAX_METRICS_BYTES)
    for number, cells in enumerate(csv.DictReader(io.StringIO(text, newline="")), start=2):
        row = {
            str(name): value for name, cell in cells.items() if (value := _number(cell)) == value
        }
        if not {"step", "epoch", "phase"} <= row.keys():
            raise ValueError(f"{path}, row {number}: it is damaged: no step, epoch and phase")
        rows.append(row)
    return tuple(rows)


def _number(cell: object) -> float:
    """Return a finite number, or NaN for anything else."""
    try:
        value = float(str(cell))
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def _settings(folder: Path) -> Values:
    path = folder / CONFIG
    return parse_settings(read_text(path), place=str(path))


def _require_kinds(path: Path, values: Values, kinds: Mapping[str, Any]) -> None:
    if wrong := wrong_entry(values, kinds):
        raise ValueError(f"{path} is damaged: {wrong}")


def _json_file(path: Path, kinds: Mapping[str, Any]) -> Values | None:
    """Return the content of a JSON file, None if there is none.

    Files of old runs may have numbers that are not finite, which strict JSON has no word for.
    """
    if not path.exists():
        return None
    text = read_text(path)
    try:
        value = json.loads(text) if "NaN" in text or "Infinity" in text else parse_json(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} is damaged: it holds no values by name")
    _require_kinds(path, value, kinds)
    return value


def _is_locked(path: Path) -> bool:
    """Return whether a process holds the lock of a training's folder."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:  # no such file, or a file system without locks
        return False
