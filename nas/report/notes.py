"""Notes at the end of a search: skipped candidates, failures, predictions, finalists."""

from collections.abc import Sequence
from statistics import mean

from nas.candidate import Record, State
from nas.dispatch.limits import failure_reasons
from nas.engine.engine import Engine
from nas.finalists.finalists import Finals

MIN_FINALISTS_FOR_INTERVAL = 4  # the rank correlation of fewer has no interval
MIN_FINALISTS_FOR_RANKING = 10  # fewer are too few to judge a ranking by


def search_notes(engine: Engine) -> list[str]:
    """Return one sentence a line: skipped candidates, failures, why it ended early."""
    counts, notes = engine.counts, []
    if counts.duplicates:
        notes.append(f"{_proposals(counts.duplicates)} known already, and not trained again")
    if counts.infeasible:
        notes.append(f"{_proposals(counts.infeasible)} not trained, for breaking a constraint")
    if counts.over_limit:
        trained = "trained candidate" if counts.over_limit == 1 else "trained candidates"
        notes.append(f"{counts.over_limit} {trained} broke a constraint by what was measured")
    if counts.failed:
        failed = [record for record in engine.records() if record.outcome.state is State.FAIL]
        candidates = "candidate" if counts.failed == 1 else "candidates"
        notes.append(f"{counts.failed} {candidates} failed: {failure_reasons(failed)}")
    notes.append(prediction_note(engine.records()))
    if engine.note:
        notes.append(f"ended before its budget: {engine.note}")
    return list(filter(None, notes))


def _proposals(number: int) -> str:
    return "1 proposal was" if number == 1 else f"{number} proposals were"


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
        f"({len(errors)} measured candidates)"
    )


def final_notes(finals: Finals) -> list[str]:
    """Return one sentence a line: the winner, the rank correlations, failed trainings."""
    notes, trained = [_winner_note(finals)], finals.rank_correlation.count
    if trained >= MIN_FINALISTS_FOR_INTERVAL:
        rho, rho_of_params = finals.rank_correlation, finals.rank_correlation_of_params
        notes.append(f"rank correlation of the search with the further trainings: {rho}")
        notes.append(f"rank correlation of parameters alone with them: {rho_of_params}")
    if 1 < trained < MIN_FINALISTS_FOR_RANKING:
        notes.append(f"{trained} finalists are too few to judge a ranking by: see --proxy-check")
    for one in finals.finalists:
        number = one.record.candidate.number
        if one.failed:
            notes.append(
                f"candidate {number} failed {one.failed} further trainings: {one.reasons}"
            )
        if one.at_chance:
            notes.append(f"candidate {number} is at chance when trained again, and cannot win")
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
