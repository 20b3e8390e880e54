"""A run ranked anew for other exponents of the reward, without any training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from nas.analysis.ranking import contenders
from nas.candidate import Record, State
from nas.report.console_tables import top_table
from nas.reward import weighted_product
from nas.run_folder.files import architecture_file
from nas.run_folder.read import read_run
from search_space.architecture_file import save_architecture
from search_space.space import SearchSpace


def reweigh(records: Sequence[Record], *, w: float, v: float) -> tuple[Record, ...]:
    """Return the candidates that can win, with the rewards of other exponents, best first.

    Accuracy, step time and parameters are those of the search, one short training each: the
    further trainings of a few finalists would not compare with them.

    Args:
        records: Candidates with their measurements.
        w: Exponent of step time, <= 0.
        v: Exponent of parameters, <= 0.

    Raises:
        ValueError: If an exponent is above zero or not finite.
    """
    ranked = [_with_reward(record, w=w, v=v) for record in records if record.can_win]
    return tuple(sorted(ranked, key=lambda record: record.rank, reverse=True))


def reweigh_run(folder: Path, *, w: float, v: float) -> tuple[tuple[Record, ...], Path, int]:
    """Rank the run in `folder` anew and write its winner for these exponents.

    The ledger and ``best.json`` stay as they are; the winner goes to ``best-wW-vV.json``.

    Returns:
        The candidates, best first, the file, and how many were dropped before training, which
        have no accuracy to rank by.

    Raises:
        ValueError: If the folder holds no run, nobody can win it, or an exponent is out of range.
        OSError: If something cannot be read or written.
    """
    run = read_run(folder)
    ranked = reweigh(run.records, w=w, v=v)
    if not ranked:
        raise ValueError(f"{folder}: no candidate of this run was trained to more than chance")
    config = run.config.model_copy(update={"w": w, "v": v})
    file = architecture_file(folder.name, ranked[0], config, SearchSpace.load(config.space))
    note = {"w": w, "v": v, "of_the_search": {"w": run.config.w, "v": run.config.v}}
    path = folder / f"best-w{w:g}-v{v:g}.json"
    save_architecture(path, replace(file, provenance={**file.provenance, "reweighed": note}))
    dropped = sum(record.outcome.state is State.DROPPED for record in run.records)
    return ranked, path, dropped


def _with_reward(record: Record, *, w: float, v: float) -> Record:
    outcome, costs = record.outcome, record.outcome.costs
    reward = weighted_product(
        outcome.training.accuracy, costs.relative_step_time, costs.relative_params, w=w, v=v
    )
    return replace(record, outcome=replace(outcome, reward=reward))


def show_reweighed(folder: Path, w: float, v: float, console: Console) -> None:
    """Print a run's candidates for other exponents, and write the winner's file.

    Raises:
        ValueError: If the folder holds no run, nobody can win it, or an exponent is out of range.
        OSError: If something cannot be read or written.
    """
    ranked, path, dropped = reweigh_run(folder, w=w, v=v)
    able = contenders(ranked)
    title = f"Top {min(5, len(able))} of {len(able)} for w = {w:g}, v = {v:g}"
    console.print(top_table(able, title=title))
    console.print(str(path), highlight=False, soft_wrap=True)
    if dropped:
        console.print(
            f"dropped before training by the search's own exponents, and so not ranked: {dropped}",
            highlight=False,
            soft_wrap=True,
        )
