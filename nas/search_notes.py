"""What else there is to say of how a search went."""

from collections.abc import Sequence
from statistics import mean

from nas.candidate import Record, State
from nas.engine import Engine
from nas.limits import reasons_in_words


def search_notes(engine: Engine) -> list[str]:
    """Return one sentence a line: what was not trained, what failed, why it ended early."""
    counts, notes = engine.counts, []
    if counts.duplicates:
        notes.append(f"{_proposals(counts.duplicates)} known already, and not trained again")
    if counts.infeasible:
        notes.append(f"{_proposals(counts.infeasible)} not trained, for breaking a constraint")
    if counts.over_limit:
        candidates = "candidate" if counts.over_limit == 1 else "candidates"
        notes.append(
            f"{counts.over_limit} trained {candidates} broke a constraint by what was measured"
        )
    if counts.failed:
        failed = [record for record in engine.records() if record.outcome.state is State.FAIL]
        candidates = "candidate" if counts.failed == 1 else "candidates"
        notes.append(f"{counts.failed} {candidates} failed: {reasons_in_words(failed)}")
    if predicted := prediction_note(engine.records()):
        notes.append(predicted)
    if engine.note:
        notes.append(f"ended before its budget: {engine.note}")
    return notes


def _proposals(number: int) -> str:
    return "1 proposal was" if number == 1 else f"{number} proposals were"


def prediction_note(records: Sequence[Record]) -> str:
    """Return how far off the predicted step times were; empty where none were predicted."""
    errors = [
        abs(
            float(metrics["predicted_relative_step_time"]) / float(metrics["relative_step_time"])
            - 1
        )
        for metrics in (record.outcome.metrics for record in records)
        if "predicted_relative_step_time" in metrics
    ]
    if not errors:
        return ""
    return (
        f"predicted step times were off by {mean(errors):.1%} on average "
        f"({len(errors)} measured candidates)"
    )
