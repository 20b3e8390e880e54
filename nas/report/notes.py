"""Notes at the end of a search: skipped candidates, failures, predictions, rungs, finalists."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from nas.candidate import Record, State
from nas.dispatch.limits import failure_reasons
from nas.engine.engine import Engine
from nas.finalists.finalists import Finals
from search_space.counted import counted

MIN_FINALISTS_FOR_INTERVAL = 4  # the rank correlation of fewer has no interval
MIN_FINALISTS_FOR_RANKING = 10  # a ranking of fewer cannot be judged


@dataclass(frozen=True, slots=True, kw_only=True)
class RungCost:
    """Costs of one rung.

    Attributes:
        rung: Counted from 0.
        entered: Number of candidates that were trained in it, failures included.
        stopped_here: Number of these that reached no higher rung.
        device_seconds: Process CPU time on a CPU, wall time on a GPU.
    """

    rung: int
    entered: int
    stopped_here: int
    device_seconds: float


def search_notes(engine: Engine) -> list[str]:
    """Return one sentence per line: skipped candidates, failures, why it ended early."""
    counts, notes = engine.counts, []
    for number, noun, what in (
        (counts.duplicates, "proposal", "known already, and not trained again"),
        (counts.infeasible, "proposal", "not trained, for breaking a constraint"),
        (counts.over_limit, "candidate", "timed and not trained, for breaking a constraint"),
    ):
        if number:
            notes.append(f"{counted(number, noun)} {'was' if number == 1 else 'were'} {what}")
    if counts.failed:
        failed = [record for record in engine.records() if record.outcome.state is State.FAIL]
        notes.append(f"{counted(counts.failed, 'candidate')} failed: {failure_reasons(failed)}")
    notes.append(prediction_note(engine.records()))
    if engine.note:
        notes.append(f"ended before its budget: {engine.note}")
    return list(filter(None, notes))


def prediction_note(records: Sequence[Record]) -> str:
    """Return the mean error of the predicted step times; empty if none were predicted."""
    errors = [
        abs(metrics.predicted_relative_step_time / metrics.costs.relative_step_time - 1)
        for metrics in (record.outcome.metrics for record in records)
        if metrics.costs and metrics.predicted_relative_step_time is not None
    ]
    if not errors:
        return ""
    return (
        f"predicted step times were off by {mean(errors):.1%} on average "
        f"({counted(len(errors), 'measured candidate')})"
    )


def rung_costs(records: Sequence[Record]) -> tuple[RungCost, ...]:
    """Return the costs of each rung; empty for a search without rungs."""
    seconds = [record.outcome.metrics.device_seconds for record in records]
    spent = [one.by_rung for one in seconds if one and one.by_rung]
    highest = [max(rungs) for rungs in spent]
    return tuple(
        RungCost(
            rung=rung,
            entered=sum(rung in rungs for rungs in spent),
            stopped_here=highest.count(rung),
            device_seconds=sum(rungs.get(rung, 0.0) for rungs in spent),
        )
        for rung in range(max(highest, default=-1) + 1)
    )


def rung_notes(records: Sequence[Record]) -> list[str]:
    """Return one sentence per line on the costs of the rungs; empty for a search without rungs."""
    spent = [record.outcome.metrics.device_seconds for record in records]
    timings = [one.timing for one in spent if one and one.timing is not None]
    if not timings:
        return []
    untrained = sum(1 for one in spent if one and one.timing is not None and not one.by_rung)
    notes = [
        f"timing: {counted(len(timings), 'candidate')}, {sum(timings):.0f} device-seconds; "
        f"{untrained} of them {'was' if untrained == 1 else 'were'} not trained"
    ]
    notes += [
        f"rung {one.rung}: {counted(one.entered, 'candidate')}, {one.stopped_here} went no "
        f"further, {one.device_seconds:.0f} device-seconds"
        for one in rung_costs(records)
    ]
    trained = [record.outcome.metrics.training for record in records]
    again = sum(one.rung.trained_again for one in trained if one and one.rung)
    if again:
        notes.append(
            f"{counted(again, 'rung')} {'was' if again == 1 else 'were'} trained again, because "
            "a worker did not see the checkpoint of the rung before: workers on other hosts need "
            "the run's folder"
        )
    return notes


def final_notes(finals: Finals) -> list[str]:
    """Return one sentence per line: the winner, the rank correlations, failed trainings."""
    notes, trained = [_winner_note(finals)], finals.rank_correlation.count
    if trained >= MIN_FINALISTS_FOR_INTERVAL:
        rho, rho_of_params = finals.rank_correlation, finals.rank_correlation_of_params
        notes.append(f"rank correlation of the search with the further trainings: {rho}")
        notes.append(f"rank correlation of parameters alone with them: {rho_of_params}")
    if 1 < trained < MIN_FINALISTS_FOR_RANKING:
        notes.append(f"{trained} finalists are too few to judge a ranking by: see --proxy-check")
    for one in finals.finalists:
        name = f"candidate {one.record.candidate.number}"
        if one.failed:
            trainings = counted(one.failed, "further training")
            notes.append(f"{name} failed {trainings}: {one.reasons}")
        if one.at_chance:
            notes.append(f"{name} is at chance when trained again, and cannot win")
    return notes


def _winner_note(finals: Finals) -> str:
    first = next(one for one in finals.finalists if one.rank_after_search == 1)
    winner, leader = finals.winner, first.record.candidate.number
    if finals.none_trained:
        return f"no finalist could be trained again; candidate {leader} wins by the search alone"
    if winner is None:
        return "no finalist does better than chance when trained again"
    number = winner.record.candidate.number
    if winner is first:
        return f"candidate {number} led after the search, and still does"
    return (
        f"candidate {number} wins: rank {winner.rank_after_search} after the search, but ahead of "
        f"candidate {leader} when trained again"
    )
