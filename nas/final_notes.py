"""What the further trainings of the best candidates came to, in words."""

from nas.finalists import Finals

FEW = 4  # finalists below which a rank correlation has no interval
MANY = 10  # finalists from which it begins to say something


def final_notes(finals: Finals) -> list[str]:
    """Return one sentence a line: who won, whether the search's ranking held, what failed."""
    notes = [_who_won(finals)]
    again = finals.held.count
    if again >= FEW:
        notes.append(f"rank correlation of the search with the further trainings: {finals.held}")
        notes.append(f"rank correlation of parameters alone with them: {finals.by_params}")
    if 1 < again < MANY:
        notes.append(f"{again} finalists are too few to judge a ranking by: see --proxy-check")
    for one in finals.finalists:
        number = one.record.candidate.number
        if one.failed:
            reasons = "; ".join(sorted({end.reason for end in one.outcomes if end.reason}))
            notes.append(f"candidate {number} failed {one.failed} further trainings: {reasons}")
        if one.at_chance:
            notes.append(f"candidate {number} is at chance when trained again, and cannot win")
    return notes


def _who_won(finals: Finals) -> str:
    first = next(one for one in finals.finalists if one.first_rank == 1)
    winner, leader = finals.winner, first.record.candidate.number
    if winner is None:
        if finals.none_trained:
            return (
                f"no finalist could be trained again; candidate {leader} wins by the search alone"
            )
        return "no finalist does better than chance when trained again"
    number = winner.record.candidate.number
    if winner is first:
        return f"candidate {number} led after the search, and still does"
    return (
        f"candidate {number} wins: rank {winner.first_rank} after the search, but ahead of "
        f"candidate {leader} when trained again"
    )
