"""A finished search ranked by other exponents of the reward, without any training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from nas.analysis.ranking import contenders, ranked
from nas.candidate import Record, State
from nas.report.tables import top_table
from nas.run_folder.opening import read_run
from search_space.architecture_file import save_architecture
from search_space.command_line.command import print_lines


def rerank(records: Sequence[Record], *, w: float, v: float) -> tuple[Record, ...]:
    """Return the candidates that can win, with the rewards of other exponents, best first.

    The metrics are those of the search, from one short training each: those of the finalists'
    further trainings would not be comparable.

    Args:
        records: Candidates of a search.
        w: Exponent of step time, <= 0.
        v: Exponent of parameters, <= 0.

    Raises:
        ValueError: If an exponent is above zero or not finite.
    """
    able = [record for record in records if record.can_win]
    return tuple(ranked([replace(r, outcome=r.outcome.with_reward(w=w, v=v)) for r in able]))


def show_reranked(folder: Path, w: float, v: float, console: Console) -> Path:
    """Rank the run in `folder` by other exponents, print the best, and write the winner.

    The ledger and ``best.json`` stay as they are; the winner is written to ``best-wW-vV.json``.

    Args:
        folder: The run's folder.
        w: Exponent of step time, <= 0.
        v: Exponent of parameters, <= 0.
        console: Where to print.

    Returns:
        The winner's file.

    Raises:
        ValueError: If the folder contains no run, no candidate can win, or an exponent is out of
            range.
        OSError: If a file cannot be read or written.
    """
    run = read_run(folder)
    found = rerank(run.records, w=w, v=v)
    if not found:
        raise ValueError(f"{folder}: no candidate of this run was trained to more than chance")
    config = run.files.config
    reweighed = replace(run.files, config=config.model_copy(update={"w": w, "v": v}))
    file = reweighed.architecture_file(found[0])
    note = {"w": w, "v": v, "of_the_search": {"w": config.w, "v": config.v}}
    path = folder / f"best-w{w:g}-v{v:g}.json"
    save_architecture(path, replace(file, provenance={**file.provenance, "reweighed": note}))
    able = contenders(found)
    title = f"Top {min(5, len(able))} of {len(able)} for w = {w:g}, v = {v:g}"
    console.print(top_table(able, title=title))
    print_lines(console, str(path))
    if dropped := sum(record.outcome.state is State.DROPPED for record in run.records):
        reason = "dropped before training by the search's own exponents, and so not ranked"
        print_lines(console, f"{reason}: {dropped}")
    return path
