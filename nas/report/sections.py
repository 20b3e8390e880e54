"""The report's words and tables on the winner, the finalists and the Pareto front."""

from collections.abc import Sequence
from typing import Any

from nas.analysis.pareto import pareto_front
from nas.candidate import Record
from nas.finalists.finalists import Finalist, Finals
from nas.report.notes import final_notes
from nas.report.progress import count

FRONT_HEADS = ("candidate", "key", "reward", "accuracy", "step time", "relative", "parameters")
FINALS_HEADS = (
    "candidate",
    "reward",
    "mean accuracy",
    "range",
    "step time",
    "relative",
    "parameters",
    "rank before",
    "reward before",
)


def confirmation(best: Record, finals: Finals | None) -> str:
    """Return a sentence on what the winner's figures rest on."""
    costs = best.outcome.costs
    figures = (
        f"Reward {best.outcome.reward:.4f}: accuracy {_percent(best.outcome.training.accuracy)}, "
        f"step time {_milliseconds(costs.step_time_s)}, which is "
        f"{costs.relative_step_time:.2f}x the reference network's, "
        f"{count(costs.num_params)} parameters"
    )
    if finals is None or finals.winner is None:
        return f"{figures}; one short training, not repeated with another seed."
    return f"{figures}; the mean of {len(finals.winner.trained)} further trainings."


def finals_section(finals: Finals) -> dict[str, Any]:
    """Return what the page shows of the finalists, the best first."""
    return {
        "trainings": max(len(one.outcomes) for one in finals.finalists),
        "epochs": finals.finalists[0].trainings[0].epochs,
        "heads": FINALS_HEADS,
        "rows": [
            {"mark": _mark(one, finals), "values": _finalist_cells(one)}
            for one in finals.finalists
        ],
        "notes": final_notes(finals),
    }


def front_rows(records: Sequence[Record], best: Record | None) -> list[dict[str, Any]]:
    """Return the front of accuracy, step time and params, the most accurate first."""
    number = best.candidate.number if best else None
    return [
        {
            "mark": "best" if record.candidate.number == number else "",
            "values": [
                record.candidate.number,
                record.candidate.key,
                f"{record.outcome.reward:.4f}",
                _percent(record.outcome.training.accuracy),
                _milliseconds(record.outcome.costs.step_time_s),
                f"{record.outcome.costs.relative_step_time:.2f}x",
                count(record.outcome.costs.num_params),
            ],
        }
        for record in pareto_front(records)
    ]


def _mark(one: Finalist, finals: Finals) -> str:
    if one is finals.winner:
        return "best"
    return "" if one.can_win else "chance"


def _finalist_cells(one: Finalist) -> list[str]:
    candidate, before = one.record.candidate, one.record.outcome
    cells = [str(candidate.number)]
    if one.trained:
        confirmed, std = one.confirmed.outcome, one.accuracy_std
        spread = "" if std is None else f" \u00b1 {100 * std:.2f}"
        remarks = [", at chance"] if one.at_chance else []
        remarks += [f", {one.failed} failed"] if one.failed else []
        cells += [
            f"{one.reward:.4f}",
            f"{100 * confirmed.training.accuracy:.2f}{spread} %{''.join(remarks)}",
            f"{100 * min(one.accuracies):.2f} to {100 * max(one.accuracies):.2f}",
            _milliseconds(confirmed.costs.step_time_s),
            f"{confirmed.costs.relative_step_time:.2f}x",
        ]
    else:
        cells += ["", f"failed: {one.outcomes[0].reason}", "", "", ""]
    params = count(before.costs.num_params)
    return [*cells, params, str(one.first_rank), f"{before.reward:.4f}"]


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:.1f} ms"
