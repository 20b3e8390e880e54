"""Files of what the further trainings of the finalists predict for their held-out images.

The report compares them: an image that every network gets wrong may have a wrong label. The
files are no part of the result: without them a search ends the same way.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nas.engine.job import Training
from trainer.proxy.predictions import Predictions
from trainer.tensor_file import load_tensors, save_tensors

SCHEMA = "nas.predictions/1"
FOLDER = "predictions"  # in a run's folder
_COLUMNS = {  # with the type of each
    **dict.fromkeys(("positions", "labels", "predicted"), torch.int64),
    **dict.fromkeys(("confidence", "label_probability"), torch.float32),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionFiles:
    """The folder of a run's files ``NUMBER-seedS-epochsE.pt``. A value: it is pickled.

    Attributes:
        folder: The folder, absolute. A worker without access to it writes no file.
        run_id: The ledger's; files of another run in the folder are ignored.
    """

    folder: Path
    run_id: str

    @classmethod
    def of_run(cls, folder: Path, run_id: str) -> "PredictionFiles":
        """Return the files of the run in `folder`."""
        return cls(folder=(folder / FOLDER).resolve(), run_id=run_id)

    def save(self, training: Training, predictions: Predictions) -> None:
        """Write the file of a training, whole or not at all; nothing without the folder.

        Raises:
            OSError: If it cannot be written.
        """
        if not self.folder.is_dir():
            return
        columns = {
            name: torch.as_tensor(getattr(predictions, name), dtype=kind)
            for name, kind in _COLUMNS.items()
        }
        save_tensors(self.path(training), {**self._head(training), **columns}, schema=SCHEMA)

    def find(self, training: Training) -> Predictions | None:
        """Return what a training predicted; None if this run has no file of it.

        Raises:
            ValueError: If the file is damaged; the message names it.
            OSError: If it cannot be read.
        """
        path = self.path(training)
        try:
            content = load_tensors(path, torch.device("cpu"), schema=SCHEMA)
        except FileNotFoundError:
            return None
        head = self._head(training)
        if {name: content.get(name) for name in head} != head:
            return None
        try:
            return Predictions(
                **{name: _column(content, name, kind) for name, kind in _COLUMNS.items()}
            )
        except ValueError as error:
            raise ValueError(f"{path}: damaged: {error}") from error

    def path(self, training: Training) -> Path:
        """Return the file of a training."""
        return self.folder / f"{training.file_stem}.pt"

    def _head(self, training: Training) -> dict[str, Any]:
        return {"run_id": self.run_id, "key": training.key}


def _column(content: dict[str, Any], name: str, kind: torch.dtype) -> Any:
    value = content.get(name)
    if not isinstance(value, torch.Tensor) or value.ndim != 1 or value.dtype != kind:
        raise ValueError(f"{name} must be one column of {kind}")
    return value.numpy()
