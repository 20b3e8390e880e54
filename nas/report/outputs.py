"""Everything that a session of a search leaves in the run's folder beside the ledger."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from nas.analysis.pareto import pareto_front
from nas.candidate import Record
from nas.finalists.finalists import Finalist, Finals, winner
from nas.report.page import write_report
from nas.run_folder.files import architecture_file, trials_table, write_best, write_trials
from nas.settings.config import SearchConfig
from search_space.architecture_file import BEST, save_architecture
from search_space.atomic_file import write_atomic
from search_space.space import SearchSpace


def write_outputs(
    folder: Path,
    records: Sequence[Record],
    finals: Finals | None,
    config: SearchConfig,
    space: SearchSpace,
) -> tuple[Path, ...]:
    """Write what people read of a run, and return the files, the most important first.

    Where nobody can win there is no ``best.json``; one of a time when somebody seemed able to
    is removed.

    Raises:
        OSError: If a file cannot be written.
    """
    files = [
        *write_finals(folder, finals),
        *write_front(folder, records, config, space),
        write_trials(folder, records, space),
        write_report(folder, records, config, space, finals),
    ]
    best = winner(records, finals)
    if best is None:
        (folder / BEST).unlink(missing_ok=True)  # of a time when one seemed able to win
        return tuple(files)
    confirmed = finals.winner if finals else None
    finalist = confirmed.provenance() if confirmed else None
    return write_best(folder, best, config, space, finalist=finalist), *files


FRONT = "front"


def finals_table(finals: Finals) -> pd.DataFrame:
    """Return one row a finalist, the best after the further trainings first."""
    winner = finals.winner
    return pd.DataFrame(
        [
            _finalist_row(rank, one, is_winner=one is winner)
            for rank, one in enumerate(finals.finalists, start=1)
        ]
    )


def write_finals(folder: Path, finals: Finals | None) -> tuple[Path, ...]:
    """Write ``finalists.csv``, readable by pandas without this package; without finals, none."""
    path = folder / "finalists.csv"
    if finals is None:
        path.unlink(missing_ok=True)  # of a smaller budget, and no longer true
        return ()
    write_atomic(path, finals_table(finals).to_csv(index=False))
    return (path,)


def front_table(records: Sequence[Record], space: SearchSpace) -> pd.DataFrame:
    """Return the rows of ``trials.csv`` that lie on the front of accuracy, step time and params.

    The most accurate comes first; `nas.front.pareto_front` says what is on it.
    """
    front = pareto_front(records)
    order = {record.candidate.number: place for place, record in enumerate(front)}
    return trials_table(front, space).sort_values("number", key=lambda column: column.map(order))


def write_front(
    folder: Path, records: Sequence[Record], config: SearchConfig, space: SearchSpace
) -> tuple[Path, ...]:
    """Write ``pareto.csv``, and ``front/KEY.json`` for each network of the front.

    The files are architecture files, which nas-scale and nas-train read. Those of networks that
    are no longer on the front go.
    """
    path, home = folder / "pareto.csv", folder / FRONT
    write_atomic(path, front_table(records, space).to_csv(index=False))
    home.mkdir(exist_ok=True)
    kept = set()
    for record in pareto_front(records):
        file = architecture_file(folder.name, record, config, space)
        save_architecture(home / f"{file.architecture.key}.json", file)
        kept.add(f"{file.architecture.key}.json")
    for old in home.glob("*.json"):
        if old.name not in kept:
            with suppress(FileNotFoundError):
                old.unlink()
    return (path,)


def _finalist_row(rank: int, one: Finalist, *, is_winner: bool) -> dict[str, Any]:
    before = one.record.outcome
    row: dict[str, Any] = {
        "rank": rank,
        "number": one.record.candidate.number,
        "key": one.record.candidate.key,
        "winner": is_winner,
        "rank_after_search": one.first_rank,
        "reward_after_search": before.reward,
        "accuracy_after_search": before.training.accuracy,
        "trainings": len(one.trained),
        "failed_trainings": one.failed,
        "epochs": one.trainings[0].epochs,
        "reward": one.reward,
    }
    if one.trained:
        row |= {
            "accuracy_mean": one.confirmed.outcome.training.accuracy,
            "accuracy_std": one.accuracy_std,
            "accuracy_min": min(one.accuracies),
            "accuracy_max": max(one.accuracies),
            "step_time_s": one.confirmed.outcome.costs.step_time_s,
            "relative_step_time": one.confirmed.outcome.costs.relative_step_time,
            "num_params": before.costs.num_params,
            "at_chance": one.at_chance,
        }
    reasons = sorted({end.reason for end in one.outcomes if end.reason})
    return {**row, "reason": "; ".join(reasons)}
