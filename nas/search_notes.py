"""What else there is to say of how a search went."""

from nas.candidate import State
from nas.engine import Engine


def search_notes(engine: Engine) -> list[str]:
    """Return one sentence a line: what was not trained, what failed, why it ended early."""
    counts, notes = engine.counts, []
    if counts.duplicates:
        notes.append(f"{counts.duplicates} proposals were known already, and not trained again")
    if counts.infeasible:
        notes.append(f"{counts.infeasible} proposals broke a constraint, and were not trained")
    if counts.failed:
        reasons = {r.outcome.reason for r in engine.records() if r.outcome.state is State.FAIL}
        notes.append(f"{counts.failed} candidates failed: {'; '.join(sorted(reasons)[:3])}")
    if engine.note:
        notes.append(f"ended before its budget: {engine.note}")
    return notes
