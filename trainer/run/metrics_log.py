"""Metrics of a training: metrics.csv and the trackers, continued by a resumed training."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from search_space.atomic_file import write_atomic
from trainer.fit.evaluation import Evaluation
from trainer.fit.plan import TrainPlan
from trainer.fit.step import StepReport
from trainer.trackers.selection import Trackers

METRICS = "metrics.csv"


@dataclass(slots=True)
class Window:
    """Sums over the steps since the last evaluation, or over a phase; times in seconds."""

    steps: int = 0
    images: int = 0
    loss: float = 0.0
    top1: float = 0.0
    wait_s: float = 0.0
    seconds: float = 0.0

    def add(self, report: StepReport) -> None:
        """Add a step."""
        self.steps += 1
        self.images += report.images
        self.loss += report.loss
        self.top1 += report.top1
        self.wait_s += report.wait_s
        self.seconds += report.seconds

    def images_per_sec(self) -> float:
        """Return the images per second of wall time in this process."""
        return self.images / self.seconds if self.seconds else 0.0


class MetricsLog:
    """Writes a row of metrics.csv, and the same numbers to the trackers, at every evaluation.

    It is a `trainer.fit.step.TrainingObserver`.

    Args:
        folder: Folder of the run.
        plan: Plan of the training.
        start: Number of finished steps at the start of this process; later rows are removed.
        trackers: They receive every row.

    Attributes:
        rows: Rows of the file.
        phases: Sums over this process's steps by index of the phase.
    """

    def __init__(self, folder: Path, plan: TrainPlan, start: int, trackers: Trackers) -> None:
        self.rows = [row for row in read_metrics(folder) if row["step"] <= start]
        self.phases: defaultdict[int, Window] = defaultdict(Window)
        self._file, self._plan = folder / METRICS, plan
        self._window = Window()
        self._last: StepReport | None = None
        self._skipped = int(self.rows[-1]["skipped_steps"]) if self.rows else 0
        self._trackers = trackers

    def stepped(self, report: StepReport) -> None:
        """Add a step to the sums."""
        self._window.add(report)
        self.phases[report.phase].add(report)
        self._skipped += not report.applied
        self._last = report

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Write the row of an evaluation."""
        last, window = self._last, self._window
        if last is None:
            return
        steps = max(1, window.steps)
        row = {
            "step": step,
            "epoch": step / self._plan.steps_per_epoch,
            "phase": last.phase + 1,
            **asdict(self._plan.phases[last.phase]),
            "learning_rate": last.learning_rate,
            "train_loss": window.loss / steps,
            "train_top1": window.top1 / steps,
            "images_per_sec": window.images_per_sec(),
            "data_wait_s": window.wait_s / steps,
            "skipped_steps": self._skipped,
            "train_seconds": last.train_seconds,
            **_measured("", raw),
            **(_measured("ema_", averaged) if averaged else {}),
        }
        self.rows.append(row)
        write_atomic(self._file, pd.DataFrame(self.rows).to_csv(index=False))
        self._trackers.log({name: row[name] for name in row if name != "step"}, step)
        self._window = Window()

    def rewound(self, step: int, rate_scale: float) -> None:
        """Remove the rows after `step`."""
        self._trackers.log({"rate_scale": rate_scale}, step)
        self.rows = [row for row in self.rows if row["step"] <= step]
        self._window = Window()

    def finish(self, *, finished: bool) -> None:
        """End the run in the trackers, with its last row if the training is finished."""
        last = dict(self.rows[-1]) if self.rows else {}
        self._trackers.finish(last if finished else None)


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a run's metrics.csv; none if the file does not exist."""
    path = folder / METRICS
    if not path.exists():
        return []
    rows = pd.read_csv(path).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _measured(prefix: str, evaluation: Evaluation) -> dict[str, float]:
    return {f"{prefix}{name}": getattr(evaluation, name) for name in ("top1", "top5", "loss")}
