"""NAS-Bench-201 as a space and a reward: 15,625 cells, each trained by the benchmark's authors.

The parquet file has a row per cell with the columns ``op_0_1`` to ``op_2_3``, the validation
accuracies after 12 epochs and the test accuracies after 200, seconds per training epoch, and
parameters.
"""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nas.candidate import Candidate, Choice, Choices, Outcome, State
from nas.metrics import Metric, Metrics
from nas.reward import weighted_product
from search_space.spaces.decision import Decision, canonical

EDGES = ("op_0_1", "op_0_2", "op_1_2", "op_0_3", "op_1_3", "op_2_3")
# Name -> columns of 12-epoch validation accuracy, 200-epoch test accuracy, seconds per epoch.
DATA_SETS = {
    "cifar10": ("c10valid_val_acc_12ep", "c10_test_acc_200ep", "c10valid_train_s_per_epoch"),
    "cifar100": ("c100_val_acc_12ep", "c100_test_acc_200ep", "c100_train_s_per_epoch"),
    "imagenet16": ("in16_val_acc_12ep", "in16_test_acc_200ep", "in16_train_s_per_epoch"),
}
DATA_SETS |= {f"{name}accuracy": columns for name, columns in DATA_SETS.items()}  # the reward
EPOCHS = 12
VARIABLE = "NASBENCH201"


def table_path(given: Path | None) -> Path:
    """Return `given`, or else the parquet file in the environment variable NASBENCH201.

    Raises:
        FileNotFoundError: If no file is given or the file does not exist.
    """
    named = os.environ.get(VARIABLE)
    path = given or (Path(named) if named else None)
    if path is None:
        raise FileNotFoundError(f"name the table with --table or the variable {VARIABLE}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no table {path}")
    return path


@dataclass(frozen=True, kw_only=True)
class Table:
    """A search space in which every candidate has a recorded result.

    Attributes:
        edges: The six decisions: the operation of each edge of the cell.
        rows: A cell's operations, joined by "/" -> its row.
        outcomes: Per row: the reward and its parts.
        reward: Per row.
        test_accuracy: Per row, after 200 epochs, in percent.
        seconds: Per row: training time of the 12 epochs.
    """

    edges: tuple[Decision, ...]
    rows: Mapping[str, int]
    outcomes: tuple[Outcome, ...]
    reward: np.ndarray
    test_accuracy: np.ndarray
    seconds: np.ndarray

    @classmethod
    def load(cls, path: Path, data_set: str) -> "Table":
        """Read the table; step time and parameters are relative to the table's medians.

        For the data sets called "accuracy" the reward is the accuracy alone.
        """
        exponents = {"w": 0.0, "v": 0.0} if data_set.endswith("accuracy") else {}
        frame = pd.read_parquet(path)
        accuracy, test, epoch_s = DATA_SETS[data_set]
        step_time = frame[epoch_s] / frame[epoch_s].median()
        params = frame["params_m_computed"] / frame["params_m_computed"].median()
        outcomes = tuple(
            _outcome(*parts, **exponents)
            for parts in zip(frame[accuracy] / 100, step_time, params, strict=True)
        )
        cells = frame[list(EDGES)].agg("/".join, axis=1)
        return cls(
            edges=tuple(
                Decision(name=edge, options=tuple(sorted(frame[edge].unique()))) for edge in EDGES
            ),
            rows={cell: row for row, cell in enumerate(cells)},
            outcomes=outcomes,
            reward=np.array([outcome.reward for outcome in outcomes]),
            test_accuracy=frame[test].to_numpy(),
            seconds=EPOCHS * frame[epoch_s].to_numpy(),
        )

    def decisions(self) -> tuple[Decision, ...]:
        return self.edges

    def canonical(self, choices: Choices) -> dict[str, Choice]:
        return canonical(self.edges, choices)

    def key(self, choices: Choices) -> str:
        return "/".join(str(choices[edge]) for edge in EDGES)

    def size(self) -> int:
        return len(self.rows)

    def sample(self, rng: random.Random) -> dict[str, Choice]:
        return {edge.name: rng.choice(edge.options) for edge in self.edges}

    def row(self, candidate: Candidate) -> int:
        return self.rows[candidate.key]


def _outcome(accuracy: float, step_time: float, params: float, **exponents: float) -> Outcome:
    metrics: dict[str, Metric] = {
        "accuracy": accuracy,
        "relative_step_time": step_time,
        "relative_params": params,
    }
    reward = weighted_product(accuracy, step_time, params, **exponents)
    return Outcome(state=State.COMPLETE, reward=reward, metrics=Metrics(other=metrics))
